// A client publishing: permission, reserved subjects, the frame its subscribers get.

#include <fmt/format.h>

#include "core/base/log.hpp"
#include "core/client/client.hpp"
#include "core/protocol/go_quote.hpp"
#include "core/protocol/header.hpp"
#include "core/subject/subject.hpp"

namespace dunlin::client {

namespace {

// Subjects that servers use among themselves; clients may not publish to them or name them as
// reply, whatever their permissions say.
constexpr std::string_view gateway_reply = "_GR_.";
constexpr std::string_view gateway_reply_old = "$GR.";
constexpr std::string_view raft_traffic = "$NRG.";
constexpr std::string_view service_reply = "_R_.";
constexpr std::string_view jetstream_ack = "$JS.ACK.";

bool extends(std::string_view text, std::string_view prefix) {
  return text.size() > prefix.size() && text.starts_with(prefix);
}

bool is_server_subject(std::string_view subject) {
  return extends(subject, gateway_reply) || extends(subject, gateway_reply_old) ||
         subject.starts_with(raft_traffic);
}

bool is_reserved_reply(std::string_view reply) {
  return reply.starts_with(service_reply) || extends(reply, jetstream_ack) ||
         extends(reply, gateway_reply) || extends(reply, gateway_reply_old);
}

// Whether a subject could be one of the above at all; `_INBOX.` is what clients use.
bool may_be_reserved(std::string_view subject) {
  if (subject.empty()) return false;
  return subject[0] == '$' || (subject[0] == '_' && !(subject.size() > 1 && subject[1] == 'I'));
}

// A frame in canonical form that is passed on as it is.
bool is_ordinary(const Publish& frame) {
  return frame.tail != nullptr && !may_be_reserved(frame.reply) &&
         !(frame.has_header && frame.header_size == 0);
}

// How many ordinary frames, from the first one on, share its subject.
std::size_t run_length(const Publish* frames, std::size_t count) {
  if (!is_ordinary(frames[0]) || may_be_reserved(frames[0].subject)) return 0;
  std::size_t length = 1;
  while (length < count && frames[length].repeats_subject && is_ordinary(frames[length])) ++length;
  return length;
}

}  // namespace

bool Client::publish(const Publish* frames, std::size_t count) {
  routing::Origin origin;
  origin.connection = id();
  origin.shard = shard().index();
  origin.kind = routing::Kind::client;
  origin.echo = echo_;
  for (std::size_t i = 1; i < count; ++i)
    if (frames[i].hash != frames[i - 1].hash)
      router_.prefetch_subscribers(*account(), frames[i].hash);
  const bool plain = publishes_plainly();
  std::uint64_t bytes = 0;
  std::size_t done = 0;
  bool alive = true;
  while (done < count && alive) {
    const std::size_t begin = done;
    const std::size_t run = plain ? run_length(&frames[begin], count - begin) : 0;
    if (run == 0) {
      alive = publish_one(frames[done++], origin);
    } else {
      if (run > 1) done += router_.route_run(*account(), &frames[begin], run, origin);
      alive = !is_closed();
      while (done < begin + run && alive) alive = publish_plain(frames[done++], origin);
    }
    for (std::size_t i = begin; i < done; ++i) bytes += frames[i].size;
  }
  in_messages.add(done);
  in_bytes.add(bytes);
  auto& stats = router_.stats();
  stats.in_messages.add(done);
  stats.in_bytes.add(bytes);
  if (account() != nullptr) {
    auto& traffic = account()->traffic().at(shard().index());
    traffic.in_messages.add(done);
    traffic.in_bytes.add(bytes);
  }
  return !is_closed();
}

// Nothing about this connection asks for a look at each message it publishes. Holds for a batch:
// what it depends on changes between turns.
bool Client::publishes_plainly() const noexcept {
  return !traces_ && !pedantic_ && !verbose_ && !permissions_.is_restricted() &&
         settings_->reserved == nullptr && account()->mappings() == nullptr;
}

// publish_one() for such a connection and an ordinary frame.
bool Client::publish_plain(const Publish& frame, const routing::Origin& origin) {
  routing::Message message;
  message.subject = frame.subject;
  message.reply = frame.reply;
  message.header_size = frame.header_size;
  message.size = frame.size;
  message.tail = {frame.tail, frame.tail_size};
  message.payload_offset = static_cast<std::uint32_t>(frame.payload - frame.tail);
  const bool delivered = router_.route(*account(), message, frame.hash, origin);
  if (!delivered && !frame.reply.empty()) no_responders(message);
  return !is_closed();
}

bool Client::publish_one(const Publish& frame, const routing::Origin& origin) {
  if (__builtin_expect(traces_, 0)) trace_publish(frame);
  if (__builtin_expect(pedantic_, 0) && !subject::is_valid_literal_subject(frame.subject))
    send_error("Invalid Publish Subject");
  if (const routing::Mappings* const mappings = account()->mappings())
    return publish_mapped(frame, origin, *mappings);
  return publish_to(frame, origin);
}

// A mapping changes the subject before anything looks at it, permissions included.
bool Client::publish_mapped(const Publish& frame, const routing::Origin& origin,
                            const routing::Mappings& mappings) {
  for (const subject::Mapping& mapping : mappings) {
    if (!mapping.covers(frame.subject)) continue;
    const std::optional<std::string> target = mapping.choose(frame.subject, router_.random());
    if (!target) return true;  // the configuration says that this share is lost
    Publish mapped = frame;
    mapped.subject = *target;
    mapped.hash = hash_bytes(mapped.subject);
    if (traces_) trace_in("MAPPING", fmt::format("{} -> {}", frame.subject, *target));
    return publish_to(mapped, origin);
  }
  return publish_to(frame, origin);
}

bool Client::publish_to(const Publish& frame, const routing::Origin& origin) {
  if (!may_publish(frame)) return !is_closed();
  if (__builtin_expect(verbose_, 0)) {
    if (traces_) trace_out("OK", {});
    send("+OK\r\n");
    if (is_closed()) return false;
  }
  const routing::Message message = message_of(frame);
  const bool delivered = router_.route(*account(), message, frame.hash, origin);
  if (!delivered && !frame.reply.empty()) no_responders(message);
  return !is_closed();
}

bool Client::may_publish(const Publish& frame) {
  const char first = frame.subject[0];
  const bool allowed =
      (!permissions_.is_restricted() ||
       permissions_.check_publish(frame.subject, frame.hash,
                                  static_cast<std::int64_t>(shard().now()))) &&
      !((first == '_' || first == '$') && is_server_subject(frame.subject)) &&
      !(settings_->reserved != nullptr && settings_->reserved->contains(frame.subject));
  if (__builtin_expect(!allowed, 0)) {
    const std::string subject = protocol::go_quote(frame.subject);
    send_error("Permissions Violation for Publish to " + subject);
    log_error("{} - Publish Violation - Subject {}", label(), subject);
    return false;
  }
  if (frame.reply.empty() || !is_reserved_reply(frame.reply)) return true;
  const std::string reply = protocol::go_quote(frame.reply);
  send_error("Permissions Violation for Publish with Reply of " + reply);
  log_error("{} - Publish Violation - Reply {}", label(), reply);
  return false;
}

// The tail of a canonical PUB is the tail of the MSG. Anything else is written out once, in the
// shard's scratch space, and then takes the same way.
routing::Message Client::message_of(const Publish& frame) {
  routing::Message message;
  message.subject = frame.subject;
  message.reply = frame.reply;
  message.header_size = frame.header_size;
  message.size = frame.size;
  const bool drops_header = frame.has_header && frame.header_size == 0;
  if (__builtin_expect(frame.tail != nullptr && !drops_header, 1)) {
    message.tail = {frame.tail, frame.tail_size};
    message.payload_offset = static_cast<std::uint32_t>(frame.payload - frame.tail);
    return message;
  }
  std::string& tail = router_.scratch();
  tail.clear();
  if (!frame.reply.empty()) {
    tail += frame.reply;
    tail += ' ';
  }
  if (frame.header_size != 0) {
    tail += frame.header_digits;
    tail += ' ';
  }
  tail += frame.size_digits;
  tail += "\r\n";
  message.payload_offset = static_cast<std::uint32_t>(tail.size());
  tail.append(frame.payload, frame.size + 2u);
  message.tail = tail;
  return message;
}

// The requester is told only through a plain subscription of its own that matches the reply.
void Client::no_responders(const routing::Message& message) {
  if (!options_.no_responders) return;
  const Subscription* const receiver =
      router_.plain_subscription(*account(), message.reply, *this);
  if (receiver == nullptr) return;
  std::string frame;
  protocol::append_no_responders(frame, message.reply, receiver->sid(), message.subject);
  send(frame);
}

// ---- trace lines -------------------------------------------------------------------------------

void Client::trace_in(std::string_view operation, std::string_view argument) const {
  log_trace("{} - <<- [{}{}{}]", label(), operation, argument.empty() ? "" : " ", argument);
}

void Client::trace_out(std::string_view operation, std::string_view argument) const {
  log_trace("{} - ->> [{}{}{}]", label(), operation, argument.empty() ? "" : " ", argument);
}

void Client::trace_publish(const Publish& frame) const {
  std::string line(frame.subject);
  for (const std::string_view part : {frame.reply, frame.header_digits, frame.size_digits}) {
    if (part.empty()) continue;
    line += ' ';
    line += part;
  }
  trace_in(frame.has_header ? "HPUB" : "PUB", line);
  trace_content("<<-", {frame.payload, frame.size}, frame.header_size);
}

void Client::trace_delivery(const routing::Message& message,
                            const subject::Subscription& subscription) {
  const bool with_header = message.header_size != 0 && wants_headers_;
  const std::size_t header_size = with_header ? message.header_size : 0;
  const std::size_t size = message.size - (message.header_size - header_size);
  trace_out(with_header ? "HMSG" : "MSG",
            fmt::format("{} {}{}{}{}{}", message.subject, subscription.rendered_sid(),
                        message.reply, message.reply.empty() ? "" : " ",
                        with_header ? fmt::format("{} ", header_size) : "", size));
  trace_content("->>", with_header ? message.content() : message.payload(), header_size);
}

void Client::trace_content(std::string_view direction, std::string_view content,
                           std::size_t header_size) const {
  if (settings_->traces_headers_only) {
    if (header_size <= 2) return;
    content = content.substr(0, header_size - 2);
  }
  if (content.empty()) return;
  const std::size_t most = settings_->max_traced_message;
  if (most == 0 || content.size() <= most) {
    log_trace("{} - {} MSG_PAYLOAD: [{}]", label(), direction, protocol::go_quote(content));
    return;
  }
  std::string cut = protocol::go_quote(content.substr(0, most));
  cut.pop_back();
  log_trace("{} - {} MSG_PAYLOAD: [{}...\"]", label(), direction, cut);
}

}  // namespace dunlin::client
