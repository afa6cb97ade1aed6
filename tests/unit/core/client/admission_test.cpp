// A client whose user is decided on later, or for a time: what it may send meanwhile, and how it
// ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <string>

#include "core/client/client.hpp"
#include "tests/unit/core/net/shards.hpp"

namespace dunlin::client {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

std::int64_t from_now(std::chrono::nanoseconds time) {
  return (std::chrono::system_clock::now().time_since_epoch() + time) /
         std::chrono::nanoseconds(1);
}

// Answers as a test says; counts what it was asked.
class FakeHost final : public ClientHost {
 public:
  explicit FakeHost(routing::Account& account) : account_(account) {
    settings_.auth_required = true;
  }
  [[nodiscard]] const ClientSettings& settings() const noexcept override { return settings_; }
  Admission admit(const Client&, const protocol::ConnectOptions&, bool) override {
    ++asked;
    return answer;
  }
  [[nodiscard]] bool count_client() override { return true; }
  void adjust_first_info(const Client&, protocol::InfoOverrides&) override {}
  void client_closed(Client& client) override { closed.set_value(client.closed_reason()); }

  [[nodiscard]] Admission accepted() const {
    Admission admission;
    admission.accepted = true;
    admission.account = &account_;
    return admission;
  }
  static Admission pending() {
    Admission admission;
    admission.pending = true;
    return admission;
  }

  ClientSettings settings_;
  Admission answer;
  int asked = 0;
  std::promise<ClosedReason> closed;

 private:
  routing::Account& account_;
};

class ClientAdmission : public ::testing::Test {
 protected:
  ~ClientAdmission() override {
    shards.stop();
    ::close(peer);
  }
  void open() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    peer = ends[1];
    const timeval limit{20, 0};
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    auto made = std::make_unique<Client>(shards[0], ends[0], 1, net::PeerAddress{}, host, router);
    client = made.get();
    shards.start();
    shards[0].expect_connection();
    shards.on(0, [&] { shards[0].adopt(std::move(made)); });
  }
  void send(std::string_view bytes) {
    ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Up to and with `end`, or to the end of the stream.
  std::string read_until(std::string_view end) {
    std::string got;
    char byte = 0;
    while (!got.ends_with(end) && ::recv(peer, &byte, 1, 0) == 1) got += byte;
    return got;
  }
  void wait_until_asked() {
    while (shards.on(0, [&] { return host.asked; }) == 0) std::this_thread::yield();
  }
  void decide(Admission admission) {
    shards.on(0, [&] { client->decided(client->question(), std::move(admission)); });
  }

  net::testing::Shards shards{1, 256 * 1024};
  Quiescence quiescence;
  routing::DeliverySettings delivery;
  routing::ShardRouter router{shards[0], delivery, 0};
  routing::Account account{"A", 1, quiescence};
  FakeHost host{account};
  Client* client = nullptr;
  int peer = -1;
};

constexpr std::string_view connect = "CONNECT {\"verbose\":true}\r\n";

TEST_F(ClientAdmission, input_behind_a_connect_waits_for_the_decision) {
  host.answer = FakeHost::pending();
  open();
  EXPECT_THAT(read_until("\r\n"), StartsWith("INFO "));
  send(std::string(connect) + "SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n");
  wait_until_asked();
  send("PUB a 2\r\nho\r\nPING\r\n");
  char byte = 0;
  EXPECT_EQ(::recv(peer, &byte, 1, MSG_DONTWAIT), -1);
  decide(host.accepted());
  EXPECT_EQ(read_until("PONG\r\n"), "+OK\r\n+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\nPONG\r\n");
  EXPECT_EQ(read_until("PONG\r\n"), "+OK\r\nMSG a 1 2\r\nho\r\nPONG\r\n");
}

TEST_F(ClientAdmission, a_refusal_that_comes_later_closes) {
  host.answer = FakeHost::pending();
  open();
  send(std::string(connect) + "PING\r\n");
  wait_until_asked();
  decide({});
  EXPECT_THAT(read_until("never"), EndsWith("\r\n-ERR 'Authorization Violation'\r\n"));
  EXPECT_EQ(host.closed.get_future().get(), ClosedReason::authentication_failure);
}

TEST_F(ClientAdmission, a_decision_that_never_comes_is_an_authentication_timeout) {
  host.answer = FakeHost::pending();
  host.settings_.auth_timeout = 20 * net::milliseconds;
  open();
  send(connect);
  EXPECT_THAT(read_until("never"), EndsWith("\r\n-ERR 'Authentication Timeout'\r\n"));
  EXPECT_EQ(host.closed.get_future().get(), ClosedReason::authentication_timeout);
}

TEST_F(ClientAdmission, a_late_answer_to_an_older_question_comes_to_nothing) {
  host.answer = FakeHost::pending();
  open();
  read_until("\r\n");
  send(std::string(connect) + "PING\r\n");
  wait_until_asked();
  shards.on(0, [&] { client->decided(client->question() - 1, {}); });
  decide(host.accepted());
  EXPECT_EQ(read_until("PONG\r\n"), "+OK\r\nPONG\r\n");
}

TEST_F(ClientAdmission, a_reload_asks_again_and_leaves_the_client_alone_until_the_answer) {
  host.answer = host.accepted();
  open();
  read_until("\r\n");
  send(std::string(connect) + "PING\r\n");
  EXPECT_EQ(read_until("PONG\r\n"), "+OK\r\nPONG\r\n");
  host.answer = FakeHost::pending();
  shards.on(0, [&] { client->reauthorize(); });
  send("PING\r\n");
  EXPECT_EQ(read_until("PONG\r\n"), "PONG\r\n");
  decide({});
  EXPECT_EQ(read_until("never"), "-ERR 'Authorization Violation'\r\n");
}

// Go: TestJWTUserExpiresAfterConnect
TEST_F(ClientAdmission, credentials_that_expire_end_the_connection) {
  host.answer = host.accepted();
  host.answer.expires_at = from_now(std::chrono::milliseconds(50));
  open();
  send(connect);
  EXPECT_THAT(read_until("never"), EndsWith("-ERR 'User Authentication Expired'\r\n"));
  EXPECT_EQ(host.closed.get_future().get(), ClosedReason::authentication_expired);
}

// Go: TestJWTUserExpired
TEST_F(ClientAdmission, credentials_that_have_expired_end_it_at_once) {
  host.answer = host.accepted();
  host.answer.expires_at = from_now(-std::chrono::hours(1));
  open();
  send(connect);
  EXPECT_THAT(read_until("never"), EndsWith("-ERR 'User Authentication Expired'\r\n"));
}

TEST_F(ClientAdmission, an_unknown_client_cannot_make_the_server_read_much) {
  host.answer = FakeHost::pending();
  open();
  const std::string flood = std::string(connect) + "PUB a 1000000\r\n" + std::string(1 << 20, 'x');
  const ssize_t sent = ::send(peer, flood.data(), flood.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ASSERT_GT(sent, 128 * 1024);
  wait_until_asked();
  int unread = 0;
  shards.on(0, [&] { ::ioctl(client->socket(), FIONREAD, &unread); });
  EXPECT_GE(unread, static_cast<int>(sent) - 64 * 1024);
}

}  // namespace
}  // namespace dunlin::client
