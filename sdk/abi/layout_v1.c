/* The layout of SDK major 0, revision 1, for LP64: every member's offset, and the sizes in arrays.
 * Appending a member breaks nothing; any other edit does, and needs a new revision of its table.
 * Compiled by the tests; contains no code. */
#include <dunlin/abi.h>
#include <dunlin/ext/account.h>
#include <dunlin/ext/clock.h>
#include <dunlin/ext/config.h>
#include <dunlin/ext/executor.h>
#include <dunlin/ext/health.h>
#include <dunlin/ext/http.h>
#include <dunlin/ext/log.h>
#include <dunlin/ext/metrics.h>
#include <dunlin/ext/net.h>
#include <dunlin/ext/observe.h>
#include <dunlin/ext/random.h>
#include <dunlin/ext/registry.h>
#include <dunlin/ext/router.h>

#define AT(type, member, offset) \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " is frozen")

SIZE(dunlin_error, 512);
AT(dunlin_error, struct_size, 0);
AT(dunlin_error, status, 4);
AT(dunlin_error, os_error, 8);
AT(dunlin_error, reserved, 12);
AT(dunlin_error, text, 16);

SIZE(dunlin_str, 16);
AT(dunlin_str, data, 0);
AT(dunlin_str, size, 8);

SIZE(dunlin_bytes, 16);
AT(dunlin_bytes, data, 0);
AT(dunlin_bytes, size, 8);

SIZE(dunlin_secret, 16);
AT(dunlin_secret, reveal, 0);

AT(dunlin_host, struct_size, 0);
AT(dunlin_host, abi_version, 4);
AT(dunlin_host, product, 8);
AT(dunlin_host, build_id, 16);
AT(dunlin_host, extension, 24);

AT(dunlin_plugin, struct_size, 0);
AT(dunlin_plugin, reserved, 4);
AT(dunlin_plugin, self, 8);
AT(dunlin_plugin, configure, 16);
AT(dunlin_plugin, start, 24);
AT(dunlin_plugin, drain, 32);
AT(dunlin_plugin, stop, 40);
AT(dunlin_plugin, destroy, 48);
AT(dunlin_plugin, reload_prepare, 56);
AT(dunlin_plugin, reload_finish, 64);
AT(dunlin_plugin, extension, 72);

SIZE(dunlin_need, 16);
AT(dunlin_need, capability, 0);
AT(dunlin_need, flags, 8);
AT(dunlin_need, reserved, 12);

AT(dunlin_entry, struct_size, 0);
AT(dunlin_entry, abi_version_built, 4);
AT(dunlin_entry, abi_version_needed, 8);
AT(dunlin_entry, flags, 12);
AT(dunlin_entry, id, 16);
AT(dunlin_entry, version, 24);
AT(dunlin_entry, summary, 32);
AT(dunlin_entry, license, 40);
AT(dunlin_entry, provides, 48);
AT(dunlin_entry, needs, 56);
AT(dunlin_entry, create, 64);

AT(dunlin_account_api, struct_size, 0);
AT(dunlin_account_api, reserved, 4);
AT(dunlin_account_api, find, 8);
AT(dunlin_account_api, fetch, 16);
AT(dunlin_account_api, global_account, 24);
AT(dunlin_account_api, system_account, 32);
AT(dunlin_account_api, name, 40);
AT(dunlin_account_api, limit, 48);
AT(dunlin_account_api, claims, 56);
AT(dunlin_account_api, each, 64);
AT(dunlin_account_api, watch, 72);
AT(dunlin_account_api, unwatch, 80);

AT(dunlin_timer_options, struct_size, 0);
AT(dunlin_timer_options, thread, 4);
AT(dunlin_timer_options, shard, 8);
AT(dunlin_timer_options, reserved, 12);
AT(dunlin_timer_options, at_ns, 16);
AT(dunlin_timer_options, period_ns, 24);

