// Which kinds of connection a message from another kind may go to.
//
// One table for every link: a message takes one hop over routes, never returns to the leafnode it
// came from, and a spoke does not relay its hub's messages to its cluster.

#pragma once

#include "core/routing/endpoint.hpp"
#include "core/routing/message.hpp"

namespace dunlin::routing {

[[nodiscard]] constexpr bool is_local(Kind kind) noexcept {
  return kind == Kind::client || kind == Kind::system || kind == Kind::jetstream ||
         kind == Kind::account;
}
[[nodiscard]] constexpr bool is_link(Kind kind) noexcept { return !is_local(kind); }

// May a message of `origin` go to a plain subscription that `link` (a route, gateway or leafnode
// connection) holds for the other side?
[[nodiscard]] inline bool may_cross(const Origin& origin, const Endpoint& link) noexcept {
  const Kind to = link.kind();
  if (link.id() == origin.connection) return false;
  if (to == Kind::leaf && !origin.leaf_cluster.empty() &&
      link.link_cluster() == origin.leaf_cluster)
    return false;
  switch (origin.kind) {
    case Kind::router:
      // One hop; leafnodes only where this server is the hub.
      return to == Kind::leaf && !link.is_spoke();
    case Kind::gateway: return to != Kind::gateway;
    case Kind::leaf: return !(origin.is_spoke && to == Kind::router);
    default: return true;
  }
}

}  // namespace dunlin::routing
