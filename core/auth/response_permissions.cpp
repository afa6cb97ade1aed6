#include "core/auth/response_permissions.hpp"

namespace dunlin::auth {
namespace {

constexpr std::size_t grants_between_prunes = 4096;
constexpr std::int64_t time_between_prunes = 1'000'000'000;

}  // namespace

bool ResponsePermissions::use(std::string_view subject, std::int64_t now) {
  const auto found = replies_.find(subject);
  if (found == replies_.end()) return false;
  Reply& reply = found->second;
  ++reply.used;
  const bool used_up = rules_.count_max > 0 && reply.used > rules_.count_max;
  if (used_up || is_expired(reply, now)) {
    replies_.erase(found);
    return false;
  }
  return true;
}

void ResponsePermissions::grant(std::string_view reply, std::int64_t now) {
  if (replies_.size() >= replies_max) replies_.erase(replies_.begin());
  replies_.insert_or_assign(std::string(reply), Reply{now, 0});
  ++granted_since_prune_;
  if (granted_since_prune_ > grants_between_prunes || now - pruned_at_ > time_between_prunes)
    prune(now);
}

void ResponsePermissions::prune(std::int64_t now) {
  granted_since_prune_ = 0;
  pruned_at_ = now;
  if (rules_.count_max < 0 && rules_.lifetime < 0) return;
  std::erase_if(replies_, [&](const auto& item) {
    const Reply& reply = item.second;
    const bool used_up = rules_.count_max > 0 && reply.used >= rules_.count_max;
    return used_up || is_expired(reply, now);
  });
}

}  // namespace dunlin::auth
