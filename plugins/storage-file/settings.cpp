#include "settings.hpp"

#include <strings.h>

namespace dunlin::storage_file {
namespace {

// nats-server's own.
constexpr std::uint64_t sync_interval_ns = 120'000'000'000;
constexpr std::int64_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;

constexpr dunlin_key one_of(const char* name, const char* fallback, const char* choices,
                            const char* help) {
  auto key = dunlin::key(name, DUNLIN_KEY_TEXT, fallback, help);
  key.choices = choices;
  return key;
}
constexpr dunlin_key size(const char* name, const char* fallback, std::int64_t least,
                          std::int64_t most, const char* help) {
  auto key = dunlin::key(name, DUNLIN_KEY_SIZE, fallback, help);
  key.least = least;
  key.most = most;
  return key;
}
constexpr dunlin_key count(const char* name, const char* fallback, std::int64_t least,
                           std::int64_t most, const char* help) {
  auto key = dunlin::key(name, DUNLIN_KEY_INTEGER, fallback, help);
  key.least = least;
  key.most = most;
  return key;
}
constexpr dunlin_key also(dunlin_key key, const char* aliases) {
  key.aliases = aliases;
  return key;
}

constexpr dunlin_key keys[] = {
    dunlin::key("dir", DUNLIN_KEY_TEXT, nullptr,
                "Directory of a store whose opener names none; absolute"),
    one_of("sync", nullptr, "always interval none",
           "When a record counts as stored: after a sync (always, the default), before one that "
           "comes by time (interval), or left to the operating system (none)"),
    dunlin::key("sync_interval", DUNLIN_KEY_ANY, nullptr,
                "Time between syncs with sync = \"interval\", 2m if not said; setting it chooses "
                "that, unless it is \"always\""),
    one_of("compression", "none", "none s2 zstd",
           "How records are compressed, in the background, once their file is full"),
    one_of("cipher", nullptr, "none aes chacha aes-gcm chacha20-poly1305 chachapoly",
           "How blocks and metadata are encrypted; with a key, chacha20-poly1305 if not said"),
    also(dunlin::key("key", DUNLIN_KEY_SECRET, nullptr, "Key of the encryption"),
         "encryption_key ek"),
    dunlin::key("key_file", DUNLIN_KEY_TEXT, nullptr, "File that holds the key, instead of key"),
    also(dunlin::key("previous_key", DUNLIN_KEY_SECRET, nullptr,
                     "The key before, while something is still encrypted with it"),
         "prev_key prev_encryption_key prev_ek"),
    dunlin::key("previous_key_file", DUNLIN_KEY_TEXT, nullptr,
                "File that holds the key before, instead of previous_key"),
    size("segment_size", "16MiB", 32 * kib, gib, "Size of the files records are written to"),
    count("spare_segments", "4", 0, 64,
          "Such files each log keeps for later; one that fills them fast makes half as many ahead"),
    size("write_buffer", "8MiB", 64 * kib, gib,
         "Records of one log that may wait for the disk before appends are held back"),
    size("index_cache", "64MiB", mib, 1024 * gib,
         "Memory for indexes of segments, of all logs of a store together"),
    size("subject_memory", "64MiB", 4 * kib, 1024 * gib,
         "Memory for subjects, of all logs of a store together; what does not fit is read from the "
         "disk when it is asked for"),
    size("read_cache", "32MiB", mib, 1024 * gib,
         "Memory for compressed or encrypted blocks read lately, of each store"),
    size("background_rate", "64MiB", 0, 1024 * gib,
         "Bytes a second of each store that are read and written to give space back, to compress "
         "and to encrypt again; 0 for never"),
    size("reserve", "16MiB", 0, gib,
         "Disk space kept for metadata and removals, for when the disk is full"),
    size("keep_free", "64MiB", 0, 1024 * gib,
         "Records are refused while the disk has less free than this"),
};

std::uint32_t sync_of(const std::string& word) {
  if (word == "interval") return DUNLIN_SYNC_INTERVAL;
  return word == "none" ? DUNLIN_SYNC_NONE : DUNLIN_SYNC_ALWAYS;
}

std::uint32_t compression_of(const std::string& word) {
  if (word == "s2") return DUNLIN_COMPRESS_S2;
  return word == "zstd" ? DUNLIN_COMPRESS_ZSTD : DUNLIN_COMPRESS_NONE;
}

std::uint32_t cipher_of(const std::string& word) {
  if (word == "none") return DUNLIN_CIPHER_NONE;
  return word.starts_with("aes") ? DUNLIN_CIPHER_AES_GCM : DUNLIN_CIPHER_CHACHA20_POLY1305;
}

std::string optional_text(const dunlin::Config& config, const char* key) {
  auto text = config.text(key);
  return text ? *text : std::string();
}

dunlin::result<> read_sync(const dunlin::Config& config, Settings& settings) {
  const auto interval = config.get("sync_interval");
  const auto word = optional_text(config, "sync");
  settings.engine.sync = sync_of(word);
  settings.engine.sync_interval_ns = sync_interval_ns;
  if (interval) {
    auto text = interval.text();
    if (text && *text == "always") {
      if (word.empty() || word == "always") return {};
      return interval.refuse("sync_interval = \"always\" contradicts sync = \"" + word + "\"");
    }
    auto duration = interval.duration();
    if (!duration) return duration.error();
    if ((*duration).count() <= 0) return interval.refuse("sync_interval is longer than nothing");
    settings.engine.sync_interval_ns = static_cast<std::uint64_t>((*duration).count());
    if (word.empty()) settings.engine.sync = DUNLIN_SYNC_INTERVAL;
  }
  settings.syncs_late = settings.engine.sync != DUNLIN_SYNC_ALWAYS;
  return {};
}

dunlin::result<> read_keys(const dunlin::Config& config, Settings& settings) {
  struct Pair {
    const char *key, *file;
    Secret& secret;
    std::string& path;
  };
  for (const auto& [key, file, secret, path] :
       {Pair{"key", "key_file", settings.key, settings.key_file},
        Pair{"previous_key", "previous_key_file", settings.previous_key,
             settings.previous_key_file}}) {
    path = optional_text(config, file);
    const auto node = config.get(key);
    if (!node) continue;
    if (!path.empty()) {
      return node.refuse(std::string(key) + " and " + file + " are two ways to say the same");
    }
    auto read = node.secret();
    if (!read) return read.error();
    secret = Secret({(*read).reveal.data, (*read).reveal.size});
    if (secret.empty()) return node.refuse(std::string(key) + " is empty");
  }
  const bool has_key = !settings.key.empty() || !settings.key_file.empty();
  const auto cipher = config.get("cipher");
  const auto word = optional_text(config, "cipher");
  settings.cipher = word.empty() ? (has_key ? DUNLIN_CIPHER_CHACHA20_POLY1305 : DUNLIN_CIPHER_NONE)
                                 : cipher_of(word);
  if (settings.cipher != DUNLIN_CIPHER_NONE && !has_key) {
    return cipher.refuse("a cipher needs key or key_file");
  }
  return {};
}

}  // namespace

std::span<const dunlin_key> declared_keys() noexcept { return keys; }

Secret::~Secret() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

dunlin::result<Settings> read_settings(dunlin::Config config) {
  if (auto ok = config.declare(keys); !ok) return ok.error();
  Settings settings;
  settings.dir = optional_text(config, "dir");
  if (!settings.dir.empty() && settings.dir.front() != '/') {
    return config.get("dir").refuse("dir must be an absolute path");
  }
  if (auto ok = read_sync(config, settings); !ok) return ok.error();
  if (auto ok = read_keys(config, settings); !ok) return ok.error();
  auto& engine = settings.engine;
  engine.compression = compression_of(optional_text(config, "compression"));
  struct Size {
    const char* key;
    std::uint64_t& into;
  };
  for (const auto& [key, into] : {Size{"segment_size", engine.segment_bytes},
                                  Size{"write_buffer", engine.write_buffer_bytes},
                                  Size{"index_cache", engine.index_cache_bytes},
                                  Size{"subject_memory", engine.subject_memory_bytes},
                                  Size{"read_cache", engine.read_cache_bytes},
                                  Size{"background_rate", engine.background_rate},
                                  Size{"reserve", settings.reserve_bytes},
                                  Size{"keep_free", settings.keep_free_bytes}}) {
    auto value = config.size(key);
    if (!value) return value.error();
    into = *value;
  }
  auto spares = config.integer("spare_segments");
  if (!spares) return spares.error();
  engine.spare_segments = static_cast<std::uint32_t>(*spares);
  return settings;
}

}  // namespace dunlin::storage_file
