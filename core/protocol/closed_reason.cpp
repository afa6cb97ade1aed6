#include "core/protocol/closed_reason.hpp"

namespace dunlin::protocol {

std::string_view text_of(ClosedReason reason) noexcept {
  switch (reason) {
    case ClosedReason::client_closed: return "Client Closed";
    case ClosedReason::authentication_timeout: return "Authentication Timeout";
    case ClosedReason::authentication_failure: return "Authentication Failure";
    case ClosedReason::tls_handshake_failure: return "TLS Handshake Failure";
    case ClosedReason::slow_consumer_pending_bytes: return "Slow Consumer (Pending Bytes)";
    case ClosedReason::slow_consumer_write_deadline: return "Slow Consumer (Write Deadline)";
    case ClosedReason::write_error: return "Write Error";
    case ClosedReason::read_error: return "Read Error";
    case ClosedReason::parse_error: return "Parse Error";
    case ClosedReason::stale_connection: return "Stale Connection";
    case ClosedReason::protocol_violation: return "Protocol Violation";
    case ClosedReason::bad_client_protocol_version: return "Bad Client Protocol Version";
    case ClosedReason::incorrect_port: return "Incorrect Port";
    case ClosedReason::maximum_account_connections_exceeded:
      return "Maximum Account Connections Exceeded";
    case ClosedReason::maximum_connections_exceeded: return "Maximum Connections Exceeded";
    case ClosedReason::maximum_payload_exceeded: return "Maximum Message Payload Exceeded";
    case ClosedReason::maximum_control_line_exceeded: return "Maximum Control Line Exceeded";
    case ClosedReason::maximum_subscriptions_exceeded: return "Maximum Subscriptions Exceeded";
    case ClosedReason::duplicate_route: return "Duplicate Route";
    case ClosedReason::route_removed: return "Route Removed";
    case ClosedReason::server_shutdown: return "Server Shutdown";
    case ClosedReason::authentication_expired: return "Authentication Expired";
    case ClosedReason::wrong_gateway: return "Wrong Gateway";
    case ClosedReason::missing_account: return "Missing Account";
    case ClosedReason::credentials_revoked: return "Credentials Revoked";
    case ClosedReason::internal_client: return "Internal Client";
    case ClosedReason::message_header_violation: return "Message Header Violation";
    case ClosedReason::no_responders_requires_headers: return "No Responders Requires Headers";
    case ClosedReason::cluster_name_conflict: return "Cluster Name Conflict";
    case ClosedReason::duplicate_remote_leafnode: return "Duplicate Remote LeafNode Connection";
    case ClosedReason::duplicate_client_id: return "Duplicate Client ID";
    case ClosedReason::duplicate_server_name: return "Duplicate Server Name";
    case ClosedReason::minimum_version_required: return "Minimum Version Required";
    case ClosedReason::cluster_names_identical: return "Cluster Names Identical";
    case ClosedReason::kicked: return "Kicked";
    case ClosedReason::proxy_not_trusted: return "Proxy Not Trusted";
    case ClosedReason::proxy_required: return "Proxy Required";
  }
  return "Unknown State";
}

}  // namespace dunlin::protocol
