// What the opaque handles of the plugin tables are on this side, and what the services that plugins
// reach ask of one another.
//
//   dunlin_account  a routing::Account
//   dunlin_conn     an ActingConnection: a connection whose protocol a plugin speaks
//   dunlin_buf      a SharedBuffer
//
// Casts only; every function is for any thread unless it says otherwise.

#pragma once

#include <dunlin/abi.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/observe/closed_clients.hpp"
#include "core/routing/endpoint.hpp"

namespace dunlin::server {

// The kinds of owner that subscriptions of plugins have in a Sublist. Interest of the second one is
// not announced to other servers.
inline constexpr routing::Kind plugin_kind = routing::Kind::account;
inline constexpr routing::Kind unannounced_kind = routing::Kind::system;

// The side of a plugin's connection that other services see. All functions are for its shard.
class ActingConnection {
 public:
  [[nodiscard]] virtual routing::Endpoint& endpoint() noexcept = 0;
  // Permissions of its user; true for connections that have none (links).
  [[nodiscard]] virtual bool may_publish(std::string_view subject) = 0;
  [[nodiscard]] virtual bool may_subscribe(std::string_view subject, std::string_view queue) = 0;
  // What monitoring shows of it.
  [[nodiscard]] virtual observe::ConnectionSnapshot snapshot(bool with_subscriptions) = 0;

 protected:
  ~ActingConnection() = default;
};

inline dunlin_conn* handle_of(ActingConnection* connection) noexcept {
  return reinterpret_cast<dunlin_conn*>(connection);
}
inline ActingConnection* connection_of(dunlin_conn* handle) noexcept {
  return reinterpret_cast<ActingConnection*>(handle);
}
inline dunlin_account* handle_of(routing::Account* account) noexcept {
  return reinterpret_cast<dunlin_account*>(account);
}
inline routing::Account* account_of(dunlin_account* handle) noexcept {
  return reinterpret_cast<routing::Account*>(handle);
}

inline std::string_view view(dunlin_str text) noexcept {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}
inline std::string_view view(dunlin_bytes bytes) noexcept {
  return bytes.data == nullptr
             ? std::string_view()
             : std::string_view(reinterpret_cast<const char*>(bytes.data), bytes.size);
}
inline dunlin_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }
inline dunlin_bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Reference-counted bytes, in one heap block with their count. Created with one reference.
class SharedBuffer {
 public:
  static SharedBuffer* create(std::size_t size);
  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }
  // True when the caller's reference is the only one, so that it may write again.
  [[nodiscard]] bool is_unshared() const noexcept {
    return references_.load(std::memory_order_acquire) == 1;
  }
  [[nodiscard]] char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  [[nodiscard]] dunlin_buf* handle() noexcept { return reinterpret_cast<dunlin_buf*>(this); }
  static SharedBuffer* of(dunlin_buf* handle) noexcept {
    return reinterpret_cast<SharedBuffer*>(handle);
  }

 private:
  explicit SharedBuffer(std::size_t size) : size_(size) {}
  ~SharedBuffer() = default;
  void destroy() noexcept;

  std::atomic<std::uint64_t> references_{1};
  const std::size_t size_;
};

}  // namespace dunlin::server
