#include "core/protocol/info.hpp"

#include <fmt/format.h>

#include <iterator>

#include "core/protocol/go_quote.hpp"

namespace dunlin::protocol {
namespace {

// Writes the members of one JSON object; `always` writes what the reference never leaves out.
class MemberWriter {
 public:
  explicit MemberWriter(std::string& out) : out_(out) { out_ += '{'; }

  void always(std::string_view key, std::string_view text) {
    start(key);
    append_json_string(out_, text);
  }
  void always(std::string_view key, std::int64_t number) {
    start(key);
    fmt::format_to(std::back_inserter(out_), "{}", number);
  }
  void always(std::string_view key, bool flag) {
    start(key);
    out_ += flag ? "true" : "false";
  }

  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) always(key, value);
  }
  void number(std::string_view key, std::uint64_t value) {
    if (value == 0) return;
    start(key);
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  void flag(std::string_view key, bool value) {
    if (value) always(key, true);
  }
  void list(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    start(key);
    char separator = '[';
    for (const auto& value : values) {
      out_ += separator;
      append_json_string(out_, value);
      separator = ',';
    }
    out_ += ']';
  }
  void rendered(std::string_view members) {
    if (members.empty()) return;
    if (!is_first_) out_ += ',';
    is_first_ = false;
    out_ += members;
  }
  void finish() { out_ += '}'; }

 private:
  // Keys are ours and need no escaping.
  void start(std::string_view key) {
    out_.append(is_first_ ? "\"" : ",\"").append(key).append("\":");
    is_first_ = false;
  }

  std::string& out_;
  bool is_first_ = true;
};

}  // namespace

void render_info(const ServerInfo& info, const InfoOverrides& overrides, std::string& out) {
  const bool moves_host = !overrides.host.empty();
  out += "INFO ";
  MemberWriter writer(out);
  writer.always("server_id", info.server_id);
  writer.always("server_name", info.server_name);
  writer.always("version", info.version);
  writer.always("proto", std::int64_t{info.proto});
  writer.text("git_commit", info.git_commit);
  writer.always("go", info.go);
  writer.always("host", moves_host ? overrides.host : std::string_view(info.host));
  writer.always("port", std::int64_t{moves_host ? overrides.port : info.port});
  writer.always("headers", info.headers);
  writer.flag("auth_required", overrides.auth_required.value_or(info.auth_required));
  writer.flag("tls_required", overrides.tls_required.value_or(info.tls_required));
  writer.flag("tls_verify", overrides.tls_verify.value_or(info.tls_verify));
  writer.flag("tls_available", overrides.tls_available.value_or(info.tls_available));
  writer.always("max_payload", std::int64_t{overrides.max_payload.value_or(info.max_payload)});
  writer.flag("jetstream", info.jetstream);
  writer.text("ip", info.ip);
  writer.number("client_id", overrides.client_id);
  writer.text("client_ip", overrides.client_ip);
  writer.text("nonce", overrides.nonce);
  writer.text("cluster", info.cluster);
  writer.flag("cluster_dynamic", info.cluster_dynamic);
  writer.text("domain", info.domain);
  writer.list("connect_urls", overrides.connect_urls ? *overrides.connect_urls : info.connect_urls);
  writer.list("ws_connect_urls", info.ws_connect_urls);
  writer.flag("ldm", overrides.lame_duck_mode);
  writer.text("compression", info.compression);
  writer.flag("connect_info", overrides.connect_info);
  writer.text("remote_account", overrides.remote_account);
  writer.flag("acc_is_sys", overrides.acc_is_sys);
  writer.number("api_lvl", static_cast<std::uint64_t>(info.api_lvl));
  writer.rendered(info.link_members);
  writer.text("xkey", info.xkey);
  writer.finish();
  out += " \r\n";
}

}  // namespace dunlin::protocol
