// TlsContext: certificates and rules of one listener, or of one kind of outgoing link, from which
// TLS sessions are made.
//
// Immutable and shared by all shards; a reload makes a new one, and sessions keep the one they
// began with. Creating the first one is what initialises OpenSSL: a server without TLS never pays
// for it.  [any thread]
//
// Names of options, cipher suites and curves, defaults and messages are those of nats-server's
// `tls` block.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

extern "C" {
struct ssl_ctx_st;
struct x509_st;
}

namespace dunlin::net {

enum class TlsVersion : std::uint8_t { tls12, tls13 };
enum class TlsRole : std::uint8_t { server, client };

struct CertificateFiles {
  std::string cert_file;
  std::string key_file;
};

struct TlsSettings {
  std::string cert_file = {};
  std::string key_file = {};
  std::vector<CertificateFiles> certificates = {};  // instead of cert_file, chosen by server name
  std::string ca_file = {};   // empty: the system's
  bool verify = false;        // a server demands a certificate of its clients
  bool insecure = false;      // a client takes any certificate
  std::string server_name = {};  // a client: whom the certificate has to name
  TlsVersion min_version = TlsVersion::tls12;
  std::vector<std::string> cipher_suites = {};  // empty: every secure one
  bool allow_insecure_cipher_suites = false;
  std::vector<std::string> curve_preferences = {};  // empty: all
  std::vector<std::string> pinned_certs = {};  // lower-case SHA-256 of the public key; empty: any
};

class TlsContext {
 public:
  // Fails with a sentence that names the file and the reason.
  static result<std::shared_ptr<const TlsContext>> create(const TlsSettings& settings,
                                                          TlsRole role);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] TlsRole role() const noexcept { return role_; }
  // Whether clients are told that a certificate is demanded: `tls_verify` of INFO.
  [[nodiscard]] bool demands_certificate() const noexcept {
    return role_ == TlsRole::server && verifies_;
  }
  [[nodiscard]] bool verifies() const noexcept { return verifies_; }
  [[nodiscard]] const std::string& server_name() const noexcept { return server_name_; }
  // Whether pinned_certs lets a peer with this certificate (null: none) in.
  [[nodiscard]] bool accepts_pin(const x509_st* certificate) const;

  [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_; }

 private:
  struct Certificate;

  TlsContext(TlsRole role, const TlsSettings& settings);
  result<> load_certificates(const TlsSettings& settings);
  result<> load_authorities(const TlsSettings& settings);
  result<> set_cipher_suites(const TlsSettings& settings);
  result<> set_curves(const TlsSettings& settings);
  void set_defaults(const TlsSettings& settings);
  int choose_certificate(void* session) const;

  ssl_ctx_st* context_ = nullptr;
  TlsRole role_;
  bool verifies_ = false;
  std::string server_name_;
  std::vector<Certificate> certificates_;  // only when there are several
  std::set<std::string, std::less<>> pins_;
};

// The SHA-256 of a certificate's public key (SubjectPublicKeyInfo), in lower-case hexadecimal: what
// `pinned_certs` lists.
[[nodiscard]] std::string public_key_sha256(const x509_st& certificate);

}  // namespace dunlin::net
