// The configuration tree as plugins read it: nodes over its values.
//
// A ConfigNodes owns its nodes; the values belong to the tree, which must outlive them. Built and
// read on control.

#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/config/tree.hpp"
#include "core/plugin/config_node.hpp"

namespace dunlin::server {

class ConfigNodes {
 public:
  ConfigNodes();
  ~ConfigNodes();
  ConfigNodes(const ConfigNodes&) = delete;
  ConfigNodes& operator=(const ConfigNodes&) = delete;

  [[nodiscard]] const plugin::ConfigNode* add(const config::Value& value);
  // A section that only says that a feature is wanted (`jetstream: enabled`) is an empty table.
  [[nodiscard]] const plugin::ConfigNode* add_section(const config::Entry& entry);
  // A table that stands in no file.
  [[nodiscard]] const plugin::ConfigNode* add_table(config::Map map);

  // What a node stands for; null where it stands in no tree, as defaults do.
  [[nodiscard]] static const config::Value* value_of(const plugin::ConfigNode& node) noexcept;

  // How texts in a tree are to be read.
  [[nodiscard]] static plugin::ConfigHelpers helpers() noexcept;

 private:
  class Node;
  Node* make(const config::Value& value);

  std::vector<std::unique_ptr<Node>> nodes_;
  std::deque<config::Value> made_;
};

}  // namespace dunlin::server
