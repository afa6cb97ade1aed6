// `dunlin-server store` with the file storage: from the directory of a nats-server to a store that
// is looked into, damaged, and held by a server.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "tests/server/harness/server_process.hpp"
#include "tests/server/harness/stored_load.hpp"

namespace dunlin::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class StoreCommand : public ::testing::Test {
 protected:
  StoreCommand() {
    for (const char* plugin : {"store-tools", "storage-file"})
      ::chmod((std::string(DUNLIN_PLUGINS) + "/" + plugin + ".so").c_str(), 0755);
  }
  ProcessResult store(std::vector<std::string> words) const {
    words.insert(words.begin(), "store");
    return run_server(words);
  }
  ProcessResult import() const { return store({"import", DUNLIN_GO_STORE, "--into", place_}); }

  // The segment of the stream PLAIN.
  std::filesystem::path segment() const {
    for (const auto& item : std::filesystem::recursive_directory_iterator(place_)) {
      const auto path = item.path().string();
      if (path.find("PLAIN") != std::string::npos && path.ends_with(".seg")) return item.path();
    }
    return {};
  }

  TempDir dir_;
  const std::string place_ = dir_.file("store");
};

TEST_F(StoreCommand, imports_a_store_of_nats_server_which_then_is_healthy) {
  const auto imported = import();
  EXPECT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_THAT(imported.out, HasSubstr("9 streams imported, 0 not"));
  const auto verified = store({"verify", place_});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_THAT(verified.out, AllOf(HasSubstr("streams/$G/PLAIN: healthy, 11 records"),
                                  HasSubstr("9 logs, 18 items of metadata; all healthy")));
  // As many bytes as nats-server counted.
  const auto shown = store({"inspect", place_, "streams/$G/PLAIN"});
  EXPECT_THAT(shown.out, HasSubstr("bytes               675\n"));
}

TEST_F(StoreCommand, tells_what_is_damaged_and_exports_the_rest) {
  import();
  auto content = TempDir::read(segment());
  const auto at = content.find("message 7");
  ASSERT_NE(at, std::string::npos);
  const int file = ::open(segment().c_str(), O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(::pwrite(file, "M", 1, static_cast<off_t>(at)), 1);
  ::close(file);
  const auto verified = store({"verify", place_});
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.out, AllOf(HasSubstr("streams/$G/PLAIN: DAMAGED"), HasSubstr("lost: 7:"),
                                  HasSubstr(segment().string())));
  EXPECT_THAT(verified.err, HasSubstr("What to do"));
  const auto exported = store({"export", place_, "streams/$G/PLAIN", "--format", "raw"});
  EXPECT_EQ(exported.exit_code, 1);
  EXPECT_THAT(exported.out, HasSubstr("message 6message 8"));
  EXPECT_THAT(exported.err, HasSubstr("passed over 7"));
}

TEST_F(StoreCommand, changes_nothing_by_looking) {
  import();
  const auto before = TempDir::read(segment());
  const auto time = std::filesystem::last_write_time(segment());
  for (const char* word : {"verify", "inspect"}) EXPECT_EQ(store({word, place_}).exit_code, 0);
  EXPECT_EQ(TempDir::read(segment()), before);
  EXPECT_EQ(std::filesystem::last_write_time(segment()), time);
}

TEST_F(StoreCommand, leaves_a_store_alone_that_another_process_holds) {
  import();
  const int lock = ::open((place_ + "/LOCK").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(lock, 0);
  EXPECT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  const auto verified = store({"verify", place_});
  ::close(lock);
  EXPECT_EQ(verified.exit_code, 2);
  EXPECT_THAT(verified.err, HasSubstr("stop the server that uses it"));
}

// The same records before and after their files were compressed and encrypted in the background.
TEST_F(StoreCommand, exports_what_was_rewritten_as_it_was) {
  StoredLoad load{7, 2};
  const auto shared = std::make_shared<TempDir>();
  const auto options = [&](const std::string& settings) {
    ServerOptions out;
    out.dir = shared;
    out.config = "plugins { load: [ { id: \"storage-file\", path: \"" +
                 std::string(DUNLIN_PLUGINS) + "/storage-file.so\" }, { id: \"store-bench\", " +
                 "path: \"" DUNLIN_STORE_BENCH "\" } ] }\nstorage-file { segment_size: 32KiB, " +
                 settings + " }\n" + load.section("file");
    return out;
  };
  ::chmod(DUNLIN_STORE_BENCH, 0755);
  const auto place = shared->file("store");
  const auto is_rewritten = [&] {
    for (const auto& item : std::filesystem::recursive_directory_iterator(place)) {
      const auto name = item.path().string();
      if (name.ends_with(".seg") && !name.ends_with("0000.seg")) return true;
    }
    return false;
  };
  const std::string key = "compression: zstd, key: \"open sesame\"";
  const auto config = dir_.write("store.conf", "storage-file { " + key + " }\n");
  const auto exported = [&] {
    const auto ran = run_server({"-c", config, "store", "export", place, "bench.0"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  };
  {
    ServerProcess server{options("background_rate: 0")};
    load.publish(server, 300, 64, [&] { server.signal(SIGTERM); });
    server.wait_exit();
  }
  EXPECT_FALSE(is_rewritten());
  const auto before = exported();
  EXPECT_GE(std::count(before.begin(), before.end(), '\n'), 100);
  {
    ServerProcess server{options(key)};
    EXPECT_TRUE(eventually(is_rewritten)) << server.log();
    server.signal(SIGTERM);
    server.wait_exit();
  }
  EXPECT_EQ(exported(), before);
  const auto verified = run_server({"-c", config, "store", "verify", place});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
  const auto without_key = store({"export", place, "bench.0"});
  EXPECT_EQ(without_key.exit_code, 2);
  EXPECT_THAT(without_key.err, HasSubstr("encrypted"));
}

TEST_F(StoreCommand, makes_no_store_where_there_is_none) {
  const auto verified = store({"verify", place_});
  EXPECT_EQ(verified.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(place_));
}

}  // namespace
}  // namespace dunlin::testing
