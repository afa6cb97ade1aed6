// The tls block.

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/config/conf_scalar.hpp"
#include "core/config/file_text.hpp"
#include "core/config/option_reader.hpp"
#include "core/config/tls_block.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

using enum OptionType;
using protocol::go_quote;
using Reader = OptionReader;
using Row = OptionRow;

constexpr auto no = Reload::no;
constexpr auto yes = Reload::yes;

Tls& tls_of(void* target) { return *static_cast<Tls*>(target); }

template <std::string Tls::*File>
void apply_file(Reader& reader, const Row& row, void* target, const Entry& entry) {
  if (const auto* text = entry.value.as<std::string>()) {
    tls_of(target).*File = *text;
  } else {
    reader.error(entry.at, fmt::format("error parsing tls config, expected '{}' to be filename",
                                       row.key));
  }
}

template <bool Tls::*Flag>
void apply_flag(Reader& reader, const Row& row, void* target, const Entry& entry) {
  if (const auto* flag = entry.value.as<bool>()) {
    tls_of(target).*Flag = *flag;
  } else {
    reader.error(entry.at, fmt::format("error parsing tls config, expected '{}' to be a boolean",
                                       row.key));
  }
}

void apply_verify_and_map(Reader& reader, const Row& row, void* target, const Entry& entry) {
  apply_flag<&Tls::verify_and_map>(reader, row, target, entry);
  if (tls_of(target).verify_and_map) tls_of(target).verify = true;
}

void apply_known_urls(Reader& reader, const Row& row, void* target, const Entry& entry) {
  apply_flag<&Tls::verify_cert_and_check_known_urls>(reader, row, target, entry);
  if (tls_of(target).verify_cert_and_check_known_urls) {
    reader.error(entry.at, "verify_cert_and_check_known_urls not supported in this context");
  }
}

// Names in order of preference; unknown ones are errors.
bool read_names(Reader& reader, const Row& row, const Entry& entry, const char* what,
                bool (*known)(std::string_view), std::vector<std::string>& out) {
  const auto* array = reader.expect<Array>(entry.value);
  if (array == nullptr) return false;
  if (array->empty()) {
    reader.error(entry.at,
                 fmt::format("error parsing tls config, '{}' cannot be empty", row.key));
    return false;
  }
  for (const auto& element : *array) {
    const auto* name = reader.expect<std::string>(element);
    if (name == nullptr) return false;
    if (!known(*name)) {
      reader.error(element.at, fmt::format("unrecognized {} {}", what, *name));
      return false;
    }
    out.push_back(*name);
  }
  return true;
}