AT(dunlin_clock, struct_size, 0);
AT(dunlin_clock, reserved, 4);
AT(dunlin_clock, monotonic_ns, 8);
AT(dunlin_clock, wall_ns, 16);
AT(dunlin_clock, timer_start, 24);
AT(dunlin_clock, timer_cancel, 32);
AT(dunlin_clock, timer_cancel_async, 40);

SIZE(dunlin_key, 88);
AT(dunlin_key, name, 0);
AT(dunlin_key, aliases, 8);
AT(dunlin_key, type, 16);
AT(dunlin_key, element, 20);
AT(dunlin_key, flags, 24);
AT(dunlin_key, reserved, 28);
AT(dunlin_key, fallback, 32);
AT(dunlin_key, help, 40);
AT(dunlin_key, choices, 48);
AT(dunlin_key, least, 56);
AT(dunlin_key, most, 64);
AT(dunlin_key, children, 72);
AT(dunlin_key, child_count, 80);

SIZE(dunlin_position, 24);
AT(dunlin_position, file, 0);
AT(dunlin_position, line, 16);
AT(dunlin_position, column, 20);

AT(dunlin_config_api, struct_size, 0);
AT(dunlin_config_api, reserved, 4);
AT(dunlin_config_api, declare_keys, 8);
AT(dunlin_config_api, get, 16);
AT(dunlin_config_api, type, 24);
AT(dunlin_config_api, each, 32);
AT(dunlin_config_api, text, 40);
AT(dunlin_config_api, secret, 48);
AT(dunlin_config_api, integer, 56);
AT(dunlin_config_api, number, 64);
AT(dunlin_config_api, boolean, 72);
AT(dunlin_config_api, duration_ns, 80);
AT(dunlin_config_api, size_bytes, 88);
AT(dunlin_config_api, position, 96);
AT(dunlin_config_api, refuse, 104);

AT(dunlin_executor, struct_size, 0);
AT(dunlin_executor, reserved, 4);
AT(dunlin_executor, post_control, 8);
AT(dunlin_executor, post_shard, 16);
AT(dunlin_executor, post_worker, 24);
AT(dunlin_executor, thread, 32);
AT(dunlin_executor, shard_index, 40);
AT(dunlin_executor, shard_count, 48);

SIZE(dunlin_health_item, 56);
AT(dunlin_health_item, plugin, 0);
AT(dunlin_health_item, component, 16);
AT(dunlin_health_item, state, 32);
AT(dunlin_health_item, reserved, 36);
AT(dunlin_health_item, reason, 40);

AT(dunlin_health, struct_size, 0);
AT(dunlin_health, reserved, 4);
AT(dunlin_health, set, 8);
AT(dunlin_health, overall, 16);
AT(dunlin_health, each, 24);

SIZE(dunlin_http_header, 32);
AT(dunlin_http_header, name, 0);
AT(dunlin_http_header, value, 16);

AT(dunlin_http_request, struct_size, 0);
AT(dunlin_http_request, scope, 4);
AT(dunlin_http_request, method, 8);
AT(dunlin_http_request, path, 24);
AT(dunlin_http_request, query, 40);
AT(dunlin_http_request, remote, 56);
AT(dunlin_http_request, body, 72);
AT(dunlin_http_request, headers, 88);
AT(dunlin_http_request, header_count, 96);

AT(dunlin_http_response, struct_size, 0);
AT(dunlin_http_response, status, 4);
AT(dunlin_http_response, content_type, 8);
AT(dunlin_http_response, body, 24);
AT(dunlin_http_response, headers, 40);
AT(dunlin_http_response, header_count, 48);

AT(dunlin_endpoint, struct_size, 0);
AT(dunlin_endpoint, scope, 4);
AT(dunlin_endpoint, path, 8);
AT(dunlin_endpoint, summary, 24);
AT(dunlin_endpoint, handler, 40);
AT(dunlin_endpoint, user, 48);

