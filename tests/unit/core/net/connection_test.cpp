#include "core/net/connection.hpp"

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "tests/unit/core/net/shards.hpp"

namespace dunlin::net {
namespace {

using testing::Shards;

// The other end of a connection: plain blocking calls that give up after a while.
class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {
    const timeval limit{20, 0};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  ~Peer() { ::close(socket_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Up to `size` bytes; less only at the end of the stream.
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t n = ::recv(socket_, bytes.data() + got, size - got, 0);
      if (n <= 0) {
        EXPECT_EQ(n, 0) << "nothing came";
        break;
      }
      got += static_cast<std::size_t>(n);
    }
    bytes.resize(got);
    return bytes;
  }
  void end_writing() { ::shutdown(socket_, SHUT_WR); }

 private:
  int socket_;
};

std::string frame(std::string_view payload) {
  char size[16];
  std::snprintf(size, sizeof size, "%08zu", payload.size());
  return size + std::string(payload);
}

// Frames are eight digits and as many bytes. Each is answered by itself.
class EchoConnection final : public Connection {
 public:
  using Connection::Connection;
  ~EchoConnection() override { destroyed.set_value(); }

  std::shared_ptr<std::promise<ClosedReason>> closed =
      std::make_shared<std::promise<ClosedReason>>();
  std::promise<void> destroyed;
  int drained = 0;
  std::size_t frames = 0;

  int unread() {
    int bytes = 0;
    ::ioctl(socket(), FIONREAD, &bytes);
    return bytes;
  }

 private:
  void on_open() override {}
  void on_ready() override {}
  std::size_t consume(char* data, std::size_t size) override {
    std::memset(data + size, 0x5a, Shard::read_slack);  // the slack is there, for a sanitizer
    wanted_ = 0;
    std::size_t at = 0;
    while (size - at >= 8) {
      std::size_t payload = 0;
      std::from_chars(data + at, data + at + 8, payload);
      if (size - at < 8 + payload) {
        wanted_ = 8 + payload;
        break;
      }
      const std::string_view text(data + at, 8 + payload);
      at += 8 + payload;
      ++frames;
      if (text.substr(8) == "pause") {
        pause(never - 1);
        break;
      }
      if (text.substr(8) == "rest") {
        pause(shard().now() + 20 * milliseconds);
        break;
      }
      send(text);
    }
    return at;
  }
  [[nodiscard]] std::size_t wanted() const noexcept override { return wanted_; }
  void on_closed() override { closed->set_value(closed_reason()); }
  void on_timer(Nanoseconds) override {}
  void on_drained() override { ++drained; }

  std::size_t wanted_ = 0;
};

class ConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    shards_.start();
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    peer_ = std::make_unique<Peer>(ends[1]);
    auto connection = std::make_unique<EchoConnection>(shards_[0], ends[0], 1, PeerAddress{});
    connection_ = connection.get();
    closed_ = connection->closed->get_future();
    destroyed_ = connection->destroyed.get_future();
    shards_[0].expect_connection();
    shards_.on(0, [&] { shards_[0].adopt(std::move(connection)); });
  }
  void on_shard(std::function<void()> task) { shards_.on(0, std::move(task)); }

  Shards shards_{1, 4096};
  std::unique_ptr<Peer> peer_;
  EchoConnection* connection_ = nullptr;
  std::future<ClosedReason> closed_;
  std::future<void> destroyed_;
};

// More than any socket takes at once.
constexpr std::size_t much = 8 * 1024 * 1024;

TEST_F(ConnectionTest, frames_cut_anywhere_arrive_whole) {
  const std::string bytes = frame("hello") + frame("") + frame("world!");
  for (const char byte : bytes) peer_->write({&byte, 1});
  EXPECT_EQ(peer_->read(bytes.size()), bytes);
}

