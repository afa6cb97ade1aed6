// The counter must be exact whatever the cuts between reads and whatever stands between messages.
//
// Method: feed one stream in every chunk size and compare the counts, in both ways of counting.

#include "bench/load/frame_counter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace dunlin::bench {
namespace {

std::string payload(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = payload_byte(i);
  return text;
}

std::string message(std::size_t size) {
  return "MSG bench.0001 1000000 " + std::to_string(size) + "\r\n" + payload(size) + "\r\n";
}

bool feed_in_chunks(FrameCounter& counter, std::string_view stream, std::size_t chunk) {
  while (!stream.empty()) {
    const std::size_t size = std::min(chunk, stream.size());
    if (!counter.feed(stream.substr(0, size))) return false;
    stream.remove_prefix(size);
  }
  return true;
}

FrameCounter fast_counter(std::size_t size) {
  FrameCounter counter{size, 0};
  counter.set_checking(false);
  return counter;
}

TEST(FrameCounter, counts_exactly_for_every_chunk_size) {
  std::string stream;
  for (int i = 0; i < 50; ++i) stream += message(16);
  for (std::size_t chunk = 1; chunk <= stream.size(); ++chunk) {
    FrameCounter checked{16, 0};
    FrameCounter fast = fast_counter(16);
    ASSERT_TRUE(feed_in_chunks(checked, stream, chunk)) << checked.error();
    ASSERT_TRUE(feed_in_chunks(fast, stream, chunk)) << fast.error();
    ASSERT_EQ(checked.messages(), 50u) << chunk;
    ASSERT_EQ(fast.messages(), 50u) << chunk;
  }
}

TEST(FrameCounter, control_lines_between_messages_do_not_disturb_the_count) {
  std::string stream = message(16) + message(16);
  for (int i = 0; i < 20; ++i) {
    stream += (i % 3 == 0 ? "PING\r\n" : "PONG\r\n") + message(16) + message(16);
  }
  for (std::size_t chunk = 1; chunk <= stream.size(); ++chunk) {
    FrameCounter counter = fast_counter(16);
    ASSERT_TRUE(feed_in_chunks(counter, stream, chunk)) << chunk << ": " << counter.error();
    ASSERT_EQ(counter.messages(), 42u) << chunk;
    ASSERT_EQ(counter.take_pings(), 7u) << chunk;
    ASSERT_EQ(counter.pongs(), 13u) << chunk;
  }
}

TEST(FrameCounter, checking_may_be_switched_inside_a_frame) {
  const std::string frame = message(64);
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    FrameCounter counter = fast_counter(64);
    ASSERT_TRUE(counter.feed(frame + frame.substr(0, cut)));
    counter.set_checking(true);
    ASSERT_TRUE(counter.feed(frame.substr(cut) + frame)) << cut << ": " << counter.error();
    ASSERT_EQ(counter.messages(), 3u) << cut;
  }
}

TEST(FrameCounter, a_damaged_payload_is_refused_when_checking) {
  std::string frame = message(64);
  frame[frame.size() - 10] ^= 1;
  FrameCounter counter{64, 0};
  EXPECT_FALSE(counter.feed(frame));
  EXPECT_EQ(counter.error(), "payload differs from what was published");
}

TEST(FrameCounter, a_frame_of_another_size_is_refused_when_not_checking) {
  const std::string stream = message(63) + message(64);
  for (std::size_t chunk = 1; chunk <= stream.size(); ++chunk) {
    FrameCounter counter = fast_counter(64);
    ASSERT_TRUE(counter.feed(message(64) + message(64)));
    EXPECT_FALSE(feed_in_chunks(counter, stream, chunk)) << chunk;
  }
}

TEST(FrameCounter, headers_are_counted_and_skipped) {
  const std::string headers = "NATS/1.0\r\nKey: value\r\n\r\n";
  const std::string frame = "HMSG bench.0001 1 " + std::to_string(headers.size()) + ' ' +
                            std::to_string(headers.size() + 30) + "\r\n" + headers + payload(30) +
                            "\r\n";
  for (std::size_t chunk = 1; chunk <= frame.size(); ++chunk) {
    FrameCounter counter{30, headers.size()};
    ASSERT_TRUE(feed_in_chunks(counter, frame + frame, chunk)) << counter.error();
    ASSERT_EQ(counter.messages(), 2u);
  }
}

TEST(FrameCounter, an_error_from_the_server_is_kept) {
  FrameCounter counter{16, 0};
  EXPECT_FALSE(counter.feed("-ERR 'Slow Consumer'\r\n"));
  EXPECT_EQ(counter.error(), "-ERR 'Slow Consumer'");
}

TEST(FrameCounter, what_is_not_the_protocol_is_refused) {
  for (const char* text : {"HELLO\r\n", "PING\n", "MSG a 1\r\n", "MSG a 1 x\r\n", "MSG  a 1 2\r\n",
                           "MSG a 1 b 2 3\r\n", "HMSG a 1 9 2\r\n", "MSG a 1 -1\r\n"}) {
    FrameCounter counter{16, 0};
    EXPECT_FALSE(counter.feed(text)) << text;
  }
}

TEST(FrameCounter, a_line_without_an_end_is_refused_in_time) {
  FrameCounter counter{16, 0};
  EXPECT_FALSE(counter.feed(std::string(FrameParser::line_bytes_limit + 1, 'x')));
}

TEST(FrameParser, reads_every_form_of_a_message_line) {
  MessageLine line;
  ASSERT_TRUE(parse_message_line("MSG a.b 7 reply.to 12", line));
  EXPECT_EQ(line.subject, "a.b");
  EXPECT_EQ(line.sid, "7");
  EXPECT_EQ(line.reply, "reply.to");
  EXPECT_EQ(line.total_size, 12u);
  ASSERT_TRUE(parse_message_line("HMSG a 1 20 32", line));
  EXPECT_EQ(line.reply, "");
  EXPECT_EQ(line.header_size, 20u);
  EXPECT_EQ(line.total_size, 32u);
}

}  // namespace
}  // namespace dunlin::bench
