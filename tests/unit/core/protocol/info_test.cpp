#include "core/protocol/info.hpp"

#include <gtest/gtest.h>

namespace dunlin::protocol {
namespace {

std::string rendered(const ServerInfo& info, const InfoOverrides& overrides = {}) {
  std::string out;
  render_info(info, overrides, out);
  return out;
}

ServerInfo standalone() {
  ServerInfo info;
  info.server_id = "NCF2";
  info.server_name = "one";
  info.version = "2.15.1";
  info.go = "go1.27.2";
  info.host = "127.0.0.1";
  info.port = 4222;
  info.max_payload = 1048576;
  info.api_lvl = 5;
  info.xkey = "XD75";
  return info;
}

// TestClientCreateAndInfo; the bytes are those of a running nats-server.
TEST(info, standalone_server_renders_as_the_reference) {
  EXPECT_EQ(rendered(standalone(), {.client_id = 5, .client_ip = "127.0.0.1"}),
            R"(INFO {"server_id":"NCF2","server_name":"one","version":"2.15.1","proto":1,)"
            R"("go":"go1.27.2","host":"127.0.0.1","port":4222,"headers":true,)"
            R"("max_payload":1048576,"client_id":5,"client_ip":"127.0.0.1","api_lvl":5,)"
            "\"xkey\":\"XD75\"} \r\n");
}

TEST(info, what_is_never_left_out_stands_even_when_empty) {
  ServerInfo info;
  info.headers = false;
  EXPECT_EQ(rendered(info), R"(INFO {"server_id":"","server_name":"","version":"","proto":1,)"
                            R"("go":"","host":"","port":0,"headers":false,"max_payload":0})"
                            " \r\n");
}

TEST(info, every_member_has_its_place) {
  ServerInfo info = standalone();
  info.git_commit = "abcdef0";
  info.auth_required = info.tls_required = info.tls_verify = info.tls_available = true;
  info.jetstream = info.cluster_dynamic = true;
  info.ip = "ip";
  info.cluster = "c";
  info.domain = "d";
  info.connect_urls = {"a:1", "b:2"};
  info.ws_connect_urls = {"w:3"};
  info.compression = "s2";
  info.link_members = R"("lnoc":true,"gateway":"G")";
  const InfoOverrides overrides{.max_payload = -1,
                                .client_id = 7,
                                .client_ip = "::1",
                                .nonce = "n",
                                .lame_duck_mode = true,
                                .connect_info = true,
                                .remote_account = "$G",
                                .acc_is_sys = true};
  EXPECT_EQ(rendered(info, overrides),
            R"(INFO {"server_id":"NCF2","server_name":"one","version":"2.15.1","proto":1,)"
            R"("git_commit":"abcdef0","go":"go1.27.2","host":"127.0.0.1","port":4222,)"
            R"("headers":true,"auth_required":true,"tls_required":true,"tls_verify":true,)"
            R"("tls_available":true,"max_payload":-1,"jetstream":true,"ip":"ip","client_id":7,)"
            R"("client_ip":"::1","nonce":"n","cluster":"c","cluster_dynamic":true,"domain":"d",)"
            R"("connect_urls":["a:1","b:2"],"ws_connect_urls":["w:3"],"ldm":true,)"
            R"("compression":"s2","connect_info":true,"remote_account":"$G","acc_is_sys":true,)"
            R"("api_lvl":5,"lnoc":true,"gateway":"G","xkey":"XD75"})"
            " \r\n");
}

// TestServerInfoWithClientAdvertise, TestLameDuckModeInfo, TestClientAuthRequiredNoAuthUser
TEST(info, overrides_replace_what_the_server_says) {
  ServerInfo info = standalone();
  info.auth_required = true;
  info.connect_urls = {"a:1"};
  const std::vector<std::string> others = {"b:2"};
  const auto text = rendered(info, {.host = "ws.example",
                                    .port = 443,
                                    .auth_required = false,
                                    .tls_available = true,
                                    .connect_urls = &others});
  EXPECT_NE(text.find(R"("host":"ws.example","port":443)"), std::string::npos);
  EXPECT_NE(text.find(R"("tls_available":true)"), std::string::npos);
  EXPECT_NE(text.find(R"("connect_urls":["b:2"])"), std::string::npos);
  EXPECT_EQ(text.find("auth_required"), std::string::npos);
}

TEST(info, names_are_escaped_as_go_escapes_them) {
  ServerInfo info = standalone();
  info.server_name = "a<\"b\">&";
  EXPECT_NE(rendered(info).find(R"("server_name":"a\u003c\"b\"\u003e\u0026")"), std::string::npos);
}

}  // namespace
}  // namespace dunlin::protocol