TEST_F(ConnectionTest, a_frame_larger_than_the_read_buffer_arrives_whole_among_small_ones) {
  std::string large(100'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 + i / 256);
  const std::string bytes = frame("before") + frame(large) + frame("after") + frame(large);
  std::thread writer([&] { peer_->write(bytes); });
  EXPECT_TRUE(peer_->read(bytes.size()) == bytes);
  writer.join();
}

TEST_F(ConnectionTest, frames_of_sizes_around_the_read_buffer_arrive_whole) {
  for (std::size_t size = 4080; size <= 4100; ++size) {
    const std::string bytes = frame(std::string(size, 'x')) + frame("next");
    peer_->write(bytes);
    ASSERT_TRUE(peer_->read(bytes.size()) == bytes) << size;
  }
}

TEST_F(ConnectionTest, a_paused_connection_reads_nothing_until_it_is_resumed) {
  peer_->write(frame("first") + frame("pause"));
  EXPECT_EQ(peer_->read(13), frame("first"));
  peer_->write(frame("later"));
  for (int turn = 0; turn < 50; ++turn) on_shard([] {});
  on_shard([&] {
    EXPECT_TRUE(connection_->is_paused());
    EXPECT_EQ(connection_->unread(), 13);
    EXPECT_EQ(connection_->frames, 2u);
    connection_->resume();
  });
  EXPECT_EQ(peer_->read(13), frame("later"));
}

TEST_F(ConnectionTest, a_pause_ends_by_itself_when_its_time_is_over) {
  peer_->write(frame("rest"));
  peer_->write(frame("later"));
  EXPECT_EQ(peer_->read(13), frame("later"));
}

TEST_F(ConnectionTest, frames_that_came_together_with_a_pause_are_read_after_it) {
  peer_->write(frame("first") + frame("rest") + frame("rest") + frame("later"));
  EXPECT_EQ(peer_->read(26), frame("first") + frame("later"));
}

TEST_F(ConnectionTest, a_peer_that_ends_closes_it) {
  peer_->write(frame("last"));
  peer_->end_writing();
  EXPECT_EQ(peer_->read(100), frame("last"));
  EXPECT_EQ(closed_.get(), ClosedReason::client_closed);
  destroyed_.get();
  EXPECT_EQ(shards_[0].load(), 0u);
}

TEST_F(ConnectionTest, close_sends_what_is_queued_before_the_socket_ends) {
  const std::string bytes(64 * 1024, 'q');
  on_shard([&] {
    connection_->send(bytes);
    connection_->close(ClosedReason::server_shutdown);
    connection_->send("too late");
  });
  EXPECT_EQ(peer_->read(bytes.size() + 100), bytes);
  EXPECT_EQ(closed_.get(), ClosedReason::server_shutdown);
}

TEST_F(ConnectionTest, a_slow_peer_gets_every_byte_in_order) {
  std::string bytes(much, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + i / 4096);
  on_shard([&] { connection_->send(bytes); });
  EXPECT_TRUE(peer_->read(bytes.size()) == bytes);
  on_shard([] {});
  on_shard([&] { EXPECT_EQ(connection_->pending(), 0u); });
}

TEST_F(ConnectionTest, gathered_bytes_follow_what_is_queued) {
  const std::string body(much, 'b');
  on_shard([&] {
    connection_->send("queued ");
    ASSERT_TRUE(connection_->may_gather());
    connection_->gather("head ", body);
    EXPECT_FALSE(connection_->may_gather());
    connection_->send(" tail");
  });
  EXPECT_TRUE(peer_->read(much + 17) == "queued head " + body + " tail");
}

// The peer does not read, so nothing but the deadline can free the socket.
TEST_F(ConnectionTest, a_write_that_makes_no_progress_until_the_deadline_closes_it) {
  on_shard([&] {
    connection_->set_limits({.write_deadline = 30 * milliseconds});
    connection_->send(std::string(much, 'x'));
  });
  EXPECT_EQ(closed_.get(), ClosedReason::slow_consumer_write_deadline);
  destroyed_.get();
}

TEST_F(ConnectionTest, more_pending_than_allowed_closes_it) {
  on_shard([&] {
    connection_->set_limits({.pending_max = much / 2});
    connection_->send(std::string(much, 'x'));
    EXPECT_TRUE(connection_->is_closed());
  });
  EXPECT_EQ(closed_.get(), ClosedReason::slow_consumer_pending_bytes);
  destroyed_.get();
}

TEST_F(ConnectionTest, closing_does_not_wait_forever_for_a_peer_that_does_not_read) {
  on_shard([&] {
    connection_->send(std::string(much, 'x'));
    connection_->close(ClosedReason::client_closed);
  });
  destroyed_.get();
}

TEST_F(ConnectionTest, the_end_of_the_shard_closes_what_is_open) {
  shards_.stop();
  EXPECT_EQ(closed_.get(), ClosedReason::server_shutdown);
  EXPECT_EQ(peer_->read(1), "");
}

}  // namespace
}  // namespace dunlin::net
