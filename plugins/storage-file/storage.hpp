// FileStorage: the backend that is offered to other plugins. Opens stores as the configuration and
// the opener say together; the opener's word counts more.
//
// Control or a worker. Lives from the plugin's start to its stop.

#pragma once

#include "store.hpp"

namespace dunlin::storage_file {

class FileStorage final : public StorageBackend {
 public:
  FileStorage(Host host, std::shared_ptr<Reporter> reporter, Settings settings);
  result<std::unique_ptr<StoreBackend>> open(const dunlin_store_options& options) override;

 private:
  Host host_;
  std::shared_ptr<Reporter> reporter_;
  Settings settings_;
};

}  // namespace dunlin::storage_file
