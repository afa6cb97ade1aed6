// kill -9 of the server while it stores: everything it acknowledged is there afterwards, byte for
// byte. DUNLIN_KILL_CYCLES says how often (5), DUNLIN_SEED repeats a run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <random>

#include "tests/server/harness/monitoring.hpp"
#include "tests/server/harness/stored_load.hpp"

namespace dunlin::testing {
namespace {

using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::size_t log_count = 3;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const value = ::getenv(name);
  return value != nullptr && *value != '\0' ? std::strtoull(value, nullptr, 10) : otherwise;
}

// Files in build trees are usually writable by a group; plugins may not be.
std::string plugin(const std::string& path) {
  ::chmod(path.c_str(), 0755);
  return path;
}

class Kill : public ::testing::Test {
 protected:
  // What the store-bench of this build needs to use a storage.
  ServerOptions options(const std::string& id, const std::string& path, const std::string& kind,
                        const std::string& settings) const {
    ServerOptions out;
    out.dir = dir_;
    out.config = "plugins { directory: \"" + std::string(DUNLIN_PLUGINS) +
                 "\", load: [ { id: \"" + id + "\", path: \"" + plugin(path) +
                 "\" }, { id: \"store-bench\", path: \"" + plugin(DUNLIN_STORE_BENCH) +
                 "\" } ] }\n" + id + " { " + settings + " }\n" + load_.section(kind);
    return out;
  }
  ServerOptions file_options() const {
    return options("storage-file", std::string(DUNLIN_PLUGINS) + "/storage-file.so", "file",
                   "segment_size: 256KiB");
  }

  // Publishes, and kills the server at a random moment with messages on the way.
  void load_and_kill(const ServerOptions& with, std::size_t acks_min = 1) {
    ServerProcess server{with};
    const auto acks = acks_min + random_() % 1500;
    const auto window = 1 + random_() % 256;
    load_.publish(server, acks, window, [&] {
      ::poll(nullptr, 0, static_cast<int>(random_() % 4));
      server.kill();
    });
  }

  // Of some log.
  [[nodiscard]] std::filesystem::path oldest_segment() const {
    std::filesystem::path oldest;
    for (const auto& item : std::filesystem::recursive_directory_iterator(dir_->path() / "store")) {
      if (item.path().extension() == ".seg" && (oldest.empty() || item.path() < oldest))
        oldest = item.path();
    }
    return oldest;
  }

  std::uint64_t seed_ = from_environment("DUNLIN_SEED", std::random_device()());
  std::mt19937_64 random_{seed_};
  std::shared_ptr<TempDir> dir_ = std::make_shared<TempDir>();
  StoredLoad load_{seed_, log_count};
};

TEST_F(Kill, loses_nothing_that_was_acknowledged) {
  SCOPED_TRACE("DUNLIN_SEED=" + std::to_string(seed_));
  const auto cycles = from_environment("DUNLIN_KILL_CYCLES", 5);
  for (std::uint64_t cycle = 1; cycle <= cycles && !HasFailure(); ++cycle) {
    SCOPED_TRACE("cycle " + std::to_string(cycle));
    load_and_kill(file_options());
    ServerProcess server{file_options()};
    EXPECT_THAT(load_.compare(server), IsEmpty());
    // Killed again, or stopped well, before the next load.
    if (random_() % 2 == 0) server.kill();
  }
  std::printf("%zu messages acknowledged in %llu cycles, %zu stored beside\n",
              load_.acknowledged(), static_cast<unsigned long long>(cycles),
              load_.unacknowledged());
}

// With messages on the way to all logs.
TEST_F(Kill, is_not_needed_a_stop_under_load_loses_nothing_either) {
  SCOPED_TRACE("DUNLIN_SEED=" + std::to_string(seed_));
  for (int cycle = 0; cycle < 2; ++cycle) {
    ServerProcess server{file_options()};
    load_.publish(server, 1000, 500, [&] { server.signal(SIGTERM); });
    EXPECT_EQ(server.wait_exit(), 0) << server.log();
  }
  ServerProcess server{file_options()};
  // Whoever still publishes when nobody stores any more is told so.
  EXPECT_THAT(load_.compare(server), Each(HasSubstr("was refused: NATS/1.0 503")));
}

// That the comparison can fail: a backend that acknowledges what it has not written.
TEST_F(Kill, of_a_store_that_acknowledges_too_early_is_noticed) {
  const auto with = options("storage-reference", DUNLIN_REFERENCE, "reference",
                            "fault: \"ack-before-write\"");
  load_and_kill(with);
  ServerProcess server{with};
  EXPECT_THAT(load_.compare(server), Contains(HasSubstr("was acknowledged")));
}

// Records that were acknowledged are not there any more.
TEST_F(Kill, and_a_segment_that_was_cut_off_is_noticed) {
  load_and_kill(file_options(), 500);
  std::filesystem::resize_file(oldest_segment(), 4096);
  ServerProcess server{file_options()};
  EXPECT_THAT(load_.compare(server), Not(IsEmpty()));
}

TEST_F(Kill, leaves_damage_to_be_told_by_log_metrics_and_health) {
  auto with = file_options();
  with.config += "http: \"127.0.0.1:-1\"\n";
  load_and_kill(with, 500);
  std::filesystem::resize_file(oldest_segment(), 4096);
  ServerProcess server{with};
  const auto port = monitor_port(server);
  EXPECT_THAT(load_.compare(server), Not(IsEmpty()));
  EXPECT_THAT(server.log(), ContainsRegex("records [0-9]+ to [0-9]+ are damaged"));
  const auto metrics = ask_monitor(port, "/metrics");
  EXPECT_THAT(metrics, HasSubstr("\ndunlin_damaged_logs{plugin=\"storage-file\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\ndunlin_damaged_records_total{plugin=\"storage-file\"} "));
  EXPECT_THAT(metrics,
              HasSubstr("\ndunlin_health{plugin=\"storage-file\",component=\"logs\"} 1\n"));
}

}  // namespace
}  // namespace dunlin::testing
