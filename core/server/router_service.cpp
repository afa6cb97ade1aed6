#include "core/server/router_service.hpp"

#include <fmt/format.h>

#include <cstring>
#include <iterator>

#include "core/auth/reserved_subjects.hpp"
#include "core/protocol/header.hpp"
#include "core/server/plugin_shard_side.hpp"

namespace dunlin::server {

namespace {

// Only this server may say on whose behalf a request is made.
constexpr std::string_view request_info_header = "Nats-Request-Info";
// The largest message a plugin may publish for itself; users are held to max_payload.
constexpr std::size_t message_bytes_max = 64 * 1024 * 1024;
// Scratch space larger than this is not kept.
constexpr std::size_t scratch_bytes_max = 1024 * 1024;

// The message as the router wants it, its frame's tail appended to `out`.
routing::Message append_message(std::string& out, const dunlin_msg& from, bool from_user) {
  std::string_view header = view(from.header);
  std::string stripped;
  if (from_user && protocol::find_header(header, request_info_header)) {
    stripped = protocol::remove_header(header, request_info_header);
    header = stripped;
  }
  const std::string_view reply = view(from.reply);
  const std::string_view payload = view(from.payload);
  const std::size_t begin = out.size();
  const auto to = std::back_inserter(out);
  if (!reply.empty()) fmt::format_to(to, "{} ", reply);
  if (!header.empty()) fmt::format_to(to, "{} ", header.size());
  fmt::format_to(to, "{}\r\n", header.size() + payload.size());
  routing::Message message;
  message.payload_offset = static_cast<std::uint32_t>(out.size() - begin);
  out.append(header).append(payload).append("\r\n");
  message.header_size = static_cast<std::uint32_t>(header.size());
  message.size = static_cast<std::uint32_t>(header.size() + payload.size());
  return message;
}

// The views of a message whose tail now lies in `tail`.
void settle_views(routing::Message& message, std::string_view subject, std::size_t reply_size,
                  std::string_view tail) {
  message.subject = subject;
  message.tail = tail;
  message.reply = tail.substr(0, reply_size);
}

}  // namespace

// Messages copied for a shard.
struct RouterService::PostedBatch {
  struct Place {
    routing::Message message;
    routing::Origin origin;
    std::size_t subject_at, subject_size, reply_size, tail_at, tail_size;
  };
  routing::Account* account;
  routing::ShardRouter* router;
  std::string bytes;
  std::vector<Place> places;
  std::function<void(bool)> routed;

