#include "plugins/storage-file/disk_space.hpp"

#include <gmock/gmock.h>

#include "tests/unit/plugins/storage-file/support.hpp"

namespace dunlin::storage_file::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t second = 1'000'000'000;

class DiskSpaceTest : public ::testing::Test {
 protected:
  DiskSpaceTest() {
    host.disk.capacity = 10'000'000;
    EXPECT_TRUE(host.files().make_dirs("/store"));
    DiskSpaceOptions options;
    options.dir = "/store";
    options.reserve_bytes = 1'000'000;
    options.keep_free_bytes = 2'000'000;
    space = std::make_shared<DiskSpace>(host.files(), host.clock(), host.executor(), options);
    space->watch([this](bool is_full) { told.push_back(is_full); });
    EXPECT_TRUE(space->start());
    host.run();
  }
  ~DiskSpaceTest() override { space->stop(); }

  TestHost host;
  std::shared_ptr<DiskSpace> space;
  std::vector<bool> told;
};

TEST_F(DiskSpaceTest, the_reserve_takes_real_space) {
  EXPECT_EQ(host.content("/store/reserve").size(), 1'000'000u);
  EXPECT_GE(host.disk.used(), 1'000'000u);
  EXPECT_FALSE(space->is_full());
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(DiskSpaceTest, appends_stop_before_the_disk_is_full_and_resume_by_themselves) {
  host.write("/big", std::string(7'500'000, 'x'));
  host.pass(6 * second);
  EXPECT_TRUE(space->is_full());
  EXPECT_THAT(told, ElementsAre(true));
  EXPECT_EQ(host.content("/store/reserve").size(), 1'000'000u) << "nobody needed it";
  host.remove("/big");
  host.pass(second);
  EXPECT_FALSE(space->is_full());
  EXPECT_THAT(told, ElementsAre(true, false));
}

TEST_F(DiskSpaceTest, a_write_that_found_the_disk_full_gets_the_reserve) {
  space->report_full();
  EXPECT_TRUE(space->is_full());
  EXPECT_EQ(host.content("/store/reserve").size(), 0u);
  EXPECT_THAT(told, IsEmpty()) << "told inside the call";
  host.run();
  EXPECT_THAT(told, ElementsAre(true));
  // There is room: it is proved by taking the reserve back.
  host.pass(second);
  EXPECT_FALSE(space->is_full());
  EXPECT_EQ(host.content("/store/reserve").size(), 1'000'000u);
  EXPECT_THAT(told, ElementsAre(true, false));
}

TEST_F(DiskSpaceTest, it_stays_full_while_the_reserve_cannot_be_written) {
  space->report_full();
  host.fault = {DUNLIN_E_NO_SPACE, 0};
  host.pass(3 * second);
  EXPECT_TRUE(space->is_full());
  host.fault = {};
  host.pass(second);
  EXPECT_FALSE(space->is_full());
}

TEST_F(DiskSpaceTest, a_disk_that_says_it_has_room_and_has_none_is_asked_less_often) {
  for (int i = 0; i < 300; ++i) {
    if (!space->is_full()) space->report_full();
    host.pass(second / 5);
  }
  // A minute in which every attempt fails.
  EXPECT_LT(told.size(), 40u);
  EXPECT_GT(told.size(), 10u);
}

TEST_F(DiskSpaceTest, after_it_was_stopped_nothing_of_it_runs) {
  space->stop();
  host.write("/big", std::string(9'000'000, 'x'));
  host.pass(60 * second);
  EXPECT_FALSE(space->is_full());
  EXPECT_THAT(told, IsEmpty());
}

}  // namespace
}  // namespace dunlin::storage_file::testing
