// What operators see: lines of the log and the three components of health.

#include "plugins/storage-file/reporter.hpp"

#include <gmock/gmock.h>

#include "tests/unit/plugins/storage-file/support.hpp"

namespace dunlin::storage_file::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ReporterTest : public ::testing::Test {
 protected:
  TestHost host;
  std::shared_ptr<Reporter> reporter = std::make_shared<Reporter>(host.host());
  std::unique_ptr<Observer> store = reporter->observer("/store");

  std::uint32_t health(const std::string& component) {
    return host.health.contains(component) ? host.health.at(component).first : 99;
  }
};

TEST_F(ReporterTest, damage_is_told_with_its_place_until_the_log_is_well) {
  store->damaged("streams/A", 5, 7, "1.seg at 4096: checksum");
  EXPECT_THAT(host.log_lines,
              Contains(HasSubstr("/store: streams/A: records 5 to 7 are damaged: 1.seg at 4096")));
  EXPECT_EQ(health("logs"), DUNLIN_HEALTH_DEGRADED);
  EXPECT_THAT(host.health.at("logs").second, HasSubstr("1 damaged, 0 poisoned"));
  store->recovered("streams/B");
  EXPECT_EQ(health("logs"), DUNLIN_HEALTH_DEGRADED);
  store->recovered("streams/A");
  EXPECT_EQ(health("logs"), DUNLIN_HEALTH_OK);
}

TEST_F(ReporterTest, an_index_that_was_made_again_is_told_and_harmless) {
  store->damaged("streams/A", 0, 0, "1.idx was made again");
  EXPECT_THAT(host.log_lines, Contains(HasSubstr("1.idx was made again")));
  EXPECT_FALSE(host.health.contains("logs"));
}

TEST_F(ReporterTest, a_failed_sync_fails_the_server) {
  store->damaged("streams/A", 5, 5, "checksum");
  store->poisoned("streams/A", "sync failed");
  store->damaged("streams/A", 6, 6, "checksum");
  EXPECT_EQ(health("logs"), DUNLIN_HEALTH_FAILED);
  EXPECT_THAT(host.health.at("logs").second, HasSubstr("0 damaged, 1 poisoned"));
}

TEST_F(ReporterTest, a_full_disk_is_told_once_and_so_is_its_end) {
  reporter->space("/store", 10, true);
  reporter->space("/store", 9, true);
  EXPECT_THAT(host.log_lines, SizeIs(1));
  EXPECT_EQ(health("space"), DUNLIN_HEALTH_DEGRADED);
  reporter->space("/other", 9, true);
  reporter->space("/store", 1000, false);
  EXPECT_EQ(health("space"), DUNLIN_HEALTH_DEGRADED);
  reporter->space("/other", 1000, false);
  EXPECT_EQ(health("space"), DUNLIN_HEALTH_OK);
  EXPECT_THAT(host.log_lines, SizeIs(4));
}

TEST_F(ReporterTest, a_closed_store_takes_its_troubles_with_it) {
  reporter->store_opened();
  store->poisoned("streams/A", "sync failed");
  reporter->space("/store", 10, true);
  reporter->catalogue("/store", "lost");
  EXPECT_EQ(health("catalogue"), DUNLIN_HEALTH_FAILED);
  reporter->store_closed("/store");
  for (const auto* const component : {"logs", "space", "catalogue"}) {
    EXPECT_EQ(health(component), DUNLIN_HEALTH_OK) << component;
  }
}

}  // namespace
}  // namespace dunlin::storage_file::testing
