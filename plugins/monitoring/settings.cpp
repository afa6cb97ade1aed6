#include "settings.hpp"

#include <charconv>

#include "paths.hpp"

namespace dunlin::monitoring {
namespace {

constexpr int port_most = 65535;

// A port number or an address with one.
constexpr dunlin_key address_key(const char* name, const char* help) {
  return dunlin::key(name, DUNLIN_KEY_ANY, nullptr, help);
}
constexpr dunlin_key port_key(const char* name, const char* aliases, const char* help) {
  auto key = dunlin::key(name, DUNLIN_KEY_INTEGER, nullptr, help);
  key.aliases = aliases;
  key.least = port_any;
  key.most = port_most;
  return key;
}

constexpr dunlin_key keys[] = {
    address_key("http", "Address of the monitoring endpoints: a port, or host:port"),
    address_key("https", "Address of the monitoring endpoints over TLS; needs tls"),
    port_key("http_port", "monitor_port", "Port of the monitoring endpoints; -1 for any free one"),
    port_key("https_port", nullptr, "Port of the monitoring endpoints over TLS"),
    dunlin::key("http_base_path", DUNLIN_KEY_TEXT, nullptr,
                "Path under which the endpoints are served"),
    dunlin::key("host", DUNLIN_KEY_TEXT, nullptr, "Host to bind when http names none"),
    dunlin::key("tls", DUNLIN_KEY_TABLE, nullptr,
                "Certificate of https: cert_file and key_file of the server's tls block",
                DUNLIN_KEY_RELOADABLE),
};

dunlin::result<> read_address(dunlin::Config config, const char* key, Settings& settings,
                              int& port) {
  const auto node = config.get(key);
  if (!node) return {};
  if (node.type() == DUNLIN_KEY_INTEGER) {
    auto value = node.integer();
    if (!value) return value.error();
    if (*value < port_any || *value > port_most) return node.refuse("no such port");
    port = static_cast<int>(*value);
    return {};
  }
  auto text = node.text();
  if (!text) return text.error();
  if (!parse_listen(*text, settings.host, port)) {
    return node.refuse("could not parse address string \"" + *text + "\"");
  }
  return {};
}

dunlin::result<> read_port(dunlin::Config config, const char* key, int& port) {
  const auto node = config.get(key);
  if (!node) return {};
  auto value = node.integer();
  if (!value) return value.error();
  port = static_cast<int>(*value);
  return {};
}

void read_text(dunlin::Config config, const char* key, std::string& into) {
  auto text = config.text(key);
  if (text && !text->empty()) into = *text;
}

// The pair in the block itself, or the first of its `certs`.
TlsFiles read_tls(dunlin::Config tls) {
  TlsFiles files;
  if (!tls) return files;
  read_text(tls, "cert_file", files.certificate);
  read_text(tls, "key_file", files.key);
  const auto certs = tls.get("certs");
  if (!files.certificate.empty() || certs.type() != DUNLIN_KEY_LIST) return files;
  for (const auto& [name, pair] : certs.items()) {
    if (pair.type() != DUNLIN_KEY_TABLE) continue;
    read_text(pair, "cert_file", files.certificate);
    read_text(pair, "key_file", files.key);
    break;
  }
  return files;
}

}  // namespace

bool parse_listen(std::string_view text, std::string& host, int& port) {
  const auto colon = text.rfind(':');
  auto name = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  const auto number = colon == std::string_view::npos ? text : text.substr(colon + 1);
  int value = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size()) return false;
  if (value < port_any || value > port_most) return false;
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  if (!name.empty()) host = name;
  port = value;
  return true;
}

dunlin::result<Settings> read_settings(dunlin::Config config) {
  if (auto ok = config.declare(keys); !ok) return ok.error();
  Settings settings;
  read_text(config, "host", settings.host);
  if (auto ok = read_address(config, "http", settings, settings.http_port); !ok) return ok.error();
  if (auto ok = read_address(config, "https", settings, settings.https_port); !ok) {
    return ok.error();
  }
  if (auto ok = read_port(config, "http_port", settings.http_port); !ok) return ok.error();
  if (auto ok = read_port(config, "https_port", settings.https_port); !ok) return ok.error();
  read_text(config, "http_base_path", settings.base_written);
  settings.base = normal_base(settings.base_written);
  // The server hands on "/" when nothing is configured, which /varz shows as nothing.
  if (settings.base.empty()) settings.base_written.clear();
  settings.tls = read_tls(config.get("tls"));
  return settings;
}

std::string start_problem(const Settings& settings) {
  if (settings.http_port != port_off && settings.https_port != port_off) {
    return "can't specify both HTTP (" + std::to_string(settings.http_port) + ") and HTTPs (" +
           std::to_string(settings.https_port) + ") ports";
  }
  if (settings.https_port != port_off &&
      (settings.tls.certificate.empty() || settings.tls.key.empty())) {
    return "TLS cert and key required for HTTPS";
  }
  return {};
}

}  // namespace dunlin::monitoring
