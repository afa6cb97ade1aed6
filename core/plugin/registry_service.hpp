// Offers of plugins to each other.  [any thread]

#pragma once

#include <dunlin/ext/registry.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::plugin {

class RegistryService {
 public:
  dunlin_status offer(std::string_view plugin, std::string_view capability, const void* table,
                      void* self);
  void forget(std::string_view plugin);
  // Offers that meet `capability`, in the order they were made. The texts live until the offer
  // is forgotten.
  [[nodiscard]] std::vector<dunlin_offer> find(std::string_view capability) const;

 private:
  struct Offer {
    std::string plugin, capability;
    const void* table;
    void* self;
  };
  mutable std::mutex mutex_;  // guards offers_
  std::vector<std::unique_ptr<Offer>> offers_;
};

}  // namespace dunlin::plugin
