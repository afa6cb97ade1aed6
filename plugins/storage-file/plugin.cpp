// The storage-file plugin: settings, key files, and the offer of "storage/1:file".

#include <dunlin/plugin.hpp>
#include <dunlin/registry.hpp>

#include <optional>

#include "storage.hpp"

namespace dunlin::storage_file {
namespace {

constexpr const char* capability = "storage/1:file";
constexpr std::uint64_t key_file_bytes_max = 4096;

class Plugin {
 public:
  explicit Plugin(dunlin::Host host) : host_(host) {}

  dunlin::result<> configure(dunlin::Config config);
  dunlin::result<> start();
  void stop() noexcept { storage_.reset(); }

 private:
  dunlin::result<> read_key_file(const std::string& path, Secret& into) const;

  dunlin::Host host_;
  Settings settings_;
  std::shared_ptr<Reporter> reporter_;
  std::optional<FileStorage> storage_;
};

dunlin::result<> Plugin::configure(dunlin::Config config) {
  auto settings = read_settings(config);
  if (!settings) return settings.error();
  settings_ = std::move(*settings);
  return {};
}

dunlin::result<> Plugin::read_key_file(const std::string& path, Secret& into) const {
  if (path.empty()) return {};
  const Files files(host_.raw(), static_cast<const dunlin_fs*>(
                                     host_.raw()->extension(host_.raw(), DUNLIN_EXT_FS)));
  auto content = files.read_file(path, key_file_bytes_max);
  if (!content) return content.error();
  // Editors end files with a line end that nobody means to be a part of the key.
  while (!(*content).empty() && ((*content).back() == '\n' || (*content).back() == '\r')) {
    (*content).pop_back();
  }
  if ((*content).empty()) {
    return dunlin::fail(DUNLIN_E_CONFIG, "the key file " + path + " is empty");
  }
  into = Secret(*content);
  std::fill((*content).begin(), (*content).end(), std::uint8_t{0});
  return {};
}

dunlin::result<> Plugin::start() {
  if (host_.raw()->extension(host_.raw(), DUNLIN_EXT_FS) == nullptr) {
    return dunlin::fail(DUNLIN_E_UNSUPPORTED, "this host offers plugins no files (dunlin.fs/1)");
  }
  if (auto ok = read_key_file(settings_.key_file, settings_.key); !ok) return ok;
  if (auto ok = read_key_file(settings_.previous_key_file, settings_.previous_key); !ok) return ok;
  reporter_ = std::make_shared<Reporter>(host_);
  if (settings_.syncs_late) {
    reporter_->log().warning(
        "sync = \"{}\": records are acknowledged before they are on stable storage, and a power "
        "cut loses those of the last moments; sync = \"always\" loses none",
        settings_.engine.sync == DUNLIN_SYNC_NONE ? "none" : "interval");
  }
  storage_.emplace(host_, reporter_, settings_);
  return host_.get<dunlin::Registry>().offer(capability, storage_->table(),
                                             static_cast<StorageBackend*>(&*storage_));
}

}  // namespace
}  // namespace dunlin::storage_file

DUNLIN_PLUGIN(storage_file, dunlin::storage_file::Plugin,
              dunlin::Describe{.id = "storage-file",
                               .version = "0.1.0",
                               .summary = "Streams and consumers in files",
                               .license = "Apache-2.0",
                               .provides = {"storage/1:file"}});
