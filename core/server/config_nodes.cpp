#include "core/server/config_nodes.hpp"

#include "core/config/conf_scalar.hpp"
#include "core/config/option_reader.hpp"
#include "core/config/tls_block.hpp"

namespace dunlin::server {

class ConfigNodes::Node final : public plugin::ConfigNode {
 public:
  struct Child {
    std::string_view key;
    const Node* node;
  };
  explicit Node(const config::Value& value) : value_(value) {}

  void add(std::string_view key, const Node* node) { children_.push_back({key, node}); }
  [[nodiscard]] const config::Value& value() const noexcept { return value_; }

  [[nodiscard]] plugin::NodeType type() const noexcept override {
    using enum plugin::NodeType;
    if (value_.as<bool>() != nullptr) return boolean;
    if (value_.as<std::int64_t>() != nullptr) return integer;
    if (value_.as<double>() != nullptr) return plugin::NodeType::number;
    if (value_.as<config::Array>() != nullptr) return list;
    if (value_.as<config::Map>() != nullptr) return table;
    return plugin::NodeType::text;
  }
  [[nodiscard]] plugin::NodePosition position() const noexcept override {
    if (!value_.at.known()) return {};
    return {*value_.at.file, value_.at.line, value_.at.column};
  }
  [[nodiscard]] bool boolean() const noexcept override { return *value_.as<bool>(); }
  [[nodiscard]] std::int64_t integer() const noexcept override {
    return *value_.as<std::int64_t>();
  }
  [[nodiscard]] double number() const noexcept override { return *value_.as<double>(); }
  [[nodiscard]] std::string_view text() const noexcept override {
    if (const auto* text = value_.as<std::string>()) return *text;
    if (const auto* time = value_.as<config::Datetime>()) return time->text;
    return {};
  }
  [[nodiscard]] std::size_t size() const noexcept override { return children_.size(); }
  [[nodiscard]] std::string_view key(std::size_t index) const noexcept override {
    return children_[index].key;
  }
  [[nodiscard]] const ConfigNode* at(std::size_t index) const noexcept override {
    return children_[index].node;
  }

 private:
  const config::Value& value_;
  std::vector<Child> children_;
};

ConfigNodes::ConfigNodes() = default;

ConfigNodes::~ConfigNodes() = default;

ConfigNodes::Node* ConfigNodes::make(const config::Value& value) {
  Node& node = *nodes_.emplace_back(std::make_unique<Node>(value));
  if (const auto* array = value.as<config::Array>())
    for (const config::Value& element : *array) node.add({}, make(element));
  if (const auto* map = value.as<config::Map>())
    for (const config::Entry& entry : map->entries()) node.add(entry.key, make(entry.value));
  return &node;
}

const plugin::ConfigNode* ConfigNodes::add(const config::Value& value) { return make(value); }

const plugin::ConfigNode* ConfigNodes::add_section(const config::Entry& entry) {
  if (entry.value.as<bool>() == nullptr && entry.value.as<std::string>() == nullptr)
    return make(entry.value);
  config::Value& empty = made_.emplace_back();
  empty.data = config::Map();
  empty.at = entry.at;
  return make(empty);
}

const plugin::ConfigNode* ConfigNodes::add_table(config::Map map) {
  config::Value& value = made_.emplace_back();
  value.data = std::move(map);
  return make(value);
}

const config::Value* ConfigNodes::value_of(const plugin::ConfigNode& node) noexcept {
  const auto* const ours = dynamic_cast<const Node*>(&node);
  return ours == nullptr ? nullptr : &ours->value();
}

plugin::ConfigHelpers ConfigNodes::helpers() noexcept {
  plugin::ConfigHelpers helpers;
  helpers.duration_ns = [](std::string_view text) -> result<std::int64_t> {
    const auto duration = config::parse_duration(text);
    if (!duration) return duration.error();
    return std::int64_t{duration->count()};
  };
  helpers.size_bytes = config::parse_size;
  helpers.edit_distance = config::edit_distance;
  helpers.tls_problems = [](const plugin::ConfigNode& table) {
    std::vector<std::string> problems;
    const config::Value* const value = value_of(table);
    if (value == nullptr) return problems;
    config::Diagnostics found;
    static_cast<void>(config::read_tls_block(*value, found));
    for (const config::Finding& one : found.errors)
      problems.push_back(one.at.known() ? one.reason + " at " + one.at.text() : one.reason);
    return problems;
  };
  return helpers;
}

}  // namespace dunlin::server