  void operator()() {
    const std::string_view all = bytes;
    bool delivered = false;
    for (Place& place : places) {
      settle_views(place.message, all.substr(place.subject_at, place.subject_size),
                   place.reply_size, all.substr(place.tail_at, place.tail_size));
      delivered = router->route(*account, place.message, hash_bytes(place.message.subject),
                                place.origin);
    }
    if (routed) routed(delivered);
  }
};

RouterService::RouterService(PluginExecutor& executor, Routers& routers, ClientDirectory& clients,
                             Quiescence& quiescence, boost::asio::io_context& control)
    : executor_(executor),
      routers_(routers),
      clients_(clients),
      quiescence_(quiescence),
      control_(control) {
  for (auto& router : routers_) {
    auto& made = sides_.emplace_back(std::make_unique<PluginShardSide>(*router));
    router->shard().post([where = router.get(), listener = made.get()] {
      where->set_turn_listener(listener);
    });
  }
}

RouterService::~RouterService() {
  for (auto& router : routers_) router->set_turn_listener(nullptr);
}

PluginShardSide& RouterService::side() { return *sides_[net::Shard::current()->index()]; }

routing::Origin RouterService::origin_of(plugin::Owner owner, std::size_t shard,
                                         const dunlin_msg& message) {
  routing::Origin origin;
  origin.connection = internal_publisher | owner;
  origin.shard = static_cast<std::uint16_t>(shard);
  origin.kind = plugin_kind;
  origin.echo = (message.flags & DUNLIN_MSG_NO_ECHO) == 0;
  return origin;
}

std::uint32_t RouterService::shard_for(plugin::Owner owner) const {
  return owner % static_cast<std::uint32_t>(sides_.size());
}

// ---- publishing --------------------------------------------------------------------------------

dunlin_status RouterService::check_connection(ActingConnection& connection,
                                              const dunlin_msg& message) const {
  const std::string_view subject = view(message.subject);
  const auto& settings = clients_.settings();
  if (message.header.size + message.payload.size > settings.max_payload) return DUNLIN_E_LIMIT;
  if (settings.reserved != nullptr && settings.reserved->contains(subject))
    return DUNLIN_E_DENIED;
  return connection.may_publish(subject) ? DUNLIN_OK : DUNLIN_E_DENIED;
}

// A mapping changes a user's subject before permissions are looked at. False when the mapping says
// that this message is lost.
bool RouterService::map_subject(const routing::Mappings& mappings, dunlin_msg& message,
                                std::optional<std::string>& mapped) {
  const std::string_view subject = view(message.subject);
  for (const subject::Mapping& mapping : mappings) {
    if (!mapping.covers(subject)) continue;
    mapped = mapping.choose(subject, side().router.random());
    if (!mapped) return false;
    message.subject = str(*mapped);
    return true;
  }
  return true;
}

dunlin_status RouterService::publish(plugin::Owner owner, dunlin_account* account,
                                     dunlin_conn* on_behalf_of,
                                     std::span<const dunlin_msg> messages, std::size_t& done) {
  routing::Account& target = *account_of(account);
  net::Shard* const shard = net::Shard::current();
  ActingConnection* const connection = connection_of(on_behalf_of);
  if (connection != nullptr) {
    const auto& endpoint = connection->endpoint();
    if (&endpoint.shard() != shard) return DUNLIN_E_WRONG_THREAD;
    if (endpoint.is_closed()) return DUNLIN_E_CLOSED;
  }
  const routing::Mappings* const mappings =
      connection != nullptr && connection->endpoint().kind() == routing::Kind::client
          ? target.mappings()
          : nullptr;
  for (done = 0; done < messages.size(); ++done) {
    dunlin_msg message = messages[done];
    std::optional<std::string> mapped;
    if (mappings != nullptr && !map_subject(*mappings, message, mapped)) continue;
    dunlin_status status = DUNLIN_OK;
    if (connection != nullptr)
      status = check_connection(*connection, message);
    else if (message.header.size + message.payload.size > message_bytes_max)
      status = DUNLIN_E_LIMIT;
    if (shard == nullptr) {
      if (status == DUNLIN_OK) continue;
      (void)post_batch(owner, target, messages.first(done), nullptr);
      return status;
    }
    if (status != DUNLIN_OK) return status;
    routing::Origin origin = origin_of(owner, shard->index(), message);
    if (connection != nullptr) {
      origin.connection = connection->endpoint().id();
      origin.kind = connection->endpoint().kind();
    }
    (void)route(target, message, origin, connection != nullptr);
  }
  return shard == nullptr ? post_batch(owner, target, messages, nullptr) : DUNLIN_OK;
}

bool RouterService::route(routing::Account& account, const dunlin_msg& message,
                          routing::Origin origin, bool from_user) {
  PluginShardSide& here = side();
  if (here.depth == here.scratch.size())
    here.scratch.push_back(std::make_unique<std::string>());
  std::string& scratch = *here.scratch[here.depth];
  ++here.depth;
  scratch.clear();
  routing::Message routed = append_message(scratch, message, from_user);
  settle_views(routed, view(message.subject), message.reply.size, scratch);
  const bool delivered =
      here.router.route(account, routed, hash_bytes(routed.subject), origin);
  if (scratch.capacity() > scratch_bytes_max) {
    scratch.clear();
    scratch.shrink_to_fit();
  }
  --here.depth;
  return delivered;
}

dunlin_status RouterService::post_batch(plugin::Owner owner, routing::Account& account,
                                        std::span<const dunlin_msg> messages,
                                        std::function<void(bool)> routed) {
  if (messages.empty()) return DUNLIN_OK;
  const std::uint32_t shard = shard_for(owner);
  PostedBatch batch;
  batch.account = &account;
  batch.router = routers_[shard].get();
  batch.routed = std::move(routed);
  batch.places.reserve(messages.size());
  for (const dunlin_msg& message : messages) {
    PostedBatch::Place place{};
    place.subject_at = batch.bytes.size();
    place.subject_size = message.subject.size;
    batch.bytes.append(view(message.subject));
    place.tail_at = batch.bytes.size();
    place.message = append_message(batch.bytes, message, false);
    place.tail_size = batch.bytes.size() - place.tail_at;
    place.reply_size = message.reply.size;
    place.origin = origin_of(owner, shard, message);
    batch.places.push_back(place);
  }
  if (executor_.is_closed()) return DUNLIN_E_CLOSED;
  batch.router->shard().post(std::move(batch));
  return DUNLIN_OK;
}

bool RouterService::interest(dunlin_account* account, std::string_view subject) {
  const auto& sublist = account_of(account)->sublist();
  if (net::Shard::current() != nullptr) return sublist.has_interest(subject);
  // Reads the shared table as a shard would, for the length of this call.
  const Quiescence::Reader reader = quiescence_.enter();
  quiescence_.online(reader);
  const bool found = sublist.has_interest(subject);
  quiescence_.leave(reader);
  return found;
}

dunlin_status RouterService::reserve_prefix(plugin::Owner owner, std::string_view prefix) {
  std::vector<std::string> prefixes;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [taken, holder] : prefixes_) {
      // One within the other would give both what is below.
      if (!taken.starts_with(prefix) && !prefix.starts_with(taken)) continue;
      if (holder == owner && taken == prefix) return DUNLIN_OK;
      if (holder != owner) return DUNLIN_E_EXISTS;
    }
    prefixes_.emplace(prefix, owner);
    for (const auto& [taken, holder] : prefixes_) prefixes.push_back(taken);
  }
  clients_.reserve_subjects(std::move(prefixes));
  return DUNLIN_OK;
}

dunlin_status RouterService::buf_create(std::span<const dunlin_bytes> parts, dunlin_buf*& out,
                                        dunlin_bytes& view_of_all) {
  std::size_t size = 0;
  for (const dunlin_bytes& part : parts) {
    if (part.data == nullptr && part.size != 0) return DUNLIN_E_INVALID;
    if (part.size > message_bytes_max - size) return DUNLIN_E_LIMIT;
    size += part.size;
  }
  SharedBuffer* const buffer = SharedBuffer::create(size);
  char* write = buffer->data();
  for (const dunlin_bytes& part : parts) {
    if (part.size == 0) continue;
    std::memcpy(write, part.data, part.size);
    write += part.size;
  }
  out = buffer->handle();
  view_of_all = bytes_of({buffer->data(), size});
  return DUNLIN_OK;
}

}  // namespace dunlin::server
