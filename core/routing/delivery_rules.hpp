// Which connections a message from another may go to, by the kinds of both (nats-server behaviour).
//
//   from            local   route               gateway    leafnode
//   local           yes     yes                 yes        yes
//   route           yes     only forwarded      the same   where we are its hub; service replies
//   gateway         yes     yes                 the same   yes
//   leafnode        yes     yes                 yes        yes, but not of the same cluster
//   our hub         yes     no                  yes        yes, but not of the same cluster
//
// Never back to the connection it came from. Of a queue group one member is chosen; a member on a
// nearer connection goes before one that is farther, see place_in_group(). Pure functions of what
// they are given.  [any shard]

#pragma once

#include "core/routing/endpoint.hpp"
#include "core/routing/message.hpp"

namespace dunlin::routing {

[[nodiscard]] constexpr bool is_local(Kind kind) noexcept {
  return kind == Kind::client || kind == Kind::system || kind == Kind::jetstream ||
         kind == Kind::account;
}
[[nodiscard]] constexpr bool is_link(Kind kind) noexcept { return !is_local(kind); }

// A message that entered by a leafnode cluster does not return to it, whatever way it took.
[[nodiscard]] inline bool returns_to_leaf(const Origin& origin, const Endpoint& link) noexcept {
  return link.kind() == Kind::leaf && !origin.leaf_cluster.empty() &&
         link.link_cluster() == origin.leaf_cluster;
}

// May a message of `origin` go to a plain subscription that `link` (a route, gateway or leafnode
// connection) holds for the other side?
[[nodiscard]] inline bool may_cross(const Origin& origin, std::string_view subject,
                                    const Endpoint& link) noexcept {
  const Kind to = link.kind();
  if (link.id() == origin.connection || returns_to_leaf(origin, link)) return false;
  switch (origin.kind) {
    case Kind::router:
      // One hop. A hub's messages are not ours to give away, except the answers to our requests.
      if (to == Kind::leaf) return !link.is_spoke() || subject.starts_with("_R_.");
      return origin.forwards;
    case Kind::gateway: return to != Kind::gateway || origin.forwards;
    case Kind::leaf: return !(origin.is_spoke && to == Kind::router);
    default: return true;
  }
}

// How a member of a queue group that `link` holds for the other side is considered, when walking
// the group from a random start.
enum class GroupPlace : std::uint8_t {
  never,
  gateway,  // when nobody else takes it, by the nearest
  route,    // when no one nearer takes it; a leafnode is preferred
  leaf,     // when no one nearer takes it
  at_once,
};

// `leaf_origin` is the leafnode cluster the member stands for behind its route; empty for others.
[[nodiscard]] inline GroupPlace place_in_group(const Origin& origin, const Endpoint& link,
                                               std::string_view leaf_origin) noexcept {
  if (link.id() == origin.connection || returns_to_leaf(origin, link)) return GroupPlace::never;
  switch (link.kind()) {
    case Kind::router:
      if (origin.kind == Kind::router) return GroupPlace::route;
      if (origin.kind == Kind::leaf && origin.is_spoke) return GroupPlace::never;
      if (leaf_origin.empty()) return GroupPlace::at_once;
      return leaf_origin == origin.leaf_cluster ? GroupPlace::never : GroupPlace::route;
    case Kind::leaf: return GroupPlace::leaf;
    case Kind::gateway:
      return is_local(origin.kind) || origin.kind == Kind::leaf || origin.forwards
                 ? GroupPlace::gateway
                 : GroupPlace::never;
    default: return GroupPlace::never;
  }
}

}  // namespace dunlin::routing
