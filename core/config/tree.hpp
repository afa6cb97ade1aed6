// The configuration tree: what both readers (nats-server .conf and TOML) produce and the option
// table reads. Every key and value knows where it was written.
//
// Plain values without sharing: a tree may be kept, copied and read from any thread. Maps keep the
// order of the file; a key set twice keeps the last value, as nats-server does.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace dunlin::config {

// A place in a file. Lines count from 1. In .conf files the column is the distance from the
// preceding newline, as the reference reports it: from 0 on the first line and from 1 on others.
struct Position {
  std::shared_ptr<const std::string> file;
  unsigned line = 0;
  unsigned column = 0;

  [[nodiscard]] bool known() const noexcept { return file != nullptr; }
  // `file:line:column`, or nothing when the place is unknown.
  [[nodiscard]] std::string text() const;
};

// A point in time written without quotes. Kept as written: `2024-01-02T03:04:05Z`.
struct Datetime {
  std::string text;
  bool operator==(const Datetime&) const = default;
};

struct Entry;
struct Value;
using Array = std::vector<Value>;

class Map {
 public:
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] bool empty() const noexcept { return index_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }
  // nullptr when absent. Keys are compared as written.
  [[nodiscard]] const Entry* find(std::string_view key) const noexcept;
  [[nodiscard]] Entry* find(std::string_view key) noexcept;
  // Adds the entry, or replaces the one with the same key.
  Entry& set(Entry entry);

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Datetime, Array, Map> data;
  Position at;

  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return std::get_if<T>(&data);
  }
};

struct Entry {
  std::string key;
  Value value;
  Position at;
  // Some value refers to this key as $key, so it is a helper and not an unknown option.
  bool used_variable = false;
};

// The type's name in nats-server's messages: `int64`, `map[string]interface {}`, ...
[[nodiscard]] std::string_view type_name(const Value& value) noexcept;

// `sha256:` and the hash of the tree's canonical JSON, as nats-server's configuration digest.
[[nodiscard]] std::string digest(const Map& tree);
// The canonical JSON itself: keys sorted bytewise, no white space, HTML characters escaped.
[[nodiscard]] std::string canonical_json(const Map& tree);

}  // namespace dunlin::config
