// `dunlin-server store` with the file storage: from the directory of a nats-server to a store that
// is looked into, damaged, and held by a server.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/server/harness/server_process.hpp"

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

TEST_F(StoreCommand, makes_no_store_where_there_is_none) {
  const auto verified = store({"verify", place_});
  EXPECT_EQ(verified.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(place_));
}

}  // namespace
}  // namespace dunlin::testing
