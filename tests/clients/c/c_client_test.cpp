// The C client library (libnats) against the real server: what an application does with it.
#include <nats/nats.h>

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>

#include "tests/server/harness/certificates.hpp"
#include "tests/server/harness/server_process.hpp"

namespace dunlin::testing {
namespace {

constexpr std::int64_t limit_ms = 10'000;

struct Destroy {
  void operator()(natsConnection* connection) const { natsConnection_Destroy(connection); }
  void operator()(natsSubscription* subscription) const {
    natsSubscription_Destroy(subscription);
  }
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
};
using Connection = std::unique_ptr<natsConnection, Destroy>;
using Subscription = std::unique_ptr<natsSubscription, Destroy>;
using Message = std::unique_ptr<natsMsg, Destroy>;
using Options = std::unique_ptr<natsOptions, Destroy>;

std::string url(std::uint16_t port, const std::string& user_info = {}) {
  return "nats://" + user_info + "127.0.0.1:" + std::to_string(port);
}

Options options_for(const std::string& target) {
  natsOptions* raw = nullptr;
  natsOptions_Create(&raw);
  natsOptions_SetURL(raw, target.c_str());
  return Options(raw);
}

natsStatus try_connect(const Options& options, Connection& connection) {
  natsConnection* raw = nullptr;
  const natsStatus status = natsConnection_Connect(&raw, options.get());
  connection.reset(raw);
  return status;
}

Connection connect(const std::string& target) {
  Connection connection;
  EXPECT_EQ(try_connect(options_for(target), connection), NATS_OK) << nats_GetLastError(nullptr);
  return connection;
}

Subscription subscribe(const Connection& connection, const char* subject,
                       const char* queue = nullptr) {
  natsSubscription* raw = nullptr;
  const natsStatus status =
      queue == nullptr
          ? natsConnection_SubscribeSync(&raw, connection.get(), subject)
          : natsConnection_QueueSubscribeSync(&raw, connection.get(), subject, queue);
  EXPECT_EQ(status, NATS_OK);
  EXPECT_EQ(natsConnection_Flush(connection.get()), NATS_OK);
  return Subscription(raw);
}

Message next(const Subscription& subscription, std::int64_t wait_ms = limit_ms) {
  natsMsg* raw = nullptr;
  natsSubscription_NextMsg(&raw, subscription.get(), wait_ms);
  return Message(raw);
}

std::string text(const Message& message) {
  return message == nullptr
             ? "(no message)"
             : std::string(natsMsg_GetData(message.get()),
                           static_cast<std::size_t>(natsMsg_GetDataLength(message.get())));
}

void publish(const Connection& connection, const char* subject, const std::string& payload) {
  EXPECT_EQ(natsConnection_Publish(connection.get(), subject, payload.data(),
                                   static_cast<int>(payload.size())),
            NATS_OK);
}

void answer(natsConnection* connection, natsSubscription*, natsMsg* message, void*) {
  const std::string reply = std::string("re: ") + natsMsg_GetData(message);
  natsConnection_PublishString(connection, natsMsg_GetReply(message), reply.c_str());
  natsMsg_Destroy(message);
}

class CClient : public ::testing::Test {
 protected:
  ServerProcess server;
  Connection connection = connect(url(server.port()));
};

TEST_F(CClient, publishes_and_subscribes_in_order) {
  const Subscription subscription = subscribe(connection, "a.*");
  const Connection other = connect(url(server.port()));
  for (int i = 0; i < 1000; ++i) {
    publish(other, "a.b", std::to_string(i));
  }
  natsConnection_Flush(other.get());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(text(next(subscription)), std::to_string(i));
  }
}

TEST_F(CClient, request_is_answered) {
  natsSubscription* raw = nullptr;
  ASSERT_EQ(natsConnection_Subscribe(&raw, connection.get(), "svc", answer, nullptr), NATS_OK);
  const Subscription responder(raw);
  natsConnection_Flush(connection.get());
  const Connection other = connect(url(server.port()));
  for (int i = 0; i < 50; ++i) {
    natsMsg* reply = nullptr;
    ASSERT_EQ(natsConnection_RequestString(&reply, other.get(), "svc", "hello", limit_ms), NATS_OK);
    EXPECT_EQ(text(Message(reply)), "re: hello");
  }
}

TEST_F(CClient, request_without_responder_fails_at_once) {
  natsMsg* reply = nullptr;
  EXPECT_EQ(natsConnection_RequestString(&reply, connection.get(), "nobody", "x", limit_ms),
            NATS_NO_RESPONDERS);
}

TEST_F(CClient, queue_group_shares_the_messages) {
  const Connection other = connect(url(server.port()));
  const Subscription first = subscribe(connection, "work", "q");
  const Subscription second = subscribe(other, "work", "q");
  for (int i = 0; i < 400; ++i) {
    publish(connection, "work", "job");
  }
  natsConnection_Flush(connection.get());
  std::uint64_t first_count = 0;
  std::uint64_t second_count = 0;
  EXPECT_TRUE(eventually([&] {
    int first_pending = 0;
    int second_pending = 0;
    natsSubscription_GetPending(first.get(), &first_pending, nullptr);
    natsSubscription_GetPending(second.get(), &second_pending, nullptr);
    first_count = static_cast<std::uint64_t>(first_pending);
    second_count = static_cast<std::uint64_t>(second_pending);
    return first_count + second_count == 400;
  })) << first_count << " and " << second_count;
  EXPECT_GT(first_count, 100U);
  EXPECT_GT(second_count, 100U);
}

TEST_F(CClient, auto_unsubscribe_delivers_exactly_so_many) {
  const Subscription subscription = subscribe(connection, "a");
  ASSERT_EQ(natsSubscription_AutoUnsubscribe(subscription.get(), 3), NATS_OK);
  for (int i = 0; i < 5; ++i) {
    publish(connection, "a", std::to_string(i));
  }
  natsConnection_Flush(connection.get());
  EXPECT_EQ(text(next(subscription)), "0");
  EXPECT_EQ(text(next(subscription)), "1");
  EXPECT_EQ(text(next(subscription)), "2");
  EXPECT_EQ(next(subscription, 50), nullptr);
}

TEST_F(CClient, headers_arrive) {
  const Subscription subscription = subscribe(connection, "a");
  natsMsg* raw = nullptr;
  ASSERT_EQ(natsMsg_Create(&raw, "a", nullptr, "body", 4), NATS_OK);
  const Message sent(raw);
  natsMsgHeader_Set(raw, "Key", "one");
  natsMsgHeader_Add(raw, "Key", "two");
  ASSERT_EQ(natsConnection_PublishMsg(connection.get(), raw), NATS_OK);
  const Message received = next(subscription);
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(text(received), "body");
  const char** values = nullptr;
  int count = 0;
  ASSERT_EQ(natsMsgHeader_Values(received.get(), "Key", &values, &count), NATS_OK);
  ASSERT_EQ(count, 2);
  EXPECT_STREQ(values[0], "one");
  EXPECT_STREQ(values[1], "two");
  ::free(values);
}

TEST_F(CClient, largest_payload_arrives_whole) {
  const std::size_t size = static_cast<std::size_t>(natsConnection_GetMaxPayload(connection.get()));
  ASSERT_EQ(size, 1048576U);
  const Subscription subscription = subscribe(connection, "big");
  std::string payload(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    payload[i] = static_cast<char>(i * 31 + i / 251);
  }
  for (int i = 0; i < 8; ++i) {
    publish(connection, "big", payload);
  }
  natsConnection_Flush(connection.get());
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(text(next(subscription)) == payload) << "message " << i << " is damaged";
  }
}

