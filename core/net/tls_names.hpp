// The names of TLS things as Go, and therefore nats-server's configuration and monitoring, spells
// them, beside those of OpenSSL. Tables only.  [any thread]

#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace dunlin::net {

struct CipherSuiteName {
  std::string_view name;     // `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`
  std::string_view openssl;  // `ECDHE-RSA-AES128-GCM-SHA256`; empty for TLS 1.3, where names agree
  bool is_insecure;          // only with allow_insecure_cipher_suites
  [[nodiscard]] constexpr bool is_tls13() const noexcept { return openssl.empty(); }
};

struct CurveName {
  std::string_view name;     // `CurveP256`
  std::string_view openssl;  // `P-256`
};

// In the order of preference.
[[nodiscard]] std::span<const CipherSuiteName> cipher_suite_names() noexcept;
[[nodiscard]] std::span<const CurveName> curve_names() noexcept;

// Null for a name that does not exist.
[[nodiscard]] const CipherSuiteName* find_cipher_suite(std::string_view name) noexcept;
[[nodiscard]] const CurveName* find_curve(std::string_view name) noexcept;

}  // namespace dunlin::net
