// The configuration as one plugin sees it: its declared keys, their defaults, and what may not
// change at a reload. Control thread only.

#pragma once

#include <dunlin/ext/config.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/plugin/config_node.hpp"

namespace dunlin::plugin {

class ConfigService {
 public:
  explicit ConfigService(const ConfigHelpers& helpers);
  ~ConfigService();

  // From configure to start, and from reload_prepare to reload_finish: what begin() gives goes to
  // the plugin, and all nodes are dropped at end(). A NULL section stands for an empty table.
  const dunlin_config* begin(const ConfigNode* section, bool is_reload);
  void end();
  // Makes the values of the last checked tree the ones a reload is compared with.
  void commit();
  // Did the plugin declare its keys since begin()?
  [[nodiscard]] bool declared() const noexcept { return declared_; }

  // A number that is another one for another section. NULL is an empty table.
  [[nodiscard]] static std::uint64_t mark_of(const ConfigNode* section);

  // All problems of the tree, each with its place; empty when it is fine.
  std::vector<std::string> declare(const ConfigNode* tree, const dunlin_key* keys, std::size_t n);

  const ConfigNode* get(const ConfigNode* table, std::string_view key);
  [[nodiscard]] result<std::int64_t> duration_ns(const ConfigNode& node) const;
  [[nodiscard]] result<std::uint64_t> size_bytes(const ConfigNode& node) const;

  static const dunlin_config* handle(const ConfigNode* node) noexcept {
    return reinterpret_cast<const dunlin_config*>(node);
  }
  static const ConfigNode* node(const dunlin_config* handle) noexcept {
    return reinterpret_cast<const ConfigNode*>(handle);
  }

 private:
  class DefaultNode;
  class Check;
  struct Keys {
    const dunlin_key* data;
    std::size_t size;
  };
  const ConfigNode* make_default(const dunlin_key& key);

  const ConfigHelpers& helpers_;
  bool declared_ = false;
  bool is_reload_ = false;
  std::vector<std::unique_ptr<ConfigNode>> made_;
  std::unordered_map<const ConfigNode*, Keys> keys_of_;  // of tables
  std::map<std::pair<const ConfigNode*, const dunlin_key*>, const ConfigNode*> defaults_;
  std::map<std::string, std::uint64_t> fixed_, fixed_next_;  // hashes of values a reload must keep
};

// "at server.toml:41:9", or "" for a default.
[[nodiscard]] std::string place_text(const ConfigNode& node);

}  // namespace dunlin::plugin
