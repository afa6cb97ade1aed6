// The storage plugins of this tree in the real server: found, listed, and started.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "tests/server/harness/raw_client.hpp"
#include "tests/server/harness/server_process.hpp"
#include "tests/server/harness/stored_load.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Files in build trees are usually writable by a group; plugins may not be.
std::string plugin(const std::string& path) {
  ::chmod(path.c_str(), 0755);
  return path;
}

std::string directory() {
  plugin(std::string(DUNLIN_PLUGINS) + "/storage-mem.so");
  return DUNLIN_PLUGINS;
}

// The files that are mapped into a server which stored something.
std::string mapped_by_server_with(const std::string& settings) {
  StoredLoad load{1, 2};
  ServerProcess server{ServerProcess::with_config(
      "plugins { load: [ { id: \"storage-file\", path: \"" +
      plugin(std::string(DUNLIN_PLUGINS) + "/storage-file.so") +
      "\" }, { id: \"store-bench\", path: \"" + plugin(DUNLIN_STORE_BENCH) +
      "\" } ] }\nstorage-file { " + settings + " }\n" + load.section("file"))};
  std::string mapped;
  load.publish(server, 10, 1, [&] {
    std::ifstream maps("/proc/" + std::to_string(server.pid()) + "/maps");
    mapped.assign(std::istreambuf_iterator<char>(maps), {});
    server.kill();
  });
  return mapped;
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

TEST(StoragePlugins, have_no_libcrypto_without_a_key) {
  const auto plain = mapped_by_server_with("");
  EXPECT_THAT(plain, HasSubstr("storage-file.so"));
  EXPECT_THAT(plain, Not(HasSubstr("libcrypto")));
  EXPECT_THAT(mapped_by_server_with("key: \"open sesame\""), HasSubstr("libcrypto"));
}

}  // namespace
}  // namespace dunlin::testing
