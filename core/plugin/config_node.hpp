// ConfigNode: a value of the configuration as plugins may read it.
//
// The configuration tree itself belongs to the config room, which comes after this one; it adapts
// its values to this interface. Nodes are read on control only and must live until the call they
// were handed to returns. Nothing here throws.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::plugin {

enum class NodeType : std::uint8_t { boolean, integer, number, text, list, table };

struct NodePosition {
  std::string_view file;
  unsigned line = 0;
  unsigned column = 0;
};

class ConfigNode {
 public:
  virtual ~ConfigNode() = default;

  [[nodiscard]] virtual NodeType type() const noexcept = 0;
  [[nodiscard]] virtual NodePosition position() const noexcept = 0;

  // Called only for the matching type.
  [[nodiscard]] virtual bool boolean() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t integer() const noexcept = 0;
  [[nodiscard]] virtual double number() const noexcept = 0;
  [[nodiscard]] virtual std::string_view text() const noexcept = 0;

  // Elements of a list or entries of a table, in the order of the file. `key` is empty for lists.
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  [[nodiscard]] virtual std::string_view key(std::size_t index) const noexcept = 0;
  [[nodiscard]] virtual const ConfigNode* at(std::size_t index) const noexcept = 0;
};

// What the config room has the one implementation of: how texts such as "1h30m" and "64MB" are
// read, how far a mistyped key is from a known one (may be NULL: nothing is suggested), and what a
// tls table may say (NULL: anything).
struct ConfigHelpers {
  result<std::int64_t> (*duration_ns)(std::string_view text) = nullptr;
  result<std::int64_t> (*size_bytes)(std::string_view text) = nullptr;
  std::size_t (*edit_distance)(std::string_view a, std::string_view b) = nullptr;
  // What is wrong with a tls table, each with its place.
  std::vector<std::string> (*tls_problems)(const ConfigNode& table) = nullptr;
};

}  // namespace dunlin::plugin
