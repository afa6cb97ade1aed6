// The storage plugins of this tree in the real server: found, listed, and started.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/server/harness/raw_client.hpp"
#include "tests/server/harness/server_process.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;

std::string directory() {
  // Files in build trees are usually writable by a group; plugins may not be.
  ::chmod((std::string(DUNLIN_PLUGINS) + "/storage-mem.so").c_str(), 0755);
  return DUNLIN_PLUGINS;
}

TEST(StoragePlugins, are_listed) {
  const TempDir dir;
  const auto config = dir.write("server.conf", "plugins { directory: \"" + directory() + "\" }\n");
  const auto result = run_server({"-c", config, "--list-plugins"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("storage-mem"));
  EXPECT_THAT(result.out, HasSubstr("storage-mem.so, available"));
}

TEST(StoragePlugins, start_with_the_server) {
  ServerProcess server{ServerProcess::with_config(
      "plugins { load: [ { id: \"storage-mem\", path: \"" + directory() +
      "/storage-mem.so\" } ] }\n")};
  auto client = RawClient::connect(server, quiet);
  client.send("PING\r\n");
  EXPECT_TRUE(client.receives("PONG\r\n"));
  EXPECT_THAT(server.log(), HasSubstr("Plugin storage-mem"));
}

}  // namespace
}  // namespace dunlin::testing
