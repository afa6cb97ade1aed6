// What one connection may do: its user's permissions, the verdicts it has asked for before, and
// the answers it still owes.
//
// Owned by the connection, on its shard. Without permissions every check is one test of a pointer.

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/auth/permissions.hpp"
#include "core/auth/response_permissions.hpp"
#include "core/auth/verdict_cache.hpp"

namespace dunlin::auth {

class PermissionState {
 public:
  // Whether a check can fail at all; when not, none needs to be called.
  [[nodiscard]] bool is_restricted() const noexcept { return permissions_ != nullptr; }
  [[nodiscard]] const Permissions* permissions() const noexcept { return permissions_.get(); }
  [[nodiscard]] const std::shared_ptr<const Permissions>& shared() const noexcept {
    return permissions_;
  }

  // Replaces the permissions (null for none); verdicts and the delivery filter start anew. Answers
  // still owed survive if the rules for them are the same.
  void set(std::shared_ptr<const Permissions> permissions,
           PermissionScope scope = PermissionScope::client);

  // `hash` is hash_bytes(subject); `now` is nanoseconds on a steady clock.
  [[nodiscard]] bool check_publish(std::string_view subject, std::uint64_t hash,
                                   std::int64_t now) {
    if (!permissions_ || !permissions_->restricts_publish()) return true;
    if (const auto verdict = publish_verdicts_.find(permissions_->generation(), hash, subject))
      return *verdict;
    return check_publish_uncached(subject, hash, now);
  }

  // A SUB that is refused leaves no trace; one that is accepted may turn on the delivery filter.
  [[nodiscard]] bool check_subscribe(std::string_view subject, std::string_view queue);

  // Whether a message on `subject` must not reach this connection's subscription with that queue.
  [[nodiscard]] bool delivery_denied(std::string_view subject, std::string_view queue) {
    return filters_delivery_ && delivery_denied_by_filter(subject, queue);
  }

  // Whether delivery_denied() can ever be true now.
  [[nodiscard]] bool filters_delivery() const noexcept { return filters_delivery_; }
  [[nodiscard]] bool tracks_replies() const noexcept { return responses_ != nullptr; }

  // A message with a reply subject was delivered here. A reply that may be published to anyway is
  // not recorded; finding that out spends one of the answers it was granted before, which is how
  // nats-server does it.
  void delivered(std::string_view reply, std::int64_t now) {
    if (responses_ && !reply.empty()) record_reply(reply, now);
  }

 private:
  bool check_publish_uncached(std::string_view subject, std::uint64_t hash, std::int64_t now);
  bool delivery_denied_by_filter(std::string_view subject, std::string_view queue);
  void record_reply(std::string_view reply, std::int64_t now);

  std::shared_ptr<const Permissions> permissions_;
  std::unique_ptr<ResponsePermissions> responses_;
  VerdictCache publish_verdicts_;
  VerdictCache delivery_verdicts_;
  PermissionScope scope_ = PermissionScope::client;
  bool filters_delivery_ = false;
};

}  // namespace dunlin::auth
