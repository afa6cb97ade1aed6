// Why a connection was closed, with the exact texts monitoring and $SYS events show.

#pragma once

#include <cstdint>
#include <string_view>

namespace dunlin::protocol {

enum class ClosedReason : std::uint8_t {
  client_closed,
  authentication_timeout,
  authentication_failure,
  tls_handshake_failure,
  slow_consumer_pending_bytes,
  slow_consumer_write_deadline,
  write_error,
  read_error,
  parse_error,
  stale_connection,
  protocol_violation,
  bad_client_protocol_version,
  incorrect_port,
  maximum_account_connections_exceeded,
  maximum_connections_exceeded,
  maximum_payload_exceeded,
  maximum_control_line_exceeded,
  maximum_subscriptions_exceeded,
  duplicate_route,
  route_removed,
  server_shutdown,
  authentication_expired,
  wrong_gateway,
  missing_account,
  credentials_revoked,
  internal_client,
  message_header_violation,
  no_responders_requires_headers,
  cluster_name_conflict,
  duplicate_remote_leafnode,
  duplicate_client_id,
  duplicate_server_name,
  minimum_version_required,
  cluster_names_identical,
  kicked,
  proxy_not_trusted,
  proxy_required,
};

[[nodiscard]] std::string_view text_of(ClosedReason reason) noexcept;

// Output still queued is discarded for these; everything else is flushed before the close.
[[nodiscard]] constexpr bool skips_flush(ClosedReason reason) noexcept {
  return reason == ClosedReason::read_error || reason == ClosedReason::write_error ||
         reason == ClosedReason::slow_consumer_pending_bytes ||
         reason == ClosedReason::slow_consumer_write_deadline ||
         reason == ClosedReason::tls_handshake_failure;
}

}  // namespace dunlin::protocol
