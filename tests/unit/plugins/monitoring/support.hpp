// What the tests of the monitoring plugin share: the fields of a JSON text in their order, and
// snapshots' structs filled with plain values.

#pragma once

#include <dunlin/ext/net.h>
#include <dunlin/ext/observe.h>

#include <boost/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace dunlin::monitoring::test {

using Names = std::vector<std::string>;

inline boost::json::value parse(std::string_view text) {
  return boost::json::parse(boost::json::string_view(text.data(), text.size()));
}

// The names of an object's fields, as they stand in the text.
inline Names names_of(const boost::json::value& object) {
  Names names;
  for (const auto& field : object.as_object()) names.emplace_back(field.key());
  return names;
}

inline dunlin_str str(std::string_view text) { return {text.data(), text.size()}; }

// 2026-11-20T20:31:07.5Z
inline constexpr std::int64_t now_ns = 1'795'206'667'500'000'000;
inline constexpr std::int64_t second = 1'000'000'000;

inline dunlin_server_info server_info() {
  dunlin_server_info info{};
  info.struct_size = sizeof info;
  info.proto = 1;
  info.server_id = str("NABC");
  info.server_name = str("one");
  info.version = str("2.15.1");
  info.host = str("0.0.0.0");
  info.system_account = str("$SYS");
  info.port = 4222;
  info.max_connections = 65536;
  info.max_payload = 1048576;
  info.max_pending = 67108864;
  info.max_control_line = 4096;
  info.ping_interval_ns = 120 * second;
  info.write_deadline_ns = 10 * second;
  info.auth_timeout_ns = 2 * second;
  info.tls_timeout_ns = second / 2;
  info.ping_max = 2;
  info.start_ns = now_ns - 65 * second;
  info.now_ns = now_ns;
  info.config_load_ns = info.start_ns;
  info.cores = 2;
  info.shards = 2;
  info.go = str("none, c++20");
  return info;
}

inline dunlin_connection_info connection(std::uint64_t cid) {
  dunlin_connection_info info{};
  info.struct_size = sizeof info;
  info.kind = DUNLIN_KIND_CLIENT;
  info.cid = cid;
  info.type = str("nats");
  info.ip = str("127.0.0.1");
  info.port = 54338;
  info.start_ns = now_ns - 9 * second;
  info.last_activity_ns = now_ns - 8 * second;
  info.account = str("$G");
  return info;
}

}  // namespace dunlin::monitoring::test
