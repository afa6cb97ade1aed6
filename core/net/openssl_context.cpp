#include "core/net/openssl_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/base/ensure.hpp"
#include "core/base/log.hpp"
#include "core/net/openssl_session.hpp"
#include "core/net/tls_names.hpp"

namespace dunlin::net {
namespace {

struct Free {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(STACK_OF(X509_NAME) * names) const noexcept {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
  }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// The first reason OpenSSL gives; its queue is emptied.
std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "unknown error";
}

result<Owned<BIO>> open_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return fail(fmt::format("open {}: {}", path, std::strerror(errno)));
  return Owned<BIO>(BIO_new_fp(file, BIO_CLOSE));
}

// Certificates of a PEM file, in order; empty when it holds none that can be read.
result<std::vector<Owned<X509>>> read_certificates(const std::string& path) {
  auto file = open_file(path);
  if (!file) return file.error();
  std::vector<Owned<X509>> certificates;
  while (X509* certificate = PEM_read_bio_X509(file->get(), nullptr, nullptr, nullptr))
    certificates.emplace_back(certificate);
  ERR_clear_error();
  return certificates;
}

// A key with a passphrase is refused: nobody is there to type it.
int no_passphrase(char*, int, int, void*) { return 0; }

result<Owned<EVP_PKEY>> read_key(const std::string& path) {
  auto file = open_file(path);
  if (!file) return file.error();
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(file->get(), nullptr, no_passphrase, nullptr));
  if (!key) return fail(fmt::format("{} holds no private key: {}", path, openssl_reason()));
  return key;
}

}  // namespace

struct OpenSslContext::Certificate {
  Owned<X509> leaf;
  Owned<EVP_PKEY> key;
  std::vector<Owned<X509>> chain;

  static result<Certificate> load(const CertificateFiles& files);
  [[nodiscard]] bool names(const char* server_name) const {
    return X509_check_host(leaf.get(), server_name, 0, 0, nullptr) == 1;
  }
};

result<OpenSslContext::Certificate> OpenSslContext::Certificate::load(
    const CertificateFiles& files) {
  auto certificates = read_certificates(files.cert_file);
  if (!certificates) return certificates.error();
  if (certificates->empty())
    return fail(fmt::format("{} holds no certificate in PEM form", files.cert_file));
  auto key = read_key(files.key_file);
  if (!key) return key.error();
  Certificate made;
  made.leaf = std::move(certificates->front());
  certificates->erase(certificates->begin());
  made.chain = std::move(*certificates);
  made.key = std::move(*key);
  if (X509_check_private_key(made.leaf.get(), made.key.get()) != 1) {
    ERR_clear_error();
    return fail(fmt::format("the private key in {} does not belong to the certificate in {}",
                            files.key_file, files.cert_file));
  }
  return made;
}

result<std::shared_ptr<const OpenSslContext>> OpenSslContext::create(const TlsSettings& settings,
                                                                     TlsRole role) {
  std::shared_ptr<OpenSslContext> made(new OpenSslContext(role, settings));
  made->set_defaults(settings);
  if (auto done = made->set_cipher_suites(settings); !done) return done.error();
  if (auto done = made->set_curves(settings); !done) return done.error();
  if (auto done = made->load_certificates(settings); !done) return done.error();
  if (auto done = made->load_authorities(settings); !done) return done.error();
  return std::shared_ptr<const OpenSslContext>(std::move(made));
}

OpenSslContext::OpenSslContext(TlsRole role, const TlsSettings& settings)
    : TlsContext(role, role == TlsRole::server ? settings.verify : !settings.insecure,
                 settings.server_name),
      context_(SSL_CTX_new(role == TlsRole::server ? TLS_server_method() : TLS_client_method())),
      pins_(settings.pinned_certs.begin(), settings.pinned_certs.end()) {
  ensure(context_ != nullptr);
}

