// TlsContext: certificates and rules of one listener, or of one kind of outgoing link, from which
// TLS sessions are made.
//
// Immutable and shared by all shards; a reload makes a new one, and sessions keep the one they
// began with. Creating the first one is what brings OpenSSL into the process (tls_module.hpp): a
// server without TLS never pays for it.  [any thread]
//
// Names of options, cipher suites and curves, defaults and messages are those of nats-server's
// `tls` block.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::net {

class TlsSession;

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
  virtual ~TlsContext() = default;
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // For one connection; the session keeps this context.
  [[nodiscard]] virtual std::unique_ptr<TlsSession> new_session() const = 0;

  [[nodiscard]] TlsRole role() const noexcept { return role_; }
  // Whether clients are told that a certificate is demanded: `tls_verify` of INFO.
  [[nodiscard]] bool demands_certificate() const noexcept {
    return role_ == TlsRole::server && verifies_;
  }
  [[nodiscard]] bool verifies() const noexcept { return verifies_; }
  [[nodiscard]] const std::string& server_name() const noexcept { return server_name_; }

 protected:
  TlsContext(TlsRole role, bool verifies, std::string server_name)
      : role_(role), verifies_(verifies), server_name_(std::move(server_name)) {}

 private:
  const TlsRole role_;
  const bool verifies_;
  const std::string server_name_;
};

}  // namespace dunlin::net