TEST_F(CClient, drain_delivers_what_is_pending_then_closes) {
  std::atomic<int> received{0};
  natsSubscription* raw = nullptr;
  ASSERT_EQ(natsConnection_Subscribe(
                &raw, connection.get(), "a",
                [](natsConnection*, natsSubscription*, natsMsg* message, void* count) {
                  ++*static_cast<std::atomic<int>*>(count);
                  natsMsg_Destroy(message);
                },
                &received),
            NATS_OK);
  const Subscription subscription(raw);
  for (int i = 0; i < 100; ++i) {
    publish(connection, "a", "x");
  }
  ASSERT_EQ(natsConnection_DrainTimeout(connection.get(), limit_ms), NATS_OK);
  EXPECT_TRUE(eventually([&] { return natsConnection_IsClosed(connection.get()); }));
  EXPECT_EQ(received, 100);
}

TEST_F(CClient, round_trip_time_is_measured) {
  std::int64_t nanoseconds = 0;
  EXPECT_EQ(natsConnection_GetRTT(connection.get(), &nanoseconds), NATS_OK);
  EXPECT_GT(nanoseconds, 0);
}

TEST(CClientReconnect, subscriptions_work_again_after_a_server_restart) {
  auto first = std::make_unique<ServerProcess>();
  const std::uint16_t port = first->port();
  const Options options = options_for(url(port));
  natsOptions_SetReconnectWait(options.get(), 20);
  natsOptions_SetMaxReconnect(options.get(), -1);
  Connection connection;
  ASSERT_EQ(try_connect(options, connection), NATS_OK);
  const Subscription subscription = subscribe(connection, "a");
  first->stop();
  first.reset();
  ServerOptions same_port;
  same_port.listen_by_flags = false;
  same_port.args = {"-a", "127.0.0.1", "-p", std::to_string(port)};
  const ServerProcess second(same_port);
  ASSERT_TRUE(eventually(
      [&] { return natsConnection_Status(connection.get()) == NATS_CONN_STATUS_CONNECTED; }));
  natsConnection_Flush(connection.get());
  const Connection publisher = connect(url(port));
  publish(publisher, "a", "again");
  natsConnection_Flush(publisher.get());
  EXPECT_EQ(text(next(subscription)), "again");
}

