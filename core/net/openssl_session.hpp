// OpenSslSession: a TlsSession on OpenSSL, whose BIO is this object's own input and output.

#pragma once

#include <memory>

#include "core/net/openssl_context.hpp"
#include "core/net/tls_session.hpp"

extern "C" {
struct ssl_st;
struct bio_st;
struct bio_method_st;
}

namespace dunlin::net {

class OpenSslSession final : public TlsSession {
 public:
  explicit OpenSslSession(std::shared_ptr<const OpenSslContext> context);
  ~OpenSslSession() override;

  Status start() override;
  Status feed(std::span<const char> encrypted) override;
  Read read(char* into, std::size_t room) override;
  void keep_input() override;
  Status write(std::span<const char> plain) override;
  void close() override;
  [[nodiscard]] std::string_view pending_output() const noexcept override {
    return std::string_view(output_).substr(output_sent_);
  }
  void sent(std::size_t count) override;
  [[nodiscard]] bool is_established() const noexcept override { return established_; }
  [[nodiscard]] const std::string& error() const noexcept override { return error_; }
  [[nodiscard]] std::string_view version() const noexcept override;
  [[nodiscard]] std::string_view cipher_suite() const noexcept override;
  [[nodiscard]] std::vector<PeerCertificateInfo> peer_certificates() const override;

  // Null without one. Belongs to the session.
  [[nodiscard]] x509_st* peer_certificate() const noexcept;

 private:
  Status advance_handshake();
  Status status_of(int outcome);
  Status fail_with(std::string reason);

  static const bio_method_st* bio_method();
  static int bio_read(bio_st* bio, char* into, std::size_t room, std::size_t* got);
  static int bio_write(bio_st* bio, const char* data, std::size_t size, std::size_t* taken);
  static long bio_control(bio_st* bio, int command, long number, void* pointer);

  std::shared_ptr<const OpenSslContext> context_;
  ssl_st* session_;
  std::string_view input_;  // points into the caller's bytes or into kept_
  std::string kept_;
  std::string output_;
  std::size_t output_sent_ = 0;
  std::string error_;
  bool established_ = false;
  bool ended_ = false;
};

}  // namespace dunlin::net
