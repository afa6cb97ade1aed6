#include "plugins/storage-file/settings.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "sdk/testkit/sim/config.hpp"
#include "tests/unit/plugins/storage-file/support.hpp"

namespace dunlin::storage_file::testing {
namespace {

using ::testing::HasSubstr;

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() { host.more_tables[DUNLIN_EXT_CONFIG] = &testkit::config_table; }
  result<Settings> read(const std::vector<std::string>& lines) {
    section = testkit::make_section(lines);
    return read_settings(Config(host.host().get<ConfigApi>(), section->raw()));
  }
  Settings good(const std::vector<std::string>& lines) {
    auto settings = read(lines);
    EXPECT_TRUE(succeeded(settings));
    return settings ? *settings : Settings();
  }

  TestHost host;
  std::unique_ptr<testkit::ConfigNode> section;
};

TEST_F(SettingsTest, the_manual_lists_what_may_be_said) {
  std::ifstream file(DUNLIN_DOCS "/storage.md");
  const std::string manual(std::istreambuf_iterator<char>(file), {});
  for (const auto& key : declared_keys()) {
    std::string row = std::string("| `") + key.name + "`";
    std::istringstream aliases(key.aliases != nullptr ? key.aliases : "");
    for (std::string alias; aliases >> alias;) row += ", `" + alias + "`";
    row += std::string(" | ") + (key.fallback != nullptr ? key.fallback : "") + " | " + key.help;
    EXPECT_THAT(manual, HasSubstr(row + " |\n"));
  }
}

TEST_F(SettingsTest, nothing_said_means_safe) {
  const auto settings = good({});
  EXPECT_EQ(settings.engine.sync, DUNLIN_SYNC_ALWAYS);
  EXPECT_FALSE(settings.syncs_late);
  EXPECT_EQ(settings.engine.compression, DUNLIN_COMPRESS_NONE);
  EXPECT_EQ(settings.cipher, DUNLIN_CIPHER_NONE);
  EXPECT_EQ(settings.engine.segment_bytes, 16u << 20);
  EXPECT_EQ(settings.engine.background_rate, 64u << 20);
  EXPECT_EQ(settings.reserve_bytes, 16u << 20);
  EXPECT_EQ(settings.dir, "");
}

// As in nats-server, where there is no other way to ask for late syncs.
TEST_F(SettingsTest, a_sync_interval_chooses_syncs_by_time) {
  auto settings = good({"sync_interval=10s"});
  EXPECT_EQ(settings.engine.sync, DUNLIN_SYNC_INTERVAL);
  EXPECT_EQ(settings.engine.sync_interval_ns, 10'000'000'000u);
  EXPECT_TRUE(settings.syncs_late);
  settings = good({"sync_interval=always"});
  EXPECT_EQ(settings.engine.sync, DUNLIN_SYNC_ALWAYS);
  settings = good({"sync=interval"});
  EXPECT_EQ(settings.engine.sync_interval_ns, 120'000'000'000u);
  settings = good({"sync=always", "sync_interval=10s"});
  EXPECT_EQ(settings.engine.sync, DUNLIN_SYNC_ALWAYS);
}

TEST_F(SettingsTest, contradictions_are_refused) {
  EXPECT_FALSE(read({"sync=none", "sync_interval=always"}));
  EXPECT_FALSE(read({"sync_interval=0s"}));
  EXPECT_FALSE(read({"sync=sometimes"}));
  EXPECT_FALSE(read({"cipher=aes"}));
  EXPECT_FALSE(read({"key=a", "key_file=/k"}));
  EXPECT_FALSE(read({"dir=relative"}));
  EXPECT_FALSE(read({"compression=lz4"}));
  EXPECT_FALSE(read({"no_such_key=1"}));
}

TEST_F(SettingsTest, a_key_alone_chooses_a_cipher) {
  const auto settings = good({"key=abc", "previous_key=def"});
  EXPECT_EQ(settings.cipher, DUNLIN_CIPHER_CHACHA20_POLY1305);
  EXPECT_EQ(text_of(settings.key.reveal()), "abc");
  EXPECT_EQ(text_of(settings.previous_key.reveal()), "def");
  EXPECT_EQ(good({"key_file=/k", "cipher=aes"}).cipher, DUNLIN_CIPHER_AES_GCM);
  EXPECT_EQ(good({"key=abc", "cipher=none"}).cipher, DUNLIN_CIPHER_NONE);
}

TEST_F(SettingsTest, sizes_are_read_as_written) {
  const auto settings = good({"segment_size=1MiB", "write_buffer=2MiB", "index_cache=3MiB",
                              "subject_memory=7MiB", "read_cache=4MiB", "reserve=0",
                              "keep_free=5MiB", "compression=zstd", "background_rate=6MiB",
                              "spare_segments=7"});
  EXPECT_EQ(settings.engine.spare_segments, 7u);
  EXPECT_EQ(settings.engine.segment_bytes, 1u << 20);
  EXPECT_EQ(settings.engine.write_buffer_bytes, 2u << 20);
  EXPECT_EQ(settings.engine.index_cache_bytes, 3u << 20);
  EXPECT_EQ(settings.engine.subject_memory_bytes, 7u << 20);
  EXPECT_EQ(settings.engine.read_cache_bytes, 4u << 20);
  EXPECT_EQ(settings.reserve_bytes, 0u);
  EXPECT_EQ(settings.keep_free_bytes, 5u << 20);
  EXPECT_EQ(settings.engine.compression, DUNLIN_COMPRESS_ZSTD);
  EXPECT_EQ(settings.engine.background_rate, 6u << 20);
}

}  // namespace
}  // namespace dunlin::storage_file::testing