AT(dunlin_http, struct_size, 0);
AT(dunlin_http, reserved, 4);
AT(dunlin_http, endpoint, 8);
AT(dunlin_http, remove, 16);
AT(dunlin_http, respond, 24);
AT(dunlin_http, each, 32);
AT(dunlin_http, dispatch, 40);

SIZE(dunlin_log_field, 48);
AT(dunlin_log_field, name, 0);
AT(dunlin_log_field, type, 16);
AT(dunlin_log_field, reserved, 20);
AT(dunlin_log_field, text, 24);
AT(dunlin_log_field, integer, 40);

AT(dunlin_log, struct_size, 0);
AT(dunlin_log, reserved, 4);
AT(dunlin_log, enabled, 8);
AT(dunlin_log, write, 16);

SIZE(dunlin_cell, 64);
AT(dunlin_cell, value, 0);
AT(dunlin_cell, reserved, 8);

SIZE(dunlin_label, 32);
AT(dunlin_label, name, 0);
AT(dunlin_label, value, 16);

AT(dunlin_metric_options, struct_size, 0);
AT(dunlin_metric_options, flags, 4);
AT(dunlin_metric_options, name, 8);
AT(dunlin_metric_options, help, 24);
AT(dunlin_metric_options, labels, 40);
AT(dunlin_metric_options, label_count, 48);

AT(dunlin_metric_sample, struct_size, 0);
AT(dunlin_metric_sample, type, 4);
AT(dunlin_metric_sample, plugin, 8);
AT(dunlin_metric_sample, name, 24);
AT(dunlin_metric_sample, help, 40);
AT(dunlin_metric_sample, labels, 56);
AT(dunlin_metric_sample, label_count, 64);
AT(dunlin_metric_sample, value, 72);
AT(dunlin_metric_sample, bounds, 80);
AT(dunlin_metric_sample, counts, 88);
AT(dunlin_metric_sample, bound_count, 96);
AT(dunlin_metric_sample, sum, 104);
AT(dunlin_metric_sample, count, 112);

AT(dunlin_metrics, struct_size, 0);
AT(dunlin_metrics, reserved, 4);
AT(dunlin_metrics, counter, 8);
AT(dunlin_metrics, gauge, 16);
AT(dunlin_metrics, histogram, 24);
AT(dunlin_metrics, observe, 32);
AT(dunlin_metrics, collector, 40);
AT(dunlin_metrics, each, 48);

AT(dunlin_protocol, struct_size, 0);
AT(dunlin_protocol, reserved, 4);
AT(dunlin_protocol, name, 8);
AT(dunlin_protocol, open, 16);
AT(dunlin_protocol, bytes, 24);
AT(dunlin_protocol, tick, 32);
AT(dunlin_protocol, close, 40);
AT(dunlin_protocol, drain, 48);
AT(dunlin_protocol, writable, 56);

AT(dunlin_listener_options, struct_size, 0);
AT(dunlin_listener_options, kind, 4);
AT(dunlin_listener_options, name, 8);
AT(dunlin_listener_options, address, 24);
AT(dunlin_listener_options, port, 40);
AT(dunlin_listener_options, reserved16, 42);
AT(dunlin_listener_options, tls_mode, 44);
AT(dunlin_listener_options, tls, 48);
AT(dunlin_listener_options, protocol, 56);
AT(dunlin_listener_options, user, 64);
AT(dunlin_listener_options, connections_max, 72);
AT(dunlin_listener_options, input_bytes_max, 80);
AT(dunlin_listener_options, preauth_bytes_max, 88);
AT(dunlin_listener_options, pending_bytes_max, 96);
AT(dunlin_listener_options, auth_timeout_ns, 104);
AT(dunlin_listener_options, write_deadline_ns, 112);

