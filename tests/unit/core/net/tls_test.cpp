// Sessions of both roles joined in memory: what one leaves as output is the other's input.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <string>

#include "core/net/openssl_context.hpp"
#include "core/net/openssl_session.hpp"
#include "core/net/tls_names.hpp"
#include "tests/unit/core/net/test_certificates.hpp"

namespace dunlin::net {
namespace {

using Status = TlsSession::Status;
using testing::HasSubstr;

class Tls : public testing::Test {
 protected:
  static void SetUpTestSuite() { certificates = new TestCertificates; }
  static void TearDownTestSuite() {
    delete certificates;
    certificates = nullptr;
  }

  static TlsSettings server_settings() {
    static const auto files = certificates->issue("server", {{"CN", "server"}}, {"localhost"});
    return {.cert_file = files.certificate, .key_file = files.key};
  }
  static TlsSettings client_settings() {
    return {.ca_file = certificates->authority(), .server_name = "localhost"};
  }
  static TlsSettings with_client_certificate(TlsSettings settings) {
    static const auto files = certificates->issue("client", {{"CN", "client"}});
    settings.cert_file = files.certificate;
    settings.key_file = files.key;
    return settings;
  }
  static std::shared_ptr<const OpenSslContext> made(const TlsSettings& settings, TlsRole role) {
    auto outcome = OpenSslContext::create(settings, role);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().text;
    return *outcome;
  }
  static std::string error_of(const TlsSettings& settings, TlsRole role = TlsRole::server) {
    const auto outcome = OpenSslContext::create(settings, role);
    return outcome.has_error() ? outcome.error().text : "";
  }

  static TestCertificates* certificates;
};
TestCertificates* Tls::certificates = nullptr;

// Moves what `from` has to say, in pieces of `piece_size`, and collects what `to` can read.
Status move(TlsSession& from, TlsSession& to, std::string& received, std::size_t piece_size) {
  Status status = Status::need_more;
  while (!from.pending_output().empty()) {
    const std::string piece(from.pending_output().substr(0, piece_size));
    from.sent(piece.size());
    status = to.feed(piece);
    std::string room(5000, '\0');
    for (auto read = to.read(room.data(), room.size()); read.status == Status::ready;
         read = to.read(room.data(), room.size()))
      received.append(room, 0, read.size);
    if (status == Status::failed) break;
  }
  return status;
}

struct Pair {
  OpenSslSession server, client;
  std::string at_server = {}, at_client = {};

  Pair(std::shared_ptr<const OpenSslContext> server_context,
       std::shared_ptr<const OpenSslContext> client_context)
      : server(std::move(server_context)), client(std::move(client_context)) {}

