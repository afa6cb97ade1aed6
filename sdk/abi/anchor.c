/* Uses every SDK type, so that its debug information describes the whole ABI. For abidiff only. */
#include <dunlin/abi.h>
#include <dunlin/ext/account.h>
#include <dunlin/ext/clock.h>
#include <dunlin/ext/command.h>
#include <dunlin/ext/config.h>
#include <dunlin/ext/draft/links.h>
#include <dunlin/ext/executor.h>
#include <dunlin/ext/fs.h>
#include <dunlin/ext/health.h>
#include <dunlin/ext/http.h>
#include <dunlin/ext/log.h>
#include <dunlin/ext/metrics.h>
#include <dunlin/ext/net.h>
#include <dunlin/ext/observe.h>
#include <dunlin/ext/random.h>
#include <dunlin/ext/registry.h>
#include <dunlin/ext/router.h>
#include <dunlin/ext/storage.h>
#include <dunlin/ext/tls.h>

#define USE(type) const type *dunlin_abi_uses_##type(void); \
    const type *dunlin_abi_uses_##type(void) { return 0; }

USE(dunlin_error)
USE(dunlin_str)
USE(dunlin_bytes)
USE(dunlin_secret)
USE(dunlin_host)
USE(dunlin_plugin)
USE(dunlin_need)
USE(dunlin_entry)
USE(dunlin_account_api)
USE(dunlin_timer_options)
USE(dunlin_clock)
USE(dunlin_key)
USE(dunlin_position)
USE(dunlin_config_api)
USE(dunlin_link_delivery)
USE(dunlin_link_options)
USE(dunlin_remote_sub)
USE(dunlin_routed_msg)
USE(dunlin_interest_change)
USE(dunlin_interest_options)
USE(dunlin_peer_info)
USE(dunlin_links)
USE(dunlin_executor)
USE(dunlin_health_item)
USE(dunlin_health)
USE(dunlin_http_header)
USE(dunlin_http_request)
USE(dunlin_http_response)
USE(dunlin_endpoint)
USE(dunlin_http)
USE(dunlin_log_field)
USE(dunlin_log)
USE(dunlin_cell)
USE(dunlin_label)
USE(dunlin_metric_options)
USE(dunlin_metric_sample)
USE(dunlin_metrics)
USE(dunlin_protocol)
USE(dunlin_listener_options)
USE(dunlin_connect_options)
USE(dunlin_credentials)
USE(dunlin_peer)
USE(dunlin_part)
USE(dunlin_net)
USE(dunlin_by_kind)
USE(dunlin_server_info)
USE(dunlin_connections_query)
USE(dunlin_sub_info)
USE(dunlin_connection_info)
USE(dunlin_traffic)
USE(dunlin_account_info)
USE(dunlin_subscriptions_query)
USE(dunlin_subscriptions_info)
USE(dunlin_plugin_info)
USE(dunlin_observe)
USE(dunlin_random)
USE(dunlin_offer)
USE(dunlin_registry)
USE(dunlin_msg)
USE(dunlin_sub_options)
USE(dunlin_router)
USE(dunlin_dir_item)
USE(dunlin_fs_space)
USE(dunlin_fs)
USE(dunlin_record)
USE(dunlin_span)
USE(dunlin_range)
USE(dunlin_log_state)
USE(dunlin_log_event)
USE(dunlin_read_end)
USE(dunlin_read)
USE(dunlin_count)
USE(dunlin_subjects)
USE(dunlin_spans)
USE(dunlin_last_each)
USE(dunlin_seq_at)
USE(dunlin_due_item)
USE(dunlin_due)
USE(dunlin_removed)
USE(dunlin_purge)
USE(dunlin_damage)
USE(dunlin_log_store)
USE(dunlin_log_options)
USE(dunlin_meta)
USE(dunlin_store_api)
USE(dunlin_store_options)
USE(dunlin_storage)
USE(dunlin_tls_options)
USE(dunlin_tls)
USE(dunlin_command)
