#include "core/net/openssl_session.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "core/base/ensure.hpp"
#include "core/net/certificate_name.hpp"

namespace dunlin::net {
namespace {

// Larger output buffers are given back once they are empty.
constexpr std::size_t output_kept_max = 1024;

std::string digest_text(const X509& certificate) {
  unsigned char digest[32];
  unsigned size = sizeof digest;
  ensure(X509_digest(&certificate, EVP_sha256(), digest, &size) == 1);
  std::string text;
  for (const unsigned char byte : digest) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

std::string reason_of_failure(const SSL* session) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const long verdict = SSL_get_verify_result(session);
  if (verdict != X509_V_OK)
    return fmt::format("the peer's certificate is not accepted: {}",
                       X509_verify_cert_error_string(verdict));
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "the peer broke the connection off";
}

}  // namespace

OpenSslSession::OpenSslSession(std::shared_ptr<const OpenSslContext> context)
    : context_(std::move(context)), session_(SSL_new(context_->native())) {
  ensure(session_ != nullptr);
  BIO* bio = BIO_new(bio_method());
  ensure(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(session_, bio, bio);
  if (context_->role() == TlsRole::server) {
    SSL_set_accept_state(session_);
    return;
  }
  SSL_set_connect_state(session_);
  const std::string& name = context_->server_name();
  if (name.empty()) return;
  X509_VERIFY_PARAM* rules = SSL_get0_param(session_);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1) return;
  ERR_clear_error();
  SSL_set_tlsext_host_name(session_, name.c_str());
  SSL_set1_host(session_, name.c_str());
}

OpenSslSession::~OpenSslSession() { SSL_free(session_); }

OpenSslSession::Status OpenSslSession::start() {
  if (context_->role() == TlsRole::server) return Status::need_more;
  return advance_handshake();
}

OpenSslSession::Status OpenSslSession::feed(std::span<const char> encrypted) {
  if (ended_) return error_.empty() ? Status::closed : Status::failed;
  if (input_.empty()) {
    input_ = {encrypted.data(), encrypted.size()};
  } else {
    keep_input();
    kept_.append(encrypted.data(), encrypted.size());
    input_ = kept_;
  }
  return established_ ? Status::ready : advance_handshake();
}

void OpenSslSession::keep_input() {
  if (input_.empty()) return;
  kept_ = std::string(input_);
  input_ = kept_;
}

OpenSslSession::Status OpenSslSession::advance_handshake() {
  if (ended_) return Status::failed;
  ERR_clear_error();
  const int outcome = SSL_do_handshake(session_);
  if (outcome != 1) return status_of(outcome);
  if (!context_->accepts_pin(peer_certificate()))
    return fail_with("the peer's certificate is not one of pinned_certs");
  established_ = true;
  return Status::ready;
}

OpenSslSession::Read OpenSslSession::read(char* into, std::size_t room) {
  ensure(room > 0);
  if (ended_) return {error_.empty() ? Status::closed : Status::failed, 0};
  if (!established_) {
    const Status status = advance_handshake();
    if (status != Status::ready) return {status, 0};
  }
  ERR_clear_error();
  std::size_t got = 0;
  const int outcome = SSL_read_ex(session_, into, room, &got);
  if (outcome == 1) return {Status::ready, got};
  return {status_of(outcome), 0};
}

OpenSslSession::Status OpenSslSession::write(std::span<const char> plain) {
  if (ended_) return error_.empty() ? Status::closed : Status::failed;
  ensure(established_);
  ERR_clear_error();
  while (!plain.empty()) {
    std::size_t taken = 0;
    const int outcome = SSL_write_ex(session_, plain.data(), plain.size(), &taken);
    if (outcome != 1) return status_of(outcome);
    plain = plain.subspan(taken);
  }
  return Status::ready;
}

void OpenSslSession::close() {
  if (ended_ || !established_) return;
  ERR_clear_error();
  SSL_shutdown(session_);
  ERR_clear_error();
  ended_ = true;
}

void OpenSslSession::sent(std::size_t count) {
  output_sent_ += count;
  ensure(output_sent_ <= output_.size());
  if (output_sent_ < output_.size()) return;
  output_sent_ = 0;
  if (output_.capacity() > output_kept_max) output_ = std::string();
  else output_.clear();
}

OpenSslSession::Status OpenSslSession::status_of(int outcome) {
  switch (SSL_get_error(session_, outcome)) {
    case SSL_ERROR_WANT_READ:
      kept_ = std::string();
      return Status::need_more;
    case SSL_ERROR_ZERO_RETURN:
      ended_ = true;
      return Status::closed;
    default: return fail_with(reason_of_failure(session_));
  }
}

OpenSslSession::Status OpenSslSession::fail_with(std::string reason) {
  ended_ = true;
  error_ = std::move(reason);
  return Status::failed;
}

std::string_view OpenSslSession::version() const noexcept {
  if (!established_) return {};
  switch (SSL_version(session_)) {
    case TLS1_3_VERSION: return "1.3";
    case TLS1_2_VERSION: return "1.2";
    default: return "";
  }
}

std::string_view OpenSslSession::cipher_suite() const noexcept {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(session_);
  const char* name = cipher && established_ ? SSL_CIPHER_standard_name(cipher) : nullptr;
  return name ? name : "";
}

x509_st* OpenSslSession::peer_certificate() const noexcept {
  return SSL_get0_peer_certificate(session_);
}

std::vector<PeerCertificateInfo> OpenSslSession::peer_certificates() const {
  std::vector<PeerCertificateInfo> out;
  const auto add = [&](const X509& certificate) {
    out.push_back({certificate_subject(certificate), public_key_sha256(certificate),
                   digest_text(certificate)});
  };
  // A server's view of the chain leaves the client's own certificate out.
  const X509* own = peer_certificate();
  if (!own) return out;
  add(*own);
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(session_);
  for (int i = 0; chain && i < sk_X509_num(chain); ++i) {
    const X509* link = sk_X509_value(chain, i);
    if (X509_cmp(link, own) != 0) add(*link);
  }
  return out;
}

// The place where OpenSSL finds input and leaves output: this object's own members.
const bio_method_st* OpenSslSession::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dunlin");
    ensure(made != nullptr);
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

int OpenSslSession::bio_read(BIO* bio, char* into, std::size_t room, std::size_t* got) {
  auto& input = static_cast<OpenSslSession*>(BIO_get_data(bio))->input_;
  BIO_clear_retry_flags(bio);
  *got = std::min(room, input.size());
  if (*got == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  std::memcpy(into, input.data(), *got);
  input.remove_prefix(*got);
  return 1;
}

int OpenSslSession::bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* taken) {
  BIO_clear_retry_flags(bio);
  static_cast<OpenSslSession*>(BIO_get_data(bio))->output_.append(data, size);
  *taken = size;
  return 1;
}

long OpenSslSession::bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace dunlin::net
