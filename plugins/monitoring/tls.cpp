#include "tls.hpp"

namespace dunlin::monitoring {

dunlin::result<TlsContext> make_tls_context(const dunlin::Tls& tls, const TlsFiles& files) {
  if (files.certificate.empty() || files.key.empty()) {
    return dunlin::fail(DUNLIN_E_CONFIG, "TLS cert and key required for HTTPS");
  }
  return tls.server(files.certificate, files.key);
}

}  // namespace dunlin::monitoring
