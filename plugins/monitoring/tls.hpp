// The certificate of the monitoring listener: an OpenSSL context made from the server's tls block.
//
// Clients are not asked for certificates: whoever reaches the port may look. Made on control; used
// by the listener's thread. A context in use is never changed, a reload makes a new one.

#pragma once

#include <boost/asio/ssl/context.hpp>
#include <dunlin/config.hpp>

#include <memory>
#include <string>

namespace dunlin::monitoring {

struct TlsFiles {
  std::string certificate, key;
  bool operator==(const TlsFiles&) const = default;
};

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

// Fails with a sentence that names the file.
[[nodiscard]] dunlin::result<TlsContext> make_tls_context(const TlsFiles& files);

}  // namespace dunlin::monitoring
