#include "core/auth/permission_state.hpp"

#include "core/base/hash.hpp"

namespace dunlin::auth {
namespace {

const ResponseRules* responses_of(const Permissions* permissions) noexcept {
  return permissions && permissions->responses() ? &*permissions->responses() : nullptr;
}

bool same_rules(const ResponseRules& a, const ResponseRules& b) noexcept {
  return a.count_max == b.count_max && a.lifetime == b.lifetime;
}

}  // namespace

void PermissionState::set(std::shared_ptr<const Permissions> permissions, PermissionScope scope) {
  const auto* before = responses_of(permissions_.get());
  const auto* after = responses_of(permissions.get());
  const bool keeps_responses = before && after && same_rules(*before, *after);
  if (!after) responses_.reset();
  else if (!keeps_responses) responses_ = std::make_unique<ResponsePermissions>(*after);
  permissions_ = std::move(permissions);
  scope_ = scope;
  filters_delivery_ = false;
}

bool PermissionState::check_publish_uncached(std::string_view subject, std::uint64_t hash,
                                             std::int64_t now) {
  const bool allowed = permissions_->check_publish(subject, scope_);
  // What an answer may change is asked again each time.
  if (!allowed && responses_) return responses_->use(subject, now);
  publish_verdicts_.store(permissions_->generation(), hash, subject, allowed);
  return allowed;
}

bool PermissionState::check_subscribe(std::string_view subject, std::string_view queue) {
  if (!permissions_) return true;
  if (!permissions_->check_subscribe(subject, queue, scope_)) return false;
  filters_delivery_ = filters_delivery_ || permissions_->filters_delivery(subject, queue);
  return true;
}

bool PermissionState::delivery_denied_by_filter(std::string_view subject, std::string_view queue) {
  // Most deliveries are to plain subscriptions; the verdicts of queue groups are not kept.
  if (!queue.empty()) return permissions_->delivery_denied(subject, queue);
  const std::uint64_t hash = hash_bytes(subject);
  const std::uint64_t generation = permissions_->generation();
  if (const auto verdict = delivery_verdicts_.find(generation, hash, subject)) return *verdict;
  const bool denied = permissions_->delivery_denied(subject, queue);
  delivery_verdicts_.store(generation, hash, subject, denied);
  return denied;
}

void PermissionState::record_reply(std::string_view reply, std::int64_t now) {
  if (!check_publish(reply, hash_bytes(reply), now)) responses_->grant(reply, now);
}

}  // namespace dunlin::auth
