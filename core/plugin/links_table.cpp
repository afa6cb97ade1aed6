// dunlin.links/1 (draft) over the server's LinkService.

#include <dunlin/ext/draft/links.h>

#include "core/plugin/argument_checks.hpp"
#include "core/plugin/context.hpp"

namespace dunlin::plugin {
namespace {

constexpr std::uint32_t queues_max = 1024;

LinkService& links_of(const dunlin_host* host) { return *context_of(host).shared.services.links; }

dunlin_status attach(const dunlin_host* host, dunlin_conn* conn,
                     const dunlin_link_options* options, dunlin_link** out) {
  auto& context = context_of(host);
  const auto copy = copy_sized(options);
  if (!copy || conn == nullptr || out == nullptr || copy->deliver == nullptr ||
      !is_sound(copy->peer_id) || !is_sound(copy->peer_name) || !is_queue(view(copy->origin))) {
    return DUNLIN_E_INVALID;
  }
  const auto* net = context.shared.services.net;
  if (net == nullptr) return DUNLIN_E_UNSUPPORTED;
  const auto kind = context.shared.services.net->kind(conn);
  if (kind != DUNLIN_KIND_ROUTER && kind != DUNLIN_KIND_GATEWAY && kind != DUNLIN_KIND_LEAF) {
    return DUNLIN_E_DENIED;
  }
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return links_of(host).attach(context.owner, conn, *copy, *out);
}

bool is_sound_sub(const dunlin_remote_sub& sub) {
  return sub.account != nullptr && sub.reserved == 0 && sub.weight >= 0 &&
         is_sound(sub.subject) && is_sound(sub.queue) && is_sound(sub.origin) &&
         is_subscribable(view(sub.subject)) && is_queue(view(sub.queue)) &&
         is_queue(view(sub.origin));
}

bool is_sound_message(const dunlin_routed_msg& routed) {
  if (routed.account == nullptr || routed.queue_count > queues_max ||
      (routed.queues == nullptr && routed.queue_count > 0) || !is_sound(routed.msg.payload) ||
      !is_publishable(view(routed.msg.subject)) || !is_reply(view(routed.msg.reply)) ||
      !is_header(routed.msg.header) || !is_queue(view(routed.origin))) {
    return false;
  }
  for (std::uint32_t i = 0; i < routed.queue_count; ++i) {
    if (!is_queue(view(routed.queues[i]))) return false;
  }
  return true;
}

// Passes on the sound beginning of a batch.
template <class Item, class IsSound, class Pass>
dunlin_status pass_batch(const Item* items, std::size_t n, std::size_t* done,
                         IsSound&& is_sound_item, Pass&& pass) {
  if (done != nullptr) *done = 0;
  if (items == nullptr && n > 0) return DUNLIN_E_INVALID;
  std::size_t sound = 0;
  while (sound < n && is_sound_item(items[sound])) ++sound;
  std::size_t taken = 0;
  auto status = sound == 0 ? DUNLIN_OK : pass(std::span<const Item>(items, sound), taken);
  if (status == DUNLIN_OK && sound < n) status = DUNLIN_E_INVALID;
  if (done != nullptr) *done = taken;
  return status;
}

dunlin_status subscribe(const dunlin_host* host, dunlin_link* link, const dunlin_remote_sub* subs,
                        std::size_t n, std::size_t* done) {
  if (link == nullptr) return DUNLIN_E_INVALID;
  return pass_batch(subs, n, done, is_sound_sub, [&](auto batch, std::size_t& taken) {
    return links_of(host).subscribe(link, batch, taken);
  });
}

dunlin_status publish(const dunlin_host* host, dunlin_link* link,
                      const dunlin_routed_msg* messages, std::size_t n, std::size_t* done) {
  if (link == nullptr) return DUNLIN_E_INVALID;
  return pass_batch(messages, n, done, is_sound_message, [&](auto batch, std::size_t& taken) {
    return links_of(host).publish(link, batch, taken);
  });
}

dunlin_status observe(const dunlin_host* host, const dunlin_interest_options* options,
                      dunlin_observer* out) {
  auto& context = context_of(host);
  if (!on_control(host, "links.observe")) return DUNLIN_E_WRONG_THREAD;
  const auto copy = copy_sized(options);
  if (!copy || out == nullptr || copy->on_change == nullptr || copy->reserved != 0 ||
      copy->shard >= context.shared.executor.shard_count()) {
    return DUNLIN_E_INVALID;
  }
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return links_of(host).observe(context.owner, *copy, *out);
}

dunlin_status set_peer(const dunlin_host* host, const dunlin_peer_info* peer) {
  if (!on_control(host, "links.set_peer")) return DUNLIN_E_WRONG_THREAD;
  const auto copy = copy_sized(peer);
  if (!copy || copy->id.size == 0 || !is_queue(view(copy->id))) return DUNLIN_E_INVALID;
  return links_of(host).set_peer(context_of(host).owner, *copy);
}

constexpr dunlin_links table = {
    sizeof(dunlin_links),
    0,
    attach,
    [](const dunlin_host* host, dunlin_link* link) {
      if (link != nullptr) links_of(host).detach(context_of(host).owner, link);
    },
    subscribe,
    publish,
    observe,
    [](const dunlin_host* host, dunlin_observer observer) {
      if (on_control(host, "links.unobserve")) {
        links_of(host).unobserve(context_of(host).owner, observer);
      }
    },
    set_peer,
    [](const dunlin_host* host, dunlin_str id) {
      if (on_control(host, "links.remove_peer")) {
        links_of(host).remove_peer(context_of(host).owner, view(id));
      }
    },
    [](const dunlin_host* host, bool (*visit)(void*, const dunlin_peer_info*), void* user) {
      if (visit != nullptr && on_control(host, "links.each_peer")) {
        links_of(host).each_peer(visit, user);
      }
    }};

}  // namespace

const void* links_table() noexcept { return &table; }

}  // namespace dunlin::plugin
