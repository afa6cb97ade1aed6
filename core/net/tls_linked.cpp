// TLS where the engine is linked into the server, or left out.

#include "core/net/tls_context.hpp"
#ifdef DUNLIN_TLS
#include "core/net/openssl_context.hpp"
#endif

namespace dunlin::net {

result<std::shared_ptr<const TlsContext>> TlsContext::create(
    [[maybe_unused]] const TlsSettings& settings, [[maybe_unused]] TlsRole role) {
#ifdef DUNLIN_TLS
  auto context = OpenSslContext::create(settings, role);
  if (!context) return context.error();
  return std::shared_ptr<const TlsContext>(std::move(*context));
#else
  return fail("this server was built without TLS (DUNLIN_TLS=OFF): remove the tls block, or use "
              "a build that has it");
#endif
}

}  // namespace dunlin::net