TEST(CClientAuth, user_password_and_token_are_checked) {
  const ServerProcess by_user(
      ServerProcess::with_config("authorization { user: u, password: secret }\n"));
  connect(url(by_user.port(), "u:secret@"));
  Connection refused;
  EXPECT_EQ(try_connect(options_for(url(by_user.port(), "u:wrong@")), refused),
            NATS_CONNECTION_AUTH_FAILED);
  const ServerProcess by_token(ServerProcess::with_config("authorization { token: T0ken }\n"));
  connect(url(by_token.port(), "T0ken@"));
  EXPECT_EQ(try_connect(options_for(url(by_token.port())), refused), NATS_CONNECTION_AUTH_FAILED);
}

TEST(CClientAuth, permission_violation_is_reported_to_the_application) {
  const ServerProcess server(ServerProcess::with_config(
      "authorization { users [ { user: u, password: p, permissions { publish: ok } } ] }\n"));
  static std::atomic<bool> reported;
  reported = false;
  const Options options = options_for(url(server.port(), "u:p@"));
  natsOptions_SetErrorHandler(
      options.get(),
      [](natsConnection*, natsSubscription*, natsStatus status, void*) {
        reported = status == NATS_NOT_PERMITTED;
      },
      nullptr);
  Connection connection;
  ASSERT_EQ(try_connect(options, connection), NATS_OK);
  publish(connection, "forbidden", "x");
  natsConnection_Flush(connection.get());
  EXPECT_TRUE(eventually([] { return reported.load(); }));
  EXPECT_FALSE(natsConnection_IsClosed(connection.get()));
}

class CClientTls : public ::testing::TestWithParam<const char*> {};

TEST_P(CClientTls, messages_flow_encrypted) {
  const auto dir = std::make_shared<TempDir>();
  const Certificates files = make_certificates(dir->path().string());
  ServerOptions server_options;
  server_options.dir = dir;
  server_options.config = "tls { cert_file: \"" + files.server_cert + "\", key_file: \"" +
                          files.server_key + "\", ca_file: \"" + files.ca + "\", verify: true" +
                          GetParam() + " }\n";
  const ServerProcess server(server_options);
  const Options options = options_for("tls://localhost:" + std::to_string(server.port()));
  natsOptions_SetSecure(options.get(), true);
  natsOptions_LoadCATrustedCertificates(options.get(), files.ca.c_str());
  natsOptions_LoadCertificatesChain(options.get(), files.client_cert.c_str(),
                                    files.client_key.c_str());
  Connection connection;
  ASSERT_EQ(try_connect(options, connection), NATS_OK) << nats_GetLastError(nullptr);
  const Subscription subscription = subscribe(connection, "a");
  publish(connection, "a", std::string(100'000, 'x'));
  EXPECT_EQ(text(next(subscription)), std::string(100'000, 'x'));
}

INSTANTIATE_TEST_SUITE_P(Modes, CClientTls, ::testing::Values("", ", handshake_first: auto"),
                         [](const auto& param) {
                           return param.index == 0 ? "after_info" : "after_waiting_for_the_client";
                         });

}  // namespace
}  // namespace dunlin::testing
