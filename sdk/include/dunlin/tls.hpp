// Tls: contexts and sessions of the server's TLS, for sockets of the plugin's own.
//
// A session keeps what it needs of its context. Bytes go through feed, read, write and output.

#pragma once

#include <dunlin/ext/tls.h>
#include <dunlin/host.hpp>

#include <memory>
#include <span>
#include <string>

namespace dunlin {
inline namespace sdk {

class TlsSession {
 public:
  TlsSession(const dunlin_host* host, const dunlin_tls& api, dunlin_tls_session* raw)
      : host_(host), api_(api), raw_(raw) {}
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession() { api_.session_free(host_, raw_); }

  dunlin_status feed(std::string_view encrypted) noexcept {
    return api_.feed(host_, raw_, detail::bytes(encrypted));
  }
  dunlin_status read(std::span<std::uint8_t> into, std::size_t& got) noexcept {
    return api_.read(host_, raw_, into.data(), into.size(), &got);
  }
  dunlin_status write(std::string_view plain) noexcept {
    return api_.write(host_, raw_, detail::bytes(plain));
  }
  void close() noexcept { api_.close(host_, raw_); }
  [[nodiscard]] std::string_view output() const noexcept {
    return detail::view(api_.output(host_, raw_));
  }
  void sent(std::size_t count) noexcept { api_.sent(host_, raw_, count); }
  [[nodiscard]] std::string_view reason() const noexcept {
    return detail::view(api_.reason(host_, raw_));
  }

 private:
  const dunlin_host* host_;
  dunlin_tls api_;
  dunlin_tls_session* raw_;
};

class TlsContext {
 public:
  TlsContext(const dunlin_host* host, const dunlin_tls& api, dunlin_tls_context* raw)
      : host_(host), api_(api), raw_(raw) {}
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext() { api_.context_free(host_, raw_); }

  // Null when the server has no memory for it.
  [[nodiscard]] std::unique_ptr<TlsSession> session() const {
    dunlin_tls_session* made = nullptr;
    if (api_.session_create(host_, raw_, &made) != DUNLIN_OK) return nullptr;
    return std::make_unique<TlsSession>(host_, api_, made);
  }

 private:
  const dunlin_host* host_;
  dunlin_tls api_;
  dunlin_tls_context* raw_;
};

class Tls : public Table<dunlin_tls> {
 public:
  DUNLIN_TABLE_WRAPPER(Tls, dunlin_tls, DUNLIN_EXT_TLS)

  // Fails with a sentence that names the file.
  [[nodiscard]] result<std::shared_ptr<const TlsContext>> server(std::string_view cert_file,
                                                                 std::string_view key_file) const {
    dunlin_tls_options options{};
    options.struct_size = sizeof options;
    options.cert_file = detail::str(cert_file);
    options.key_file = detail::str(key_file);
    dunlin_tls_context* made = nullptr;
    auto error = detail::fresh_error();
    const auto status = detail::invoke(api_.context_create, host_, &options, &made, &error);
    if (status != DUNLIN_OK && error.text[0] == '\0')
      return fail(status, "this server offers plugins no TLS");
    if (status != DUNLIN_OK) return detail::take(status, error).error();
    return std::shared_ptr<const TlsContext>(
        std::make_shared<TlsContext>(host_, api_, made));
  }
};

}  // namespace sdk
}  // namespace dunlin
