// The certificate of the monitoring listener: a context of the server's TLS, which is brought into
// the process by the first one that is made.
//
// Clients are not asked for certificates: whoever reaches the port may look. Made on control; used
// by the listener's thread. A context in use is never changed, a reload makes a new one.

#pragma once

#include <dunlin/tls.hpp>

#include <memory>
#include <string>

namespace dunlin::monitoring {

struct TlsFiles {
  std::string certificate, key;
  bool operator==(const TlsFiles&) const = default;
};

using TlsContext = std::shared_ptr<const dunlin::TlsContext>;

// Fails with a sentence that names the file.
[[nodiscard]] dunlin::result<TlsContext> make_tls_context(const dunlin::Tls& tls,
                                                          const TlsFiles& files);

}  // namespace dunlin::monitoring