AT(dunlin_connect_options, struct_size, 0);
AT(dunlin_connect_options, kind, 4);
AT(dunlin_connect_options, name, 8);
AT(dunlin_connect_options, addresses, 24);
AT(dunlin_connect_options, address_count, 32);
AT(dunlin_connect_options, tls_mode, 40);
AT(dunlin_connect_options, attempts_max, 44);
AT(dunlin_connect_options, tls, 48);
AT(dunlin_connect_options, protocol, 56);
AT(dunlin_connect_options, user, 64);
AT(dunlin_connect_options, on_connect, 72);
AT(dunlin_connect_options, on_connect_user, 80);
AT(dunlin_connect_options, connect_timeout_ns, 88);
AT(dunlin_connect_options, retry_delay_ns, 96);
AT(dunlin_connect_options, retry_delay_max_ns, 104);
AT(dunlin_connect_options, retry_jitter_ns, 112);
AT(dunlin_connect_options, input_bytes_max, 120);
AT(dunlin_connect_options, pending_bytes_max, 128);
AT(dunlin_connect_options, write_deadline_ns, 136);
AT(dunlin_connect_options, tls_server_name, 144);

AT(dunlin_credentials, struct_size, 0);
AT(dunlin_credentials, kind, 4);
AT(dunlin_credentials, type, 8);
AT(dunlin_credentials, user, 24);
AT(dunlin_credentials, password, 40);
AT(dunlin_credentials, token, 56);
AT(dunlin_credentials, nkey, 72);
AT(dunlin_credentials, signature, 88);
AT(dunlin_credentials, jwt, 104);
AT(dunlin_credentials, nonce, 120);
AT(dunlin_credentials, name, 136);
AT(dunlin_credentials, lang, 152);
AT(dunlin_credentials, version, 168);

AT(dunlin_peer, struct_size, 0);
AT(dunlin_peer, port, 4);
AT(dunlin_peer, local_port, 6);
AT(dunlin_peer, address, 8);
AT(dunlin_peer, local_address, 24);
AT(dunlin_peer, tls_version, 40);
AT(dunlin_peer, tls_cipher, 56);
AT(dunlin_peer, tls_subject, 72);
AT(dunlin_peer, outbound, 88);
AT(dunlin_peer, reserved, 92);

SIZE(dunlin_part, 24);
AT(dunlin_part, bytes, 0);
AT(dunlin_part, owner, 16);

AT(dunlin_net, struct_size, 0);
AT(dunlin_net, reserved, 4);
AT(dunlin_net, listen, 8);
AT(dunlin_net, listener_port, 16);
AT(dunlin_net, unlisten, 24);
AT(dunlin_net, unlisten_async, 32);
AT(dunlin_net, connect, 40);
AT(dunlin_net, disconnect, 48);
AT(dunlin_net, id, 56);
AT(dunlin_net, kind, 64);
AT(dunlin_net, shard, 72);
AT(dunlin_net, peer, 80);
AT(dunlin_net, write, 88);
AT(dunlin_net, deliver, 96);
AT(dunlin_net, count_in, 104);
AT(dunlin_net, start_tls, 112);
AT(dunlin_net, authenticate, 120);
AT(dunlin_net, bind_account, 128);
AT(dunlin_net, account, 136);
AT(dunlin_net, may_publish, 144);
AT(dunlin_net, may_subscribe, 152);
AT(dunlin_net, describe, 160);
AT(dunlin_net, set_tick, 168);
AT(dunlin_net, pause, 176);
AT(dunlin_net, resume, 184);
AT(dunlin_net, shut, 192);

SIZE(dunlin_by_kind, 32);
AT(dunlin_by_kind, clients, 0);
AT(dunlin_by_kind, routes, 8);
AT(dunlin_by_kind, gateways, 16);
AT(dunlin_by_kind, leafs, 24);

