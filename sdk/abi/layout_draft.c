/* The layout of the draft tables, for LP64. They may change with any build; this makes each change
 * one that somebody meant. Compiled by the tests; contains no code.
 */
#include <dunlin/ext/draft/links.h>

#define AT(type, member, offset) \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " is frozen")

SIZE(dunlin_link_delivery, 128);
AT(dunlin_link_delivery, account, 0);
AT(dunlin_link_delivery, msg, 8);
AT(dunlin_link_delivery, queues, 96);
AT(dunlin_link_delivery, queue_count, 104);
AT(dunlin_link_delivery, origin_kind, 108);
AT(dunlin_link_delivery, origin, 112);

AT(dunlin_link_options, struct_size, 0);
AT(dunlin_link_options, flags, 4);
AT(dunlin_link_options, peer_id, 8);
AT(dunlin_link_options, peer_name, 24);
AT(dunlin_link_options, origin, 40);
AT(dunlin_link_options, deliver, 56);
AT(dunlin_link_options, user, 64);

SIZE(dunlin_remote_sub, 64);
AT(dunlin_remote_sub, account, 0);
AT(dunlin_remote_sub, subject, 8);
AT(dunlin_remote_sub, queue, 24);
AT(dunlin_remote_sub, origin, 40);
AT(dunlin_remote_sub, weight, 56);
AT(dunlin_remote_sub, reserved, 60);

SIZE(dunlin_routed_msg, 128);
AT(dunlin_routed_msg, account, 0);
AT(dunlin_routed_msg, msg, 8);
AT(dunlin_routed_msg, queues, 96);
AT(dunlin_routed_msg, queue_count, 104);
AT(dunlin_routed_msg, flags, 108);
AT(dunlin_routed_msg, origin, 112);

SIZE(dunlin_interest_change, 72);
AT(dunlin_interest_change, account, 0);
AT(dunlin_interest_change, subject, 8);
AT(dunlin_interest_change, queue, 24);
AT(dunlin_interest_change, origin, 40);
AT(dunlin_interest_change, kind, 56);
AT(dunlin_interest_change, before, 60);
AT(dunlin_interest_change, after, 64);
AT(dunlin_interest_change, reserved, 68);

AT(dunlin_interest_options, struct_size, 0);
AT(dunlin_interest_options, kinds, 4);
AT(dunlin_interest_options, account, 8);
AT(dunlin_interest_options, shard, 16);
AT(dunlin_interest_options, reserved, 20);
AT(dunlin_interest_options, on_change, 24);
AT(dunlin_interest_options, user, 32);

AT(dunlin_peer_info, struct_size, 0);
AT(dunlin_peer_info, kind, 4);
AT(dunlin_peer_info, id, 8);
AT(dunlin_peer_info, name, 24);
AT(dunlin_peer_info, cluster, 40);
AT(dunlin_peer_info, domain, 56);
AT(dunlin_peer_info, version, 72);
AT(dunlin_peer_info, connections, 88);
AT(dunlin_peer_info, jetstream, 96);
AT(dunlin_peer_info, reserved, 100);
AT(dunlin_peer_info, rtt_ns, 104);

AT(dunlin_links, struct_size, 0);
AT(dunlin_links, reserved, 4);
AT(dunlin_links, attach, 8);
AT(dunlin_links, detach, 16);
AT(dunlin_links, subscribe, 24);
AT(dunlin_links, publish, 32);
AT(dunlin_links, observe, 40);
AT(dunlin_links, unobserve, 48);
AT(dunlin_links, set_peer, 56);
AT(dunlin_links, remove_peer, 64);
AT(dunlin_links, each_peer, 72);