  // Until neither has anything to say.
  void exchange(std::size_t piece_size = 1000000) {
    while (!client.pending_output().empty() || !server.pending_output().empty()) {
      move(client, server, at_server, piece_size);
      move(server, client, at_client, piece_size);
    }
  }
  void shake_hands(std::size_t piece_size = 1000000) {
    client.start();
    exchange(piece_size);
  }
};

// TestTLSConnection
TEST_F(Tls, handshake_and_data_pass_both_ways) {
  Pair pair(made(server_settings(), TlsRole::server), made(client_settings(), TlsRole::client));
  pair.shake_hands();
  ASSERT_TRUE(pair.server.is_established()) << pair.server.error();
  ASSERT_TRUE(pair.client.is_established()) << pair.client.error();
  EXPECT_EQ(pair.server.version(), "1.3");
  EXPECT_EQ(pair.server.cipher_suite(), "TLS_AES_128_GCM_SHA256");
  ASSERT_EQ(pair.server.write(std::string("INFO {}\r\n")), Status::ready);
  ASSERT_EQ(pair.client.write(std::string("CONNECT {}\r\n")), Status::ready);
  pair.exchange();
  EXPECT_EQ(pair.at_client, "INFO {}\r\n");
  EXPECT_EQ(pair.at_server, "CONNECT {}\r\n");
}

TEST_F(Tls, any_split_of_the_input_gives_the_same) {
  for (const std::size_t piece_size : {1, 2, 7, 100}) {
    Pair pair(made(server_settings(), TlsRole::server), made(client_settings(), TlsRole::client));
    pair.shake_hands(piece_size);
    ASSERT_TRUE(pair.server.is_established());
    const std::string text(3000, 'x');
    ASSERT_EQ(pair.client.write(text), Status::ready);
    pair.exchange(piece_size);
    EXPECT_EQ(pair.at_server, text);
  }
}

TEST_F(Tls, batch_is_sealed_in_records_of_sixteen_kibibytes) {
  Pair pair(made(server_settings(), TlsRole::server), made(client_settings(), TlsRole::client));
  pair.shake_hands();
  const std::string batch(40 * 1024, 'b');
  ASSERT_EQ(pair.server.write(batch), Status::ready);
  const auto sealed = pair.server.pending_output();
  EXPECT_LE(sealed.size(), batch.size() + 3 * 32);
  const auto first_size = static_cast<unsigned char>(sealed[3]) * 256u +
                          static_cast<unsigned char>(sealed[4]);
  EXPECT_GE(first_size, 16u * 1024);
  pair.exchange();
  EXPECT_EQ(pair.at_client, batch);
}

TEST_F(Tls, input_may_be_kept_for_later) {
  Pair pair(made(server_settings(), TlsRole::server), made(client_settings(), TlsRole::client));
  pair.shake_hands();
  const std::string first(20000, '1'), second(20000, '2');
  ASSERT_EQ(pair.client.write(first), Status::ready);
  std::string encrypted(pair.client.pending_output());
  pair.client.sent(encrypted.size());
  pair.server.feed(encrypted);
  std::string room(100, '\0');
  ASSERT_EQ(pair.server.read(room.data(), room.size()).status, Status::ready);
  pair.at_server += room;
  pair.server.keep_input();
  encrypted.assign(encrypted.size(), 'x');
  ASSERT_EQ(pair.client.write(second), Status::ready);
  pair.exchange();
  EXPECT_EQ(pair.at_server, first + second);
}

TEST_F(Tls, goodbye_closes) {
  Pair pair(made(server_settings(), TlsRole::server), made(client_settings(), TlsRole::client));
  pair.shake_hands();
  pair.server.close();
  pair.exchange();
  char room[10];
  EXPECT_EQ(pair.client.read(room, sizeof room).status, Status::closed);
  EXPECT_EQ(pair.server.write(std::string("late")), Status::closed);
}

TEST_F(Tls, bytes_that_are_not_tls_fail) {
  OpenSslSession server(made(server_settings(), TlsRole::server));
  EXPECT_EQ(server.feed(std::string("CONNECT {}\r\nPING\r\n")), Status::failed);
  EXPECT_NE(server.error(), "");
  EXPECT_EQ(server.feed(std::string("more")), Status::failed);
}

TEST_F(Tls, damaged_record_fails) {
  Pair pair(made(server_settings(), TlsRole::server), made(client_settings(), TlsRole::client));
  pair.shake_hands();
  ASSERT_EQ(pair.client.write(std::string("PING\r\n")), Status::ready);
  std::string encrypted(pair.client.pending_output());
  encrypted.back() = static_cast<char>(encrypted.back() ^ 1);
  pair.server.feed(encrypted);
  char room[10];
  EXPECT_EQ(pair.server.read(room, sizeof room).status, Status::failed);
}

// TestTLSVerifyClientCertificate, TestTLSClientCertificate
TEST_F(Tls, verify_demands_a_certificate_of_the_authority) {
  auto settings = server_settings();
  settings.verify = true;
  settings.ca_file = certificates->authority();
  const auto context = made(settings, TlsRole::server);
  EXPECT_TRUE(context->demands_certificate());
  Pair without(context, made(client_settings(), TlsRole::client));
  without.shake_hands();
  EXPECT_FALSE(without.server.is_established());
  EXPECT_NE(without.server.error(), "");

  Pair with(context, made(with_client_certificate(client_settings()), TlsRole::client));
  with.shake_hands();
  ASSERT_TRUE(with.server.is_established()) << with.server.error();
  const auto peers = with.server.peer_certificates();
  ASSERT_EQ(peers.size(), 1u);
  EXPECT_EQ(peers[0].subject, "CN=client");
  EXPECT_EQ(peers[0].public_key_sha256.size(), 64u);
  EXPECT_NE(peers[0].public_key_sha256, peers[0].certificate_sha256);

  TestCertificates stranger;
  const auto files = stranger.issue("client", {{"CN", "client"}});
  auto other = client_settings();
  other.cert_file = files.certificate;
  other.key_file = files.key;
  Pair strange(context, made(other, TlsRole::client));
  strange.shake_hands();
  EXPECT_FALSE(strange.server.is_established());
  EXPECT_THAT(strange.server.error(), HasSubstr("certificate is not accepted"));
}

TEST_F(Tls, client_accepts_only_the_server_it_asked_for) {
  const auto context = made(server_settings(), TlsRole::server);
  auto settings = client_settings();
  settings.server_name = "elsewhere";
  Pair wrong(context, made(settings, TlsRole::client));
  wrong.shake_hands();
  EXPECT_FALSE(wrong.client.is_established());
  settings.insecure = true;
  Pair careless(context, made(settings, TlsRole::client));
  careless.shake_hands();
  EXPECT_TRUE(careless.client.is_established());
}

// TestTLSPinnedCertsClient
TEST_F(Tls, pinned_certificates_keep_others_out) {
  auto settings = server_settings();
  settings.verify = true;
  settings.ca_file = certificates->authority();
  settings.pinned_certs = {std::string(64, '0')};
  const auto client = made(with_client_certificate(client_settings()), TlsRole::client);
  Pair refused(made(settings, TlsRole::server), client);
  refused.shake_hands();
  EXPECT_FALSE(refused.server.is_established());
  EXPECT_THAT(refused.server.error(), HasSubstr("pinned_certs"));

  settings.pinned_certs.clear();
  Pair open(made(settings, TlsRole::server), client);
  open.shake_hands();
  settings.pinned_certs = {open.server.peer_certificates().at(0).public_key_sha256};
  const auto pinning = made(settings, TlsRole::server);
  EXPECT_TRUE(pinning->accepts_pin(open.server.peer_certificate()));
  EXPECT_FALSE(pinning->accepts_pin(nullptr));
  Pair accepted(pinning, client);
  accepted.shake_hands();
  EXPECT_TRUE(accepted.server.is_established());
}

// TestTLSVersions, TestTLSMinVersionConfig
TEST_F(Tls, versions_and_suites_follow_the_settings) {
  // A client that does not know TLS 1.3.
  const auto old_client = made(client_settings(), TlsRole::client);
  SSL_CTX_set_max_proto_version(old_client->native(), TLS1_2_VERSION);
  Pair old(made(server_settings(), TlsRole::server), old_client);
  old.shake_hands();
  EXPECT_EQ(old.server.version(), "1.2");
  EXPECT_EQ(old.server.cipher_suite(), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");

  auto settings = server_settings();
  settings.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"};
  Pair chosen(made(settings, TlsRole::server), old_client);
  chosen.shake_hands();
  EXPECT_EQ(chosen.server.cipher_suite(), "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");

  settings.cipher_suites = {"TLS_AES_128_GCM_SHA256"};
  Pair without_old_suites(made(settings, TlsRole::server), old_client);
  without_old_suites.shake_hands();
  EXPECT_FALSE(without_old_suites.server.is_established());

  settings = server_settings();
  settings.min_version = TlsVersion::tls13;
  Pair too_old(made(settings, TlsRole::server), old_client);
  too_old.shake_hands();
  EXPECT_FALSE(too_old.server.is_established());
  EXPECT_EQ(too_old.server.version(), "");
}

// TestTLSCipher
TEST_F(Tls, unknown_and_insecure_names_are_refused) {
  auto settings = server_settings();
  settings.cipher_suites = {"TLS_NONE"};
  EXPECT_EQ(error_of(settings), "unrecognized cipher TLS_NONE");
  settings.cipher_suites = {"TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"};
  EXPECT_EQ(error_of(settings),
            "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: "
            "TLS_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_AES_256_CBC_SHA");
  settings.allow_insecure_cipher_suites = true;
  EXPECT_EQ(error_of(settings), "");
  settings = server_settings();
  settings.curve_preferences = {"P-1"};
  EXPECT_EQ(error_of(settings), "unrecognized curve preference P-1");
  settings.curve_preferences = {"CurveP384", "X25519"};
  EXPECT_EQ(error_of(settings), "");
}

TEST_F(Tls, every_secure_suite_and_curve_of_the_table_is_usable) {
  for (const auto& suite : cipher_suite_names()) {
    if (suite.is_insecure) continue;
    auto settings = server_settings();
    settings.cipher_suites = {std::string(suite.name)};
    EXPECT_EQ(error_of(settings), "") << suite.name;
  }
  for (const auto* name : {"X25519", "CurveP256", "CurveP384", "CurveP521"}) {
    auto settings = server_settings();
    settings.curve_preferences = {name};
    EXPECT_EQ(error_of(settings), "") << name;
  }
}

TEST_F(Tls, files_that_cannot_be_used_are_named) {
  const auto good = server_settings();
  auto settings = good;
  settings.key_file.clear();
  EXPECT_EQ(error_of(settings), "missing 'key_file' in TLS configuration");
  settings = good;
  settings.cert_file.clear();
  EXPECT_EQ(error_of(settings), "missing 'cert_file' in TLS configuration");
  settings = good;
  settings.cert_file = certificates->path("absent.pem");
  EXPECT_THAT(error_of(settings), HasSubstr("absent.pem: No such file or directory"));
  settings = good;
  settings.cert_file = certificates->write("text.pem", "no certificate");
  EXPECT_THAT(error_of(settings), HasSubstr("text.pem holds no certificate"));
  settings = good;
  settings.key_file = certificates->path("text.pem");
  EXPECT_THAT(error_of(settings), HasSubstr("text.pem holds no private key"));
  settings = good;
  settings.key_file = certificates->issue("other", {{"CN", "other"}}).key;
  EXPECT_THAT(error_of(settings), HasSubstr("does not belong to the certificate"));
  settings = good;
  settings.ca_file = certificates->path("text.pem");
  EXPECT_THAT(error_of(settings), HasSubstr("failed to parse root ca certificate"));
}

// TestTLSClientHandshakeFirst uses the first; the second is what `certs` adds.
TEST_F(Tls, certificate_is_chosen_by_the_name_asked_for) {
  const auto one = certificates->issue("one", {{"CN", "one"}}, {"one.example"});
  const auto two = certificates->issue("two", {{"CN", "two"}}, {"*.two.example"});
  TlsSettings settings;
  settings.certificates = {{one.certificate, one.key}, {two.certificate, two.key}};
  const auto context = made(settings, TlsRole::server);
  const auto subject_for = [&](const std::string& name) {
    auto client = client_settings();
    client.server_name = name;
    client.insecure = true;
    Pair pair(context, made(client, TlsRole::client));
    pair.shake_hands();
    const auto peers = pair.client.peer_certificates();
    return peers.empty() ? std::string() : peers[0].subject;
  };
  EXPECT_EQ(subject_for("one.example"), "CN=one");
  EXPECT_EQ(subject_for("a.two.example"), "CN=two");
  EXPECT_EQ(subject_for("elsewhere"), "CN=one");
  EXPECT_EQ(subject_for(""), "CN=one");
}

// The text is what Go's pkix.Name.String gives for such a certificate.
TEST_F(Tls, subject_is_printed_as_go_prints_it) {
  auto settings = server_settings();
  const auto files = certificates->issue("full", {{"C", "US"},
                                                  {"ST", "CA"},
                                                  {"L", "Los Angeles"},
                                                  {"O", "A, B"},
                                                  {"O", "C"},
                                                  {"OU", "#1"},
                                                  {"CN", "first"},
                                                  {"CN", "last"},
                                                  {"DC", "example"},
                                                  {"DC", "com"},
                                                  {"emailAddress", "a_b@c"}});
  settings.cert_file = files.certificate;
  settings.key_file = files.key;
  auto client = client_settings();
  client.insecure = true;
  Pair pair(made(settings, TlsRole::server), made(client, TlsRole::client));
  pair.shake_hands();
  EXPECT_EQ(pair.client.peer_certificates().at(0).subject,
            "CN=last,OU=\\#1,O=A\\, B+O=C,L=Los Angeles,ST=CA,C=US,"
            "1.2.840.113549.1.9.1=#0c05615f624063,0.9.2342.19200300.100.1.25=#1303636f6d,"
            "0.9.2342.19200300.100.1.25=#13076578616d706c65");
}

TEST_F(Tls, idle_session_holds_no_output) {
  Pair pair(made(server_settings(), TlsRole::server), made(client_settings(), TlsRole::client));
  pair.shake_hands();
  EXPECT_TRUE(pair.server.pending_output().empty());
  ASSERT_EQ(pair.server.write(std::string(100000, 'x')), Status::ready);
  const auto size = pair.server.pending_output().size();
  pair.server.sent(size - 1);
  EXPECT_EQ(pair.server.pending_output().size(), 1u);
  pair.server.sent(1);
  EXPECT_TRUE(pair.server.pending_output().empty());
}

}  // namespace
}  // namespace dunlin::net