AT(dunlin_server_info, struct_size, 0);
AT(dunlin_server_info, proto, 4);
AT(dunlin_server_info, server_id, 8);
AT(dunlin_server_info, server_name, 24);
AT(dunlin_server_info, version, 40);
AT(dunlin_server_info, git_commit, 56);
AT(dunlin_server_info, host, 72);
AT(dunlin_server_info, ip, 88);
AT(dunlin_server_info, cluster_name, 104);
AT(dunlin_server_info, system_account, 120);
AT(dunlin_server_info, config_digest, 136);
AT(dunlin_server_info, port, 152);
AT(dunlin_server_info, reserved16, 154);
AT(dunlin_server_info, auth_required, 156);
AT(dunlin_server_info, tls_required, 160);
AT(dunlin_server_info, tls_verify, 164);
AT(dunlin_server_info, connect_urls, 168);
AT(dunlin_server_info, connect_url_count, 176);
AT(dunlin_server_info, tags, 184);
AT(dunlin_server_info, tag_count, 192);
AT(dunlin_server_info, metadata, 200);
AT(dunlin_server_info, metadata_count, 208);
AT(dunlin_server_info, max_connections, 216);
AT(dunlin_server_info, max_subscriptions, 224);
AT(dunlin_server_info, max_payload, 232);
AT(dunlin_server_info, max_pending, 240);
AT(dunlin_server_info, max_control_line, 248);
AT(dunlin_server_info, ping_interval_ns, 256);
AT(dunlin_server_info, write_deadline_ns, 264);
AT(dunlin_server_info, auth_timeout_ns, 272);
AT(dunlin_server_info, tls_timeout_ns, 280);
AT(dunlin_server_info, ping_max, 288);
AT(dunlin_server_info, lame_duck, 292);
AT(dunlin_server_info, start_ns, 296);
AT(dunlin_server_info, now_ns, 304);
AT(dunlin_server_info, config_load_ns, 312);
AT(dunlin_server_info, mem_bytes, 320);
AT(dunlin_server_info, cpu_percent, 328);
AT(dunlin_server_info, cores, 336);
AT(dunlin_server_info, shards, 340);
AT(dunlin_server_info, connections, 344);
AT(dunlin_server_info, total_connections, 352);
AT(dunlin_server_info, routes, 360);
AT(dunlin_server_info, remotes, 368);
AT(dunlin_server_info, leafnodes, 376);
AT(dunlin_server_info, subscriptions, 384);
AT(dunlin_server_info, in_msgs, 392);
AT(dunlin_server_info, in_bytes, 400);
AT(dunlin_server_info, out_msgs, 408);
AT(dunlin_server_info, out_bytes, 416);
AT(dunlin_server_info, in_client_msgs, 424);
AT(dunlin_server_info, in_client_bytes, 432);
AT(dunlin_server_info, out_client_msgs, 440);
AT(dunlin_server_info, out_client_bytes, 448);
AT(dunlin_server_info, slow_consumers, 456);
AT(dunlin_server_info, stale_connections, 464);
AT(dunlin_server_info, stalled_clients, 472);
AT(dunlin_server_info, slow_consumers_by, 480);
AT(dunlin_server_info, stale_connections_by, 512);
AT(dunlin_server_info, go, 544);
AT(dunlin_server_info, write_timeout, 560);
AT(dunlin_server_info, cmdline, 576);
AT(dunlin_server_info, cmdline_count, 584);

AT(dunlin_connections_query, struct_size, 0);
AT(dunlin_connections_query, state, 4);
AT(dunlin_connections_query, subscriptions, 8);
AT(dunlin_connections_query, reserved, 12);
AT(dunlin_connections_query, cids, 16);
AT(dunlin_connections_query, cid_count, 24);
AT(dunlin_connections_query, account, 32);
AT(dunlin_connections_query, user, 48);
AT(dunlin_connections_query, filter_subject, 64);

SIZE(dunlin_sub_info, 88);
AT(dunlin_sub_info, account, 0);
AT(dunlin_sub_info, subject, 16);
AT(dunlin_sub_info, queue, 32);
AT(dunlin_sub_info, sid, 48);
AT(dunlin_sub_info, msgs, 64);
AT(dunlin_sub_info, max, 72);
AT(dunlin_sub_info, cid, 80);

