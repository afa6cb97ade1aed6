#include "core/server/link_service.hpp"

#include <utility>

#include "core/server/link_connection.hpp"

namespace dunlin::server {

LinkService::LinkService(plugin::Executor& executor, Shards& shards, ClientDirectory& clients,
                         NetService& net)
    : executor_(executor), shards_(shards), net_(net), observers_(executor, clients) {}

LinkService::~LinkService() = default;

dunlin_status LinkService::attach(plugin::Owner owner, dunlin_conn* conn,
                                  const dunlin_link_options& options, dunlin_link*& out) {
  ProtocolConnection& connection = ProtocolConnection::of(conn);
  if (!connection.is_usable()) return DUNLIN_E_CLOSED;
  if (connection.settings().owner != owner || connection.kind() == routing::Kind::client)
    return DUNLIN_E_DENIED;
  // A leafnode belongs to one account; routes and gateways name one with each message.
  if (connection.kind() == routing::Kind::leaf && connection.account() == nullptr)
    return DUNLIN_E_DENIED;
  if (connection.link() != nullptr) return DUNLIN_E_EXISTS;
  LinkConnection::Wish wish;
  wish.peer_id = view(options.peer_id);
  wish.peer_name = view(options.peer_name);
  wish.cluster = view(options.origin);
  wish.is_spoke =
      connection.kind() == routing::Kind::leaf && (options.flags & DUNLIN_LINK_SPOKE) != 0;
  wish.takes_headers = (options.flags & DUNLIN_LINK_HEADERS) != 0;
  wish.deliver = options.deliver;
  wish.user = options.user;
  const std::uint16_t shard = connection.shard().index();
  out = connection
            .attach(std::make_unique<LinkConnection>(connection, std::move(wish),
                                                     net_.router(shard), net_.batches(shard),
                                                     observers_))
            .handle();
  return DUNLIN_OK;
}

void LinkService::detach(plugin::Owner owner, dunlin_link* link) {
  ProtocolConnection& connection = LinkConnection::of(link).connection();
  if (connection.settings().owner == owner && connection.link() == &LinkConnection::of(link))
    connection.detach();
}

dunlin_status LinkService::subscribe(dunlin_link* link, std::span<const dunlin_remote_sub> subs,
                                     std::size_t& done) {
  return LinkConnection::of(link).subscribe(subs, done);
}

dunlin_status LinkService::publish(dunlin_link* link,
                                   std::span<const dunlin_routed_msg> messages,
                                   std::size_t& done) {
  return LinkConnection::of(link).publish(messages, done);
}

dunlin_status LinkService::observe(plugin::Owner owner, const dunlin_interest_options& options,
                                   dunlin_observer& out) {
  out = observers_.observe(owner, options);
  return DUNLIN_OK;
}

void LinkService::unobserve(plugin::Owner owner, dunlin_observer observer) {
  observers_.unobserve(owner, observer);
}

// ---- peers -------------------------------------------------------------------------------------

dunlin_status LinkService::set_peer(plugin::Owner owner, const dunlin_peer_info& peer) {
  const auto found = peers_.find(view(peer.id));
  if (found != peers_.end() && found->second.owner != owner) return DUNLIN_E_EXISTS;
  Peer& kept = peers_[std::string(view(peer.id))];
  kept.owner = owner;
  kept.id = view(peer.id);
  kept.name = view(peer.name);
  kept.cluster = view(peer.cluster);
  kept.domain = view(peer.domain);
  kept.version = view(peer.version);
  kept.numbers = peer;
  if (peer.rtt_ns <= 0) return DUNLIN_OK;
  for (const auto& shard : shards_)
    executor_.post_shard(shard->index(), [&shard, id = kept.id, rtt = peer.rtt_ns] {
      shard->for_each_connection([&](net::Connection& connection) {
        auto* const one = dynamic_cast<ProtocolConnection*>(&connection);
        LinkConnection* const link = one == nullptr ? nullptr : one->link();
        if (link != nullptr && link->peer_id() == id)
          link->set_distance(static_cast<std::uint64_t>(rtt));
      });
    });
  return DUNLIN_OK;
}

void LinkService::remove_peer(plugin::Owner owner, std::string_view id) {
  const auto found = peers_.find(id);
  if (found != peers_.end() && found->second.owner == owner) peers_.erase(found);
}

void LinkService::each_peer(bool (*visit)(void* user, const dunlin_peer_info* peer), void* user) {
  for (const auto& [id, peer] : peers_) {
    dunlin_peer_info shown = peer.numbers;
    shown.struct_size = sizeof shown;
    shown.id = str(peer.id);
    shown.name = str(peer.name);
    shown.cluster = str(peer.cluster);
    shown.domain = str(peer.domain);
    shown.version = str(peer.version);
    if (!visit(user, &shown)) return;
  }
}

void LinkService::plugin_stopped(plugin::Owner owner) {
  observers_.plugin_stopped(owner);
  std::erase_if(peers_, [owner](const auto& entry) { return entry.second.owner == owner; });
}

}  // namespace dunlin::server