OpenSslContext::~OpenSslContext() { SSL_CTX_free(context_); }

std::unique_ptr<TlsSession> OpenSslContext::new_session() const {
  return std::make_unique<OpenSslSession>(shared_from_this());
}

void OpenSslContext::set_defaults(const TlsSettings& settings) {
  const bool only_tls13 = settings.min_version == TlsVersion::tls13;
  SSL_CTX_set_min_proto_version(context_, only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context_, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
  // An idle session keeps no record buffers; what is sent is the chain of the file, no more.
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_NO_AUTO_CHAIN);
  // Go, whose certificates have to work here, asks less of key sizes than Debian's default.
  SSL_CTX_set_security_level(context_, 1);
  // Sessions resume by ticket alone, so that nothing is kept for clients that went away.
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context_, 1);
  constexpr std::string_view session_context = "dunlin";
  SSL_CTX_set_session_id_context(context_,
                                 reinterpret_cast<const unsigned char*>(session_context.data()),
                                 static_cast<unsigned>(session_context.size()));
  // A client's session takes no notice of the second flag.
  constexpr int demand = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context_, verifies() ? demand : SSL_VERIFY_NONE, nullptr);
}

result<> OpenSslContext::set_cipher_suites(const TlsSettings& settings) {
  std::vector<const CipherSuiteName*> suites;
  std::string insecure;
  for (const auto& name : settings.cipher_suites) {
    const auto* suite = find_cipher_suite(name);
    if (!suite) return fail(fmt::format("unrecognized cipher {}", name));
    if (suite->is_insecure) insecure.append(insecure.empty() ? "" : ", ").append(name);
    suites.push_back(suite);
  }
  if (!insecure.empty() && !settings.allow_insecure_cipher_suites)
    return fail(fmt::format("insecure cipher suites configured without "
                            "'allow_insecure_cipher_suites' option set: {}",
                            insecure));
  if (suites.empty())
    for (const auto& suite : cipher_suite_names())
      if (!suite.is_insecure) suites.push_back(&suite);

  // As in Go, the suites of TLS 1.3 cannot be chosen; a list without others leaves TLS 1.3 alone.
  std::string tls12, tls13;
  for (const auto& suite : cipher_suite_names())
    if (suite.is_tls13()) tls13.append(tls13.empty() ? "" : ":").append(suite.name);
  for (const auto* suite : suites)
    if (!suite->is_tls13()) tls12.append(tls12.empty() ? "" : ":").append(suite->openssl);
  ensure(SSL_CTX_set_ciphersuites(context_, tls13.c_str()) == 1);
  if (tls12.empty()) {
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
  } else if (SSL_CTX_set_cipher_list(context_, tls12.c_str()) != 1) {
    ERR_clear_error();
    return fail("none of the configured cipher suites is offered by this system's OpenSSL");
  }
  return {};
}

result<> OpenSslContext::set_curves(const TlsSettings& settings) {
  std::vector<const CurveName*> curves;
  for (const auto& name : settings.curve_preferences) {
    const auto* curve = find_curve(name);
    if (!curve) return fail(fmt::format("unrecognized curve preference {}", name));
    curves.push_back(curve);
  }
  if (curves.empty())
    for (const auto& curve : curve_names()) curves.push_back(&curve);

  // OpenSSL refuses a whole list for one curve it does not have, as older ones lack the hybrids.
  std::string list;
  for (const auto* curve : curves) {
    if (SSL_CTX_set1_groups_list(context_, curve->openssl.data()) == 1)
      list.append(list.empty() ? "" : ":").append(curve->openssl);
    else if (!settings.curve_preferences.empty())
      log_warning("TLS curve {} is not offered by this system's OpenSSL", curve->name);
  }
  ERR_clear_error();
  if (list.empty())
    return fail("none of the configured curves is offered by this system's OpenSSL");
  ensure(SSL_CTX_set1_groups_list(context_, list.c_str()) == 1);
  return {};
}