AT(dunlin_connection_info, struct_size, 0);
AT(dunlin_connection_info, kind, 4);
AT(dunlin_connection_info, cid, 8);
AT(dunlin_connection_info, type, 16);
AT(dunlin_connection_info, ip, 32);
AT(dunlin_connection_info, port, 48);
AT(dunlin_connection_info, reserved16, 50);
AT(dunlin_connection_info, closed, 52);
AT(dunlin_connection_info, start_ns, 56);
AT(dunlin_connection_info, last_activity_ns, 64);
AT(dunlin_connection_info, stop_ns, 72);
AT(dunlin_connection_info, reason, 80);
AT(dunlin_connection_info, rtt_ns, 96);
AT(dunlin_connection_info, pending_bytes, 104);
AT(dunlin_connection_info, in_msgs, 112);
AT(dunlin_connection_info, out_msgs, 120);
AT(dunlin_connection_info, in_bytes, 128);
AT(dunlin_connection_info, out_bytes, 136);
AT(dunlin_connection_info, stalls, 144);
AT(dunlin_connection_info, subscription_count, 152);
AT(dunlin_connection_info, name, 160);
AT(dunlin_connection_info, lang, 176);
AT(dunlin_connection_info, version, 192);
AT(dunlin_connection_info, account, 208);
AT(dunlin_connection_info, authorized_user, 224);
AT(dunlin_connection_info, tls_version, 240);
AT(dunlin_connection_info, tls_cipher, 256);
AT(dunlin_connection_info, tls_first, 272);
AT(dunlin_connection_info, shard, 276);
AT(dunlin_connection_info, jwt, 280);
AT(dunlin_connection_info, issuer_key, 296);
AT(dunlin_connection_info, name_tag, 312);
AT(dunlin_connection_info, mqtt_client, 328);
AT(dunlin_connection_info, subs, 344);
AT(dunlin_connection_info, sub_count, 352);
AT(dunlin_connection_info, tags, 360);
AT(dunlin_connection_info, tag_count, 368);

SIZE(dunlin_traffic, 16);
AT(dunlin_traffic, msgs, 0);
AT(dunlin_traffic, bytes, 8);

AT(dunlin_account_info, struct_size, 0);
AT(dunlin_account_info, is_system, 4);
AT(dunlin_account_info, is_expired, 8);
AT(dunlin_account_info, is_complete, 12);
AT(dunlin_account_info, jetstream_enabled, 16);
AT(dunlin_account_info, reserved, 20);
AT(dunlin_account_info, name, 24);
AT(dunlin_account_info, name_tag, 40);
AT(dunlin_account_info, issuer_key, 56);
AT(dunlin_account_info, jwt, 72);
AT(dunlin_account_info, update_ns, 88);
AT(dunlin_account_info, client_connections, 96);
AT(dunlin_account_info, leafnode_connections, 104);
AT(dunlin_account_info, total_connections, 112);
AT(dunlin_account_info, subscriptions, 120);
AT(dunlin_account_info, slow_consumers, 128);
AT(dunlin_account_info, sent, 136);
AT(dunlin_account_info, received, 152);
AT(dunlin_account_info, sent_routes, 168);
AT(dunlin_account_info, received_routes, 184);
AT(dunlin_account_info, sent_gateways, 200);
AT(dunlin_account_info, received_gateways, 216);
AT(dunlin_account_info, sent_leafs, 232);
AT(dunlin_account_info, received_leafs, 248);

AT(dunlin_subscriptions_query, struct_size, 0);
AT(dunlin_subscriptions_query, list, 4);
AT(dunlin_subscriptions_query, account, 8);
AT(dunlin_subscriptions_query, test, 24);
AT(dunlin_subscriptions_query, offset, 40);
AT(dunlin_subscriptions_query, limit, 48);

