// Options to what the rooms below want: the one place where configuration becomes settings.

#pragma once

#include <memory>

#include "core/auth/configured_users.hpp"
#include "core/auth/server_identity.hpp"
#include "core/base/result.hpp"
#include "core/config/options.hpp"
#include "core/server/client_directory.hpp"

namespace dunlin::server {

// `port` is the bound one. Fails with the sentence of whatever the options contradict.  [control]
result<std::unique_ptr<const ClientPolicy>> make_policy(const config::Options& options,
                                                        const auth::ServerIdentity& identity,
                                                        int port);

// TLS as a block describes it, for listeners or, in the role of a client, for connections to a
// server whose certificate names `server_name`. Reads the files the block names.  [control]
result<std::shared_ptr<net::TransportSettings>> make_transport(const config::Tls& given,
                                                               net::TlsRole role,
                                                               std::string server_name = {});

// The subject mappings of the global account; null without any.  [control]
result<std::unique_ptr<const routing::Mappings>> make_mappings(const config::Options& options);

}  // namespace dunlin::server
