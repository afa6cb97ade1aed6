// The right to answer: which reply subjects a connection may publish to, because it was sent a
// message that names them.
//
// Owned by one connection, on its shard; no clock of its own. The table is fed by the network: what
// is used up or too old is pruned as nats-server does it, and its size has a limit besides.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/auth/permissions.hpp"
#include "core/base/hash.hpp"

namespace dunlin::auth {

class ResponsePermissions {
 public:
  // Reply subjects that rules without any limit could pile up; the reference would keep them all.
  static constexpr std::size_t replies_max = 1u << 16;

  explicit ResponsePermissions(const ResponseRules& rules) : rules_(rules) {}

  // Whether an answer may go to `subject` now; uses up one of its answers. `now` in nanoseconds on
  // any steady clock.
  [[nodiscard]] bool use(std::string_view subject, std::int64_t now);
  // A message with this reply subject was delivered to the connection; grants a fresh allowance.
  void grant(std::string_view reply, std::int64_t now);

  [[nodiscard]] std::size_t size() const noexcept { return replies_.size(); }
  // Other rules for the same connection: they hold for what was granted before as well.
  void set_rules(const ResponseRules& rules) noexcept { rules_ = rules; }

 private:
  struct Reply {
    std::int64_t granted_at;
    std::int64_t used;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return hash_bytes(text); }
  };

  void prune(std::int64_t now);
  [[nodiscard]] bool is_expired(const Reply& reply, std::int64_t now) const noexcept {
    return rules_.lifetime > 0 && now - reply.granted_at > rules_.lifetime;
  }

  ResponseRules rules_;
  std::unordered_map<std::string, Reply, Hash, std::equal_to<>> replies_;
  std::size_t granted_since_prune_ = 0;
  std::int64_t pruned_at_ = 0;
};

}  // namespace dunlin::auth
