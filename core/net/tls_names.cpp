#include "core/net/tls_names.hpp"

#include <algorithm>
#include <array>

namespace dunlin::net {
namespace {

constexpr std::array suites = {
    CipherSuiteName{"TLS_AES_128_GCM_SHA256", "", false},
    CipherSuiteName{"TLS_AES_256_GCM_SHA384", "", false},
    CipherSuiteName{"TLS_CHACHA20_POLY1305_SHA256", "", false},
    CipherSuiteName{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
                    false},
    CipherSuiteName{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", false},
    CipherSuiteName{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384",
                    false},
    CipherSuiteName{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", false},
    CipherSuiteName{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                    "ECDHE-ECDSA-CHACHA20-POLY1305", false},
    CipherSuiteName{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
                    false},
    CipherSuiteName{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", false},
    CipherSuiteName{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", false},
    CipherSuiteName{"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", false},
    CipherSuiteName{"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", false},
    CipherSuiteName{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", true},
    CipherSuiteName{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", true},
    CipherSuiteName{"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", true},
    CipherSuiteName{"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", true},
    CipherSuiteName{"TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256", true},
    CipherSuiteName{"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", true},
    CipherSuiteName{"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", true},
    CipherSuiteName{"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "ECDHE-RSA-DES-CBC3-SHA", true},
    CipherSuiteName{"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", true},
    CipherSuiteName{"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "ECDHE-ECDSA-RC4-SHA", true},
    CipherSuiteName{"TLS_ECDHE_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-RC4-SHA", true},
    CipherSuiteName{"TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA", true},
};

constexpr std::array curves = {
    CurveName{"X25519MLKEM768", "X25519MLKEM768"},
    CurveName{"SecP384r1MLKEM1024", "SecP384r1MLKEM1024"},
    CurveName{"SecP256r1MLKEM768", "SecP256r1MLKEM768"},
    CurveName{"X25519", "X25519"},
    CurveName{"CurveP256", "P-256"},
    CurveName{"CurveP384", "P-384"},
    CurveName{"CurveP521", "P-521"},
};

template <class Table>
auto find_name(const Table& table, std::string_view name) noexcept {
  const auto* found = std::find_if(table.begin(), table.end(),
                                   [&](const auto& entry) { return entry.name == name; });
  return found == table.end() ? nullptr : found;
}

}  // namespace

std::span<const CipherSuiteName> cipher_suite_names() noexcept { return suites; }
std::span<const CurveName> curve_names() noexcept { return curves; }

const CipherSuiteName* find_cipher_suite(std::string_view name) noexcept {
  return find_name(suites, name);
}
const CurveName* find_curve(std::string_view name) noexcept { return find_name(curves, name); }

}  // namespace dunlin::net
