// OpenSslContext: a TlsContext on OpenSSL. Only the engine's own files and its tests include this;
// everything else makes contexts by TlsContext::create.  [any thread]

#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/net/tls_context.hpp"

extern "C" {
struct ssl_ctx_st;
struct x509_st;
}

namespace dunlin::net {

class OpenSslContext final : public TlsContext,
                             public std::enable_shared_from_this<OpenSslContext> {
 public:
  static result<std::shared_ptr<const OpenSslContext>> create(const TlsSettings& settings,
                                                              TlsRole role);
  ~OpenSslContext() override;

  [[nodiscard]] std::unique_ptr<TlsSession> new_session() const override;

  // Whether pinned_certs lets a peer with this certificate (null: none) in.
  [[nodiscard]] bool accepts_pin(const x509_st* certificate) const;
  [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_; }

 private:
  struct Certificate;

  OpenSslContext(TlsRole role, const TlsSettings& settings);
  result<> load_certificates(const TlsSettings& settings);
  result<> load_authorities(const TlsSettings& settings);
  result<> set_cipher_suites(const TlsSettings& settings);
  result<> set_curves(const TlsSettings& settings);
  void set_defaults(const TlsSettings& settings);
  int choose_certificate(void* session) const;

  ssl_ctx_st* context_ = nullptr;
  std::vector<Certificate> certificates_;  // only when there are several
  std::set<std::string, std::less<>> pins_;
};

// The SHA-256 of a certificate's public key (SubjectPublicKeyInfo), in lower-case hexadecimal: what
// `pinned_certs` lists.
[[nodiscard]] std::string public_key_sha256(const x509_st& certificate);

}  // namespace dunlin::net
