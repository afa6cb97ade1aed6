// A TLS module that does not belong to the server that opens it.

#include "core/net/tls_module.hpp"

namespace {
constexpr dunlin::net::TlsModule module{"0.0.0-other", nullptr, nullptr};
}

__attribute__((visibility("default"))) const dunlin::net::TlsModule* dunlin_tls_module() {
  return &module;
}
