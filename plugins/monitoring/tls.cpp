#include "tls.hpp"

namespace dunlin::monitoring {

dunlin::result<TlsContext> make_tls_context(const TlsFiles& files) {
  namespace ssl = boost::asio::ssl;
  if (files.certificate.empty() || files.key.empty()) {
    return dunlin::fail(DUNLIN_E_CONFIG, "TLS cert and key required for HTTPS");
  }
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  const auto refuse = [](const std::string& file, const boost::system::error_code& error) {
    return dunlin::fail(DUNLIN_E_CONFIG, "error loading X509 certificate/key pair: " + file +
                                             ": " + error.message());
  };
  boost::system::error_code error;
  context->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, error);
  if (error) return refuse("protocol versions", error);
  context->use_certificate_chain_file(files.certificate, error);
  if (error) return refuse(files.certificate, error);
  context->use_private_key_file(files.key, ssl::context::pem, error);
  if (error) return refuse(files.key, error);
  // Buffers of idle connections are given back.
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

}  // namespace dunlin::monitoring