bool is_secure_suite(std::string_view name) {
  constexpr std::string_view names[] = {
      "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
      "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_insecure_suite(std::string_view name) {
  constexpr std::string_view names[] = {
      "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
      "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA",
      "TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
      "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_known_suite(std::string_view name) {
  return is_secure_suite(name) || is_insecure_suite(name);
}

bool is_known_curve(std::string_view name) {
  constexpr std::string_view names[] = {"X25519MLKEM768", "SecP384r1MLKEM1024",
                                        "SecP256r1MLKEM768", "X25519", "CurveP256", "CurveP384",
                                        "CurveP521"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

void apply_suites(Reader& reader, const Row& row, void* target, const Entry& entry) {
  read_names(reader, row, entry, "cipher", is_known_suite, tls_of(target).cipher_suites);
}

void apply_curves(Reader& reader, const Row& row, void* target, const Entry& entry) {
  read_names(reader, row, entry, "curve preference", is_known_curve,
             tls_of(target).curve_preferences);
}

void apply_rate_limit(Reader& reader, const Row&, void* target, const Entry& entry) {
  if (const auto* limit = entry.value.as<std::int64_t>()) {
    tls_of(target).connection_rate_limit = *limit;
  } else {
    reader.error(entry.at, "error parsing tls config, 'connection_rate_limit' wrong type");
  }
}

void apply_pinned(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* array = entry.value.as<Array>();
  if (array == nullptr) {
    reader.error(entry.at,
                 "error parsing tls config, expected 'pinned_certs' to be a list of hex-encoded "
                 "sha256 of DER encoded SubjectPublicKeyInfo");
    return;
  }
  for (const auto& element : *array) {
    const auto* text = reader.expect<std::string>(element);
    if (text == nullptr) return;
    const auto key = lower_case(*text);
    if (key.size() != 64 || key.find_first_not_of("0123456789abcdef") != std::string::npos) {
      reader.error(element.at,
                   fmt::format("error parsing tls config, 'pinned_certs' key {} does not look "
                               "like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo", key));
      return;
    }
    tls_of(target).pinned_certs.insert(key);
  }
}

void apply_handshake_first(Reader& reader, const Row&, void* target, const Entry& entry) {
  auto& tls = tls_of(target);
  tls.handshake_first_fallback = Duration::zero();
  if (const auto* flag = entry.value.as<bool>()) {
    tls.handshake_first = *flag;
    return;
  }
  const auto* text = entry.value.as<std::string>();
  if (text == nullptr) {
    reader.error(entry.at, fmt::format("field {} should be a boolean or a string, got {}",
                                       go_quote(entry.key), type_name(entry.value)));
    return;
  }
  const auto word = lower_case(*text);
  tls.handshake_first = word != "false" && word != "off";
  if (!tls.handshake_first || word == "true" || word == "on") return;
  if (word == "auto" || word == "auto_fallback") {
    tls.handshake_first_fallback = std::chrono::milliseconds(50);
    return;
  }
  const auto duration = parse_duration(*text);
  if (duration) {
    tls.handshake_first_fallback = *duration;
  } else {
    reader.error(entry.at, fmt::format("field {}'s value {} is invalid", go_quote(entry.key),
                                       go_quote(*text)));
  }
}

void apply_min_version(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* text = entry.value.as<std::string>();
  if (text == nullptr) {
    const auto* number = entry.value.as<double>();
    const auto* whole = entry.value.as<std::int64_t>();
    reader.error(entry.at,
                 fmt::format("error parsing tls config: 'min_version' wrong type: {}",
                             number != nullptr  ? print_value(*number)
                             : whole != nullptr ? print_value(*whole)
                                                : std::string(type_name(entry.value))));
  } else if (*text == "1.0" || *text == "1.1") {
    reader.error(entry.at,
                 "error parsing tls config: unsupported TLS version: TLS " + *text);
  } else if (*text != "1.2" && *text != "1.3") {
    reader.error(entry.at, "error parsing tls config: unknown version: " + *text);
  } else {
    tls_of(target).min_version = *text;
  }
}

void apply_certs(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto refuse_type = [&](const Value& value) {
    reader.error(value.at, fmt::format("error parsing certificates config: unsupported type {}",
                                       type_name(value)));
  };
  const auto* array = entry.value.as<Array>();
  if (array == nullptr) return refuse_type(entry.value);
  for (const auto& element : *array) {
    const auto* map = element.as<Map>();
    if (map == nullptr) return refuse_type(element);
    CertificatePair pair;
    for (const auto& [key, value, at, used] : map->entries()) {
      const auto* file = value.as<std::string>();
      if (file == nullptr) return refuse_type(value);
      if (key != "cert_file" && key != "key_file") {
        reader.error(at, "error parsing tls certs config, unknown field " + go_quote(key));
        return;
      }
      (key == "cert_file" ? pair.cert_file : pair.key_file) = *file;
    }
    if (pair.cert_file.empty() || pair.key_file.empty()) {
      reader.error(map->empty() ? element.at : map->entries().back().at,
                   "error parsing certificates config: both 'cert_file' and 'cert_key' options "
                   "are required");
      return;
    }
    tls_of(target).certs.push_back(std::move(pair));
  }
}

void refuse_elsewhere(Reader& reader, const Row& row, void*, const Entry& entry) {
  if (const auto* flag = entry.value.as<bool>(); flag != nullptr && !*flag) return;
  if (row.key == "ocsp_peer") {
    reader.refuse_feature(entry, "OCSP verification");
  } else {
    reader.error(entry.at, fmt::format("{} works with the Windows certificate store only",
                                       go_quote(entry.key)));
  }
}

void unknown_tls_field(Reader& reader, const Entry& entry, std::span<const OptionRow> rows) {
  std::string reason = "error parsing tls config, unknown field " + go_quote(entry.key);
  if (const auto near = nearest_option(rows, lower_case(entry.key)); !near.empty()) {
    reason += fmt::format(" (did you mean {}?)", go_quote(near));
  }
  reader.error(entry.at, reason);
}

constexpr OptionAccess windows{refuse_elsewhere, nullptr};

const OptionRow rows[] = {
    {"cert_file", {}, text, "", yes, "", "PEM file with the certificate and its chain.",
     {apply_file<&Tls::cert_file>, nullptr}},
    {"key_file", {}, text, "", yes, "", "PEM file with the private key.",
     {apply_file<&Tls::key_file>, nullptr}},
    {"certs", {"certificates"}, list, "", yes, "",
     "Several certificates: maps with cert_file and key_file.", {apply_certs, nullptr}},
    {"ca_file", {}, text, "the system's", yes, "", "PEM file with the roots to verify against.",
     {apply_file<&Tls::ca_file>, nullptr}},
    {"verify", {}, boolean, "false", yes, "", "Require and verify client certificates.",
     {apply_flag<&Tls::verify>, nullptr}},
    {"verify_and_map", {}, boolean, "false", no, "TLSMap",
     "Also find the user by the certificate's names.", {apply_verify_and_map, nullptr}},
    {"verify_cert_and_check_known_urls", {}, boolean, "false", no, "",
     "Links between servers only: check the certificate against configured URLs.",
     {apply_known_urls, nullptr}},
    {"insecure", {}, boolean, "false", yes, "", "Do not verify when connecting to others.",
     {apply_flag<&Tls::insecure>, nullptr}},
    {"timeout", {}, seconds, "2", yes, "tls", "Time for the handshake.", bound<&Tls::timeout>()},
    {"handshake_first", {"first", "immediate"}, any, "false", yes, "TLSHandshakeFirst",
     "Handshake before INFO: true, false, auto, or how long to wait for it.",
     {apply_handshake_first, nullptr}},
    {"min_version", {}, text, "1.2", yes, "", "Oldest protocol version: 1.2 or 1.3.",
     {apply_min_version, nullptr}},
    {"cipher_suites", {}, list, "all secure ones", yes, "", "Suites in order of preference.",
     {apply_suites, nullptr}},
    {"allow_insecure_cipher_suites", {}, boolean, "false", yes, "",
     "Accept suites known to be weak.", {apply_flag<&Tls::allow_insecure_cipher_suites>, nullptr}},
    {"curve_preferences", {}, list, "X25519 first", yes, "", "Curves in order of preference.",
     {apply_curves, nullptr}},
    {"pinned_certs", {}, list, "any", yes, "TLSPinnedCerts",
     "SHA-256 of the only client public keys to accept, in hex.", {apply_pinned, nullptr}},
    {"connection_rate_limit", {}, integer, "0 (none)", no, "TLSRateLimit",
     "Handshakes in one second.", {apply_rate_limit, nullptr}},
    {"ocsp_peer", {}, any, "false", yes, "", "Check client certificates by OCSP.", windows},
    {"cert_store", {}, text, "", yes, "", "Windows only.", windows},
    {"cert_match_by", {}, text, "", yes, "", "Windows only.", windows},
    {"cert_match", {}, text, "", yes, "", "Windows only.", windows},
    {"cert_match_skip_invalid", {}, boolean, "false", yes, "", "Windows only.", windows},
    {"ca_certs_match", {}, any, "", yes, "", "Windows only.", windows},
};

// The reason why the block cannot work as a server's, or nothing.
std::string conflict(const Tls& tls) {
  if (!tls.certs.empty() && !tls.cert_file.empty()) {
    return "error parsing tls config, cannot combine 'cert_file' option with 'certs' option";
  }
  std::string insecure;
  for (const auto& suite : tls.cipher_suites) {
    if (is_insecure_suite(suite)) insecure += (insecure.empty() ? "" : ", ") + suite;
  }
  if (!tls.allow_insecure_cipher_suites && !insecure.empty()) {
    return "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: " +
           insecure;
  }
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    return tls.key_file.empty() ? "missing 'key_file' in TLS configuration"
                                : "missing 'cert_file' in TLS configuration";
  }
  return {};
}

// The reason why a file it names cannot be read, or nothing.
std::string unreadable_file(const Tls& tls) {
  auto pairs = tls.certs;
  if (!tls.cert_file.empty()) pairs.push_back({tls.cert_file, tls.key_file});
  for (const auto& pair : pairs) {
    for (const auto& file : {pair.cert_file, pair.key_file}) {
      const auto text = read_file_text(file);
      if (!text) return "error parsing X509 certificate/key pair: " + text.error().text;
    }
  }
  if (tls.ca_file.empty()) return {};
  const auto roots = read_file_text(tls.ca_file);
  if (!roots) return roots.error().text;
  return roots->find("-----BEGIN CERTIFICATE-----") == std::string::npos
             ? "failed to parse root ca certificate"
             : "";
}

std::optional<Tls> read_tls(Reader& reader, const Position& at, const Value& value) {
  const auto* map = reader.expect<Map>(value);
  if (map == nullptr) return std::nullopt;
  const auto before = reader.error_count();
  Tls tls;
  reader.read_block(rows, &tls, *map, unknown_tls_field);
  if (reader.error_count() != before) return std::nullopt;
  auto reason = conflict(tls);
  if (reason.empty()) reason = unreadable_file(tls);
  if (!reason.empty()) {
    reader.error(at, std::move(reason));
    return std::nullopt;
  }
  if (tls.timeout == 0) tls.timeout = 2;
  return tls;
}

}  // namespace

void apply_tls(Reader& reader, const Row&, void* target, const Entry& entry) {
  if (auto tls = read_tls(reader, entry.at, entry.value))
    static_cast<Options*>(target)->tls = std::move(tls);
}

Tls read_tls_block(const Value& value, Diagnostics& diagnostics) {
  Options unused;
  const SectionProvided nothing;
  Reader reader(Dialect::conf, unused, diagnostics, nothing);
  auto tls = read_tls(reader, value.at, value);
  if (!tls) return {};
  if (tls->verify_and_map)
    reader.error(value.at, "verify_and_map is not available here; use verify");
  return std::move(*tls);
}

std::span<const OptionRow> tls_options() noexcept { return rows; }

}  // namespace dunlin::config
