// Host: the plugin's view of the server, and the base of every typed table wrapper.
//
// `host.get<dunlin::Router>()` gives a wrapper that tests false when this host has no such table.
// A wrapper keeps its own copy of the table, so a function an older host lacks is simply absent.

#pragma once

#include <dunlin/result.hpp>

#include <cstring>

namespace dunlin {
inline namespace sdk {

class Host {
 public:
  explicit Host(const dunlin_host* raw) noexcept : raw_(raw) {}

  template <class Table>
  [[nodiscard]] Table get() const noexcept {
    return Table(raw_, raw_->extension(raw_, Table::extension_id));
  }
  [[nodiscard]] std::string_view product() const noexcept { return raw_->product; }
  [[nodiscard]] std::string_view build_id() const noexcept { return raw_->build_id; }
  [[nodiscard]] const dunlin_host* raw() const noexcept { return raw_; }

 private:
  const dunlin_host* raw_;
};

// Base of the wrappers: `Api` is the C table.
template <class Api>
class Table {
 public:
  explicit operator bool() const noexcept { return api_.struct_size != 0; }
  [[nodiscard]] const Api& raw() const noexcept { return api_; }
  [[nodiscard]] const dunlin_host* raw_host() const noexcept { return host_; }

 protected:
  Table() = default;
  Table(const dunlin_host* host, const void* table) noexcept : host_(host) {
    if (table == nullptr) return;
    std::uint32_t size = 0;
    std::memcpy(&size, table, sizeof size);
    std::memcpy(&api_, table, size < sizeof api_ ? size : sizeof api_);
  }
  const dunlin_host* host_ = nullptr;
  Api api_{};
};

#define DUNLIN_TABLE_WRAPPER(Name, api, wanted)                                              \
  static constexpr const char* extension_id = wanted;                                        \
  Name() = default;                                                                          \
  Name(const dunlin_host* host, const void* table) noexcept : Table<api>(host, table) {}

}  // namespace sdk
}  // namespace dunlin
