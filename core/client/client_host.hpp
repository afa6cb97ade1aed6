// What a client connection asks of the server around it.
//
// ClientSettings is a snapshot: the server builds a new one at reload and swaps it; a client reads
// the current one at the start of each batch it parses and keeps no pointer longer than a turn.

#pragma once

#include <memory>
#include <string>

#include "core/auth/permissions.hpp"
#include "core/auth/reserved_subjects.hpp"
#include "core/net/connection.hpp"
#include "core/protocol/connect.hpp"
#include "core/protocol/info.hpp"
#include "core/routing/account.hpp"

namespace dunlin::client {

class Client;

struct ClientSettings {
  protocol::ServerInfo info;
  std::shared_ptr<const auth::ReservedSubjects> reserved;  // null: nothing is
  std::size_t max_control_line = 4096;
  std::size_t max_payload = 1024 * 1024;
  std::size_t max_subscriptions = 0;        // 0: no limit
  std::size_t max_subscription_tokens = 0;  // 0: no limit
  net::Nanoseconds ping_interval = 120 * net::seconds;
  int ping_max = 2;
  net::Nanoseconds auth_timeout = 2 * net::seconds;
  bool auth_required = false;
  bool has_no_auth_user = false;  // clients without credentials become this user
  bool traces = false;
  bool traces_headers_only = false;
  std::size_t max_traced_message = 0;
};

// What authentication made of a client.
struct Admission {
  bool accepted = false;
  bool pending = false;  // neither yet: Client::decided() follows on the client's shard
  routing::Account* account = nullptr;
  std::shared_ptr<const auth::Permissions> permissions;  // null: everything is allowed
  std::string user;                                      // for logs and monitoring
  std::int64_t expires_at = 0;  // Unix time in nanoseconds; 0: never
  net::ClosedReason refused_as = net::ClosedReason::authentication_failure;
};

// Implemented by the server. Called on the client's shard.
class ClientHost {
 public:
  [[nodiscard]] virtual const ClientSettings& settings() const noexcept = 0;
  // Decides who a client is, now or later. `without_connect` asks for the user of clients that send
  // no CONNECT.
  [[nodiscard]] virtual Admission admit(const Client& client,
                                        const protocol::ConnectOptions& options,
                                        bool without_connect) = 0;
  // Counts the client against max_connections; false when there are too many.
  [[nodiscard]] virtual bool count_client() = 0;
  // What the listener's transport changes in the first INFO (TLS offered or demanded).
  virtual void adjust_first_info(const Client& client, protocol::InfoOverrides& values) = 0;
  // The client is closed; its subscriptions are about to be withdrawn.
  virtual void client_closed(Client& client) = 0;

 protected:
  ~ClientHost() = default;
};

// From now to a moment of the wall clock; 0 once it has passed.  [any thread]
[[nodiscard]] net::Nanoseconds time_left(std::int64_t unix_ns);

}  // namespace dunlin::client