result<> OpenSslContext::load_certificates(const TlsSettings& settings) {
  const bool has_pair = !settings.cert_file.empty() || !settings.key_file.empty();
  if (has_pair && settings.key_file.empty())
    return fail("missing 'key_file' in TLS configuration");
  if (has_pair && settings.cert_file.empty())
    return fail("missing 'cert_file' in TLS configuration");
  if (has_pair && !settings.certificates.empty())
    return fail("error parsing tls config, cannot combine 'cert_file' option with 'certs' option");

  std::vector<CertificateFiles> files = settings.certificates;
  if (has_pair) files = {{settings.cert_file, settings.key_file}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto certificate = Certificate::load(files[i]);
    if (!certificate) {
      const auto which = has_pair ? std::string() : fmt::format(" {}/{}", i + 1, files.size());
      return fail(fmt::format("error parsing X509 certificate/key pair{}: {}", which,
                              certificate.error().text));
    }
    certificates_.push_back(std::move(*certificate));
  }
  if (certificates_.empty()) return {};
  const auto choose = [](SSL* session, void* self) {
    return static_cast<const OpenSslContext*>(self)->choose_certificate(session);
  };
  SSL_CTX_set_cert_cb(context_, choose, this);
  return {};
}

// Runs in the handshake: the first certificate that names the server the client asked for, or the
// first of all.
int OpenSslContext::choose_certificate(void* session) const {
  auto* ssl = static_cast<SSL*>(session);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const Certificate* chosen = &certificates_.front();
  if (name && certificates_.size() > 1) {
    for (const auto& certificate : certificates_) {
      if (!certificate.names(name)) continue;
      chosen = &certificate;
      break;
    }
  }
  SSL_certs_clear(ssl);
  bool taken = SSL_use_certificate(ssl, chosen->leaf.get()) == 1 &&
               SSL_use_PrivateKey(ssl, chosen->key.get()) == 1;
  for (const auto& link : chosen->chain)
    taken = taken && SSL_add1_chain_cert(ssl, link.get()) == 1;
  return taken ? 1 : 0;
}

result<> OpenSslContext::load_authorities(const TlsSettings& settings) {
  if (settings.ca_file.empty()) {
    if (verifies()) SSL_CTX_set_default_verify_paths(context_);
    ERR_clear_error();
    return {};
  }
  auto authorities = read_certificates(settings.ca_file);
  if (!authorities) return authorities.error();
  if (authorities->empty())
    return fail(fmt::format("failed to parse root ca certificate {}", settings.ca_file));
  X509_STORE* store = SSL_CTX_get_cert_store(context_);
  Owned<STACK_OF(X509_NAME)> names(sk_X509_NAME_new_null());
  for (const auto& authority : *authorities) {
    X509_STORE_add_cert(store, authority.get());
    sk_X509_NAME_push(names.get(), X509_NAME_dup(X509_get_subject_name(authority.get())));
  }
  // An intermediate that is listed is trusted by itself, as in Go.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  if (demands_certificate()) SSL_CTX_set_client_CA_list(context_, names.release());
  return {};
}

bool OpenSslContext::accepts_pin(const x509_st* certificate) const {
  if (pins_.empty()) return true;
  return certificate && pins_.contains(public_key_sha256(*certificate));
}

std::string public_key_sha256(const x509_st& certificate) {
  std::array<unsigned char, 32> digest;
  unsigned size = digest.size();
  unsigned char* encoded = nullptr;
  const int encoded_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &encoded);
  ensure(encoded_size > 0);
  const bool hashed = EVP_Digest(encoded, static_cast<std::size_t>(encoded_size), digest.data(),
                                 &size, EVP_sha256(), nullptr) == 1;
  OPENSSL_free(encoded);
  ensure(hashed);
  std::string text;
  for (const unsigned char byte : digest) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

}  // namespace dunlin::net
