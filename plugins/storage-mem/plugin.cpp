// The plugin storage-mem: offers "storage/1:memory".

#include <dunlin/plugin.hpp>
#include <dunlin/registry.hpp>

#include <optional>

#include "plugins/storage-mem/memory_store.hpp"

namespace dunlin::storage_mem {
namespace {

class Plugin {
 public:
  explicit Plugin(Host host) : host_(host) {}

  result<> start() {
    storage_.emplace(host_);
    return host_.get<Registry>().offer(DUNLIN_EXT_STORAGE ":memory", storage_->table(),
                                       static_cast<StorageBackend*>(&*storage_));
  }

 private:
  Host host_;
  std::optional<MemoryStorage> storage_;
};

}  // namespace
}  // namespace dunlin::storage_mem

DUNLIN_PLUGIN(storage_mem, dunlin::storage_mem::Plugin,
              dunlin::Describe{.id = "storage-mem",
                               .version = "0.1.0",
                               .summary = "Streams kept in memory",
                               .license = "Apache-2.0",
                               .provides = {DUNLIN_EXT_STORAGE ":memory"}});
