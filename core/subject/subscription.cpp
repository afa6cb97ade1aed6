#include "core/subject/subscription.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/ensure.hpp"

namespace dunlin::subject {

Subscription* Subscription::create(const Parts& parts) {
  ensure(parts.subject.size() <= text_max && parts.queue.size() <= text_max &&
         parts.sid.size() <= text_max);
  const std::size_t text_size = parts.sid.size() + 1 + parts.subject.size() + parts.queue.size();
  void* const block = std::malloc(sizeof(Subscription) + text_size);
  ensure(block != nullptr);
  auto* const subscription = new (block) Subscription;
  subscription->owner_ = parts.owner;
  subscription->set_queue_weight(parts.queue_weight);
  subscription->subject_size_ = static_cast<std::uint16_t>(parts.subject.size());
  subscription->queue_size_ = static_cast<std::uint16_t>(parts.queue.size());
  subscription->sid_size_ = static_cast<std::uint16_t>(parts.sid.size());
  subscription->shard_ = parts.shard;
  subscription->kind_ = parts.kind;

  char* out = reinterpret_cast<char*>(subscription + 1);
  const auto append = [&](std::string_view text) {
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    out += text.size();
  };
  append(parts.sid);
  append(" ");
  append(parts.subject);
  append(parts.queue);
  return subscription;
}

void Subscription::destroy(Subscription* subscription) noexcept {
  if (subscription == nullptr) return;
  subscription->~Subscription();
  std::free(subscription);
}

}  // namespace dunlin::subject
