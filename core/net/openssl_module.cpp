// What the module dunlin-tls.so shows to the server.

#include "core/net/openssl_context.hpp"
#include "core/net/tls_module.hpp"

namespace {

using namespace dunlin;

result<std::shared_ptr<const net::TlsContext>> create(const net::TlsSettings& settings,
                                                      net::TlsRole role) {
  auto context = net::OpenSslContext::create(settings, role);
  if (!context) return context.error();
  return std::shared_ptr<const net::TlsContext>(std::move(*context));
}

constexpr net::TlsModule module{DUNLIN_TLS_BUILD, log::set_sink, create};

}  // namespace

__attribute__((visibility("default"))) const net::TlsModule* dunlin_tls_module() {
  return &module;
}
