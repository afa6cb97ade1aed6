// INFO: what the server says about itself when a client connects, and again when that changes.
//
// A ServerInfo is what all connections of a listener are told; InfoOverrides is what differs for
// one connection or one push. Rendering produces the reference's bytes: its order of keys, its
// rules for leaving keys out, Go's JSON escaping, and the blank before the line end that every Go
// server sends.
//
// Plain data, no thread of its own: whoever owns a ServerInfo renders from it. Rendering cannot
// fail.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::protocol {

// Field names are the protocol's. A text that is empty, a number that is zero and a flag that is
// false are left out, except those marked "always".
struct ServerInfo {
  std::string server_id;    // always
  std::string server_name;  // always
  std::string version;      // always; clients choose features by it
  int proto = 1;            // always
  std::string git_commit;
  std::string go;    // always; the runtime's version
  std::string host;  // always
  int port = 0;      // always
  bool headers = true;  // always
  bool auth_required = false;
  bool tls_required = false;
  bool tls_verify = false;
  bool tls_available = false;
  std::int32_t max_payload = 0;  // always
  bool jetstream = false;
  std::string ip;  // routes
  std::string cluster;
  bool cluster_dynamic = false;
  std::string domain;
  std::vector<std::string> connect_urls;
  std::vector<std::string> ws_connect_urls;  // server links
  std::string compression;                   // server links
  int api_lvl = 0;
  // JSON members that only server links send, rendered by the link that owns them, without a comma
  // at either end: `"lnoc":true,"gateway":"A"`.
  std::string link_members;
  std::string xkey;
};

// What replaces or joins the server's values in one INFO. Views need to live only while rendering.
struct InfoOverrides {
  std::string_view host = {};  // empty keeps host and port
  int port = 0;
  std::optional<bool> auth_required = {};
  std::optional<bool> tls_required = {};
  std::optional<bool> tls_verify = {};
  std::optional<bool> tls_available = {};
  std::optional<std::int32_t> max_payload = {};
  std::uint64_t client_id = 0;
  std::string_view client_ip = {};
  std::string_view nonce = {};
  const std::vector<std::string>* connect_urls = nullptr;  // null keeps the server's
  bool lame_duck_mode = false;
  bool connect_info = false;
  std::string_view remote_account = {};
  bool acc_is_sys = false;
};

// Appends `INFO {json} CRLF` to `out`.
void render_info(const ServerInfo& info, const InfoOverrides& overrides, std::string& out);

}  // namespace dunlin::protocol