AT(dunlin_subscriptions_info, struct_size, 0);
AT(dunlin_subscriptions_info, reserved, 4);
AT(dunlin_subscriptions_info, num_subscriptions, 8);
AT(dunlin_subscriptions_info, num_cache, 16);
AT(dunlin_subscriptions_info, num_inserts, 24);
AT(dunlin_subscriptions_info, num_removes, 32);
AT(dunlin_subscriptions_info, num_matches, 40);
AT(dunlin_subscriptions_info, cache_hit_rate, 48);
AT(dunlin_subscriptions_info, max_fanout, 56);
AT(dunlin_subscriptions_info, avg_fanout, 64);
AT(dunlin_subscriptions_info, total, 72);

AT(dunlin_plugin_info, struct_size, 0);
AT(dunlin_plugin_info, is_static, 4);
AT(dunlin_plugin_info, id, 8);
AT(dunlin_plugin_info, version, 24);
AT(dunlin_plugin_info, summary, 40);
AT(dunlin_plugin_info, license, 56);
AT(dunlin_plugin_info, origin, 72);
AT(dunlin_plugin_info, sha256, 88);
AT(dunlin_plugin_info, status, 104);
AT(dunlin_plugin_info, abi_version_built, 120);
AT(dunlin_plugin_info, abi_version_needed, 124);

AT(dunlin_observe, struct_size, 0);
AT(dunlin_observe, reserved, 4);
AT(dunlin_observe, server, 8);
AT(dunlin_observe, connections, 16);
AT(dunlin_observe, accounts, 24);
AT(dunlin_observe, subscriptions, 32);
AT(dunlin_observe, server_info, 40);
AT(dunlin_observe, subscriptions_info, 48);
AT(dunlin_observe, each_connection, 56);
AT(dunlin_observe, each_account, 64);
AT(dunlin_observe, each_subscription, 72);
AT(dunlin_observe, each_plugin, 80);

AT(dunlin_random, struct_size, 0);
AT(dunlin_random, reserved, 4);
AT(dunlin_random, bytes, 8);
AT(dunlin_random, below, 16);

SIZE(dunlin_offer, 48);
AT(dunlin_offer, capability, 0);
AT(dunlin_offer, plugin, 16);
AT(dunlin_offer, table, 32);
AT(dunlin_offer, self, 40);

AT(dunlin_registry, struct_size, 0);
AT(dunlin_registry, reserved, 4);
AT(dunlin_registry, offer, 8);
AT(dunlin_registry, find, 16);
AT(dunlin_registry, each, 24);

SIZE(dunlin_msg, 88);
AT(dunlin_msg, subject, 0);
AT(dunlin_msg, reply, 16);
AT(dunlin_msg, header, 32);
AT(dunlin_msg, payload, 48);
AT(dunlin_msg, owner, 64);
AT(dunlin_msg, origin, 72);
AT(dunlin_msg, flags, 80);
AT(dunlin_msg, reserved, 84);

AT(dunlin_sub_options, struct_size, 0);
AT(dunlin_sub_options, flags, 4);
AT(dunlin_sub_options, home_shard, 8);
AT(dunlin_sub_options, reserved, 12);
AT(dunlin_sub_options, subject, 16);
AT(dunlin_sub_options, queue, 32);
AT(dunlin_sub_options, sid, 48);
AT(dunlin_sub_options, messages_max, 64);

AT(dunlin_router, struct_size, 0);
AT(dunlin_router, reserved, 4);
AT(dunlin_router, publish, 8);
AT(dunlin_router, subscribe, 16);
AT(dunlin_router, unsubscribe, 24);
AT(dunlin_router, unsubscribe_async, 32);
AT(dunlin_router, request, 40);
AT(dunlin_router, request_cancel, 48);
AT(dunlin_router, interest, 56);
AT(dunlin_router, reserve_prefix, 64);
AT(dunlin_router, buf_create, 72);
AT(dunlin_router, retain, 80);
AT(dunlin_router, release, 88);
