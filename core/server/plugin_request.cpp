#include "core/server/plugin_request.hpp"

#include <sodium.h>

#include <boost/asio/post.hpp>

#include "core/base/ensure.hpp"
#include "core/server/message_batch.hpp"

namespace dunlin::server {

namespace {

constexpr std::string_view no_responders_status = "NATS/1.0 503";

// Nobody who does not see the request can guess it.
std::string random_inbox() {
  constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv";
  unsigned char bytes[22];
  randombytes_buf(bytes, sizeof bytes);
  std::string inbox = "_INBOX.";
  for (const unsigned char byte : bytes) inbox += digits[byte % digits.size()];
  return inbox;
}

// What keeps the subscriber alive until no shard can be delivering to it.
struct Retired {
  std::shared_ptr<PluginRequest> request;
  subject::Subscription* entry;
};

}  // namespace

PluginRequest::PluginRequest(boost::asio::io_context& control, Quiescence& quiescence,
                             const Wish& wish, std::function<void()> over)
    : control_(control),
      quiescence_(quiescence),
      wish_(wish),
      over_(std::move(over)),
      inbox_(random_inbox()),
      timer_(control) {}

bool PluginRequest::open(std::uint64_t timeout_ns) {
  subject::Subscription::Parts parts;
  parts.subject = inbox_;
  parts.owner = static_cast<routing::InternalSubscriber*>(this);
  parts.shard = routing::InternalSubscriber::any_shard;
  parts.kind = plugin_kind;
  entry_ = subject::Subscription::create(parts);
  if (!wish_.account->sublist().insert(entry_)) {
    subject::Subscription::destroy(entry_);
    return false;
  }
  boost::asio::post(control_, [self = shared_from_this(), timeout_ns] {
    if (self->settled_.load()) return;
    constexpr std::uint64_t longest = std::uint64_t{1} << 62;
    self->timer_.expires_after(
        std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(timeout_ns, longest))));
    self->timer_.async_wait([self](const boost::system::error_code& error) {
      if (!error) self->settle(DUNLIN_E_TIMEOUT);
    });
  });
  return true;
}

void PluginRequest::settle(dunlin_status status) {
  if (settled_.exchange(true)) return;
  boost::asio::post(control_, [self = shared_from_this(), status] {
    self->answer(status, nullptr, {});
  });
}

void PluginRequest::on_message(const routing::Message& message, const routing::Subscription&,
                               const routing::Origin& origin) {
  if (settled_.exchange(true)) return;
  SharedBuffer* const buffer = SharedBuffer::create(room_for(message));
  const dunlin_msg reply = copy_message(message, origin.connection, *buffer, 0);
  const bool nobody = message.payload().empty() &&
                      message.header().starts_with(no_responders_status);
  boost::asio::post(control_, [self = shared_from_this(), buffer, reply, nobody] {
    self->answer(nobody ? DUNLIN_E_NO_RESPONDERS : DUNLIN_OK, buffer, reply);
  });
}

void PluginRequest::answer(dunlin_status status, SharedBuffer* buffer, dunlin_msg reply) {
  timer_.cancel();
  close_inbox();
  over_();
  if (!silenced_) wish_.on_reply(wish_.user, status, status == DUNLIN_OK ? &reply : nullptr);
  if (buffer != nullptr) buffer->release();
}

void PluginRequest::close_inbox() {
  (void)wish_.account->sublist().remove(entry_);
  quiescence_.retire(new Retired{shared_from_this(), entry_}, [](void* object) {
    const std::unique_ptr<Retired> retired(static_cast<Retired*>(object));
    subject::Subscription::destroy(retired->entry);
  });
  quiescence_.collect();
}

}  // namespace dunlin::server
