#include "core/protocol/client_parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/unit/core/protocol/recording_sink.hpp"

namespace dunlin::protocol {
namespace {

using testing::Feeder;
using testing::RecordingSink;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Operations = std::vector<std::string>;

Operations parse(std::string_view bytes, RecordingSink sink = {}) {
  Feeder(sink).feed(bytes);
  return sink.operations;
}

// ---- each operation ----------------------------------------------------------------------------

// TestParsePub, TestParsePubArg
TEST(ClientParser, reads_pub_with_and_without_reply) {
  EXPECT_THAT(parse("PUB foo 5\r\nhello\r\n"), ElementsAre("PUB|foo|||5|0|hello"));
  EXPECT_THAT(parse("PUB foo.bar INBOX.22 11\r\nhello world\r\n"),
              ElementsAre("PUB|foo.bar|INBOX.22||11|0|hello world"));
}

TEST(ClientParser, reads_an_empty_payload) {
  EXPECT_THAT(parse("PUB foo 0\r\n\r\n"), ElementsAre("PUB|foo|||0|0|"));
  EXPECT_THAT(parse("PUB foo r 0\r\n\r\n"), ElementsAre("PUB|foo|r||0|0|"));
}

TEST(ClientParser, reads_sizes_of_one_to_nine_digits) {
  for (const char* digits : {"1", "01", "001", "0001", "00001", "000001", "0000001", "00000001",
                             "000000001"})
    EXPECT_THAT(parse(std::string("PUB foo ") + digits + "\r\nx\r\n"),
                ElementsAre(std::string("PUB|foo||") + "|" + digits + "|0|x"))
        << digits;
  EXPECT_THAT(parse("PUB foo 0000000001\r\nx\r\n"), ElementsAre("bad_arguments"));
  for (const char* size : {"1x", "x", "/", ":", "1:", "-1", "12345678:", "\xb1"})
    EXPECT_THAT(parse(std::string("PUB foo ") + size + "\r\nx\r\n"), ElementsAre("bad_arguments"))
        << size;
}

TEST(ClientParser, reads_lines_of_every_length_around_a_block_of_64_bytes) {
  for (std::size_t size = 1; size < 200; ++size) {
    const std::string subject(size, 's'), reply(200 - size, 'r');
    EXPECT_THAT(parse("PUB " + subject + " " + reply + " 2\r\nok\r\n"),
                ElementsAre("PUB|" + subject + "|" + reply + "||2|0|ok"));
  }
}

TEST(ClientParser, marks_frames_that_repeat_the_subject_before_them) {
  RecordingSink sink;
  Feeder(sink).feed("PUB foo.bar 0\r\n\r\nPUB foo.bar 0\r\n\r\nPUB foo.baz 0\r\n\r\n"
                    "PUB foo.baz 0\r\n\r\nPING\r\nPUB foo.baz 0\r\n\r\n");
  EXPECT_THAT(sink.repeats, ElementsAre(false, true, false, true, false));
}

// TestParseHeaderPub, TestParseHeaderPubArg
TEST(ClientParser, reads_hpub_with_and_without_reply) {
  EXPECT_THAT(parse("HPUB foo 12 17\r\nname:derek\r\nHELLO\r\n"),
              ElementsAre("HPUB|foo||12|17|12|name:derek\r\nHELLO"));
  EXPECT_THAT(parse("HPUB foo INBOX.22 12 17\r\nname:derek\r\nHELLO\r\n"),
              ElementsAre("HPUB|foo|INBOX.22|12|17|12|name:derek\r\nHELLO"));
  EXPECT_THAT(parse("HPUB foo 12 12\r\nname:derek\r\n\r\n"),
              ElementsAre("HPUB|foo||12|12|12|name:derek\r\n"));
}

TEST(ClientParser, refuses_hpub_of_a_client_without_headers) {
  RecordingSink sink;
  sink.headers = false;
  EXPECT_THAT(parse("HPUB foo 12 17\r\nname:derek\r\nHELLO\r\n", sink),
              ElementsAre("bad_arguments"));
}

TEST(ClientParser, refuses_a_header_larger_than_the_whole) {
  EXPECT_THAT(parse("HPUB foo 18 17\r\nname:derek\r\nHELLO\r\n"), ElementsAre("bad_arguments"));
}

// TestParseSub
TEST(ClientParser, reads_sub_with_and_without_queue) {
  EXPECT_THAT(parse("SUB foo 1\r\nSUB foo.* workers 2\r\n"),
              ElementsAre("SUB|foo||1", "SUB|foo.*|workers|2"));
}

TEST(ClientParser, reads_unsub_with_and_without_maximum) {
  EXPECT_THAT(parse("UNSUB 1 5\r\nUNSUB 2\r\nUNSUB 3 x\r\n"),
              ElementsAre("UNSUB|1|5", "UNSUB|2|0", "UNSUB|3|0"));
}

// TestParseConnect
TEST(ClientParser, reads_connect_and_info_with_or_without_a_blank) {
  EXPECT_THAT(parse("CONNECT {\"verbose\":false,\"echo\":true}\r\nCONNECT{}\r\nINFO {}\r\n"),
              ElementsAre("CONNECT|{\"verbose\":false,\"echo\":true}", "CONNECT|{}", "INFO|{}"));
}

// TestParsePing, TestParsePong
TEST(ClientParser, reads_ping_and_pong_and_ignores_the_rest_of_their_line) {
  EXPECT_THAT(parse("PING\r\nPONG\r\nPING  \r\nPINGjunk\x01 more\r\nPONG\n"),
              ElementsAre("PING", "PONG", "PING", "PING", "PONG"));
}

// TestParseOK
TEST(ClientParser, ignores_ok_and_closes_on_an_error) {
  EXPECT_THAT(parse("+OK\r\n+okay\r\nPING\r\n"), ElementsAre("PING"));
  EXPECT_THAT(parse("-ERR 'Stale'\r\nPING\r\n"), ElementsAre("client_error"));
}

// ---- forms -------------------------------------------------------------------------------------

TEST(ClientParser, operation_names_are_read_in_any_case) {
  EXPECT_THAT(parse("pub a 1\r\nx\r\nhPuB a 2 2\r\n\r\n\r\nsUb a 1\r\nUnSub 1\r\nping\r\nPoNg\r\n"
                    "connect {}\r\ninfo {}\r\n-err x\r\n"),
              ElementsAre("PUB|a|||1|0|x", "HPUB|a||2|2|2|\r\n", "SUB|a||1", "UNSUB|1|0", "PING",
                          "PONG", "CONNECT|{}", "INFO|{}", "client_error"));
}

TEST(ClientParser, fields_are_separated_by_any_blanks) {
  EXPECT_THAT(parse("PUB\t \ta \t b\t1 \r\nx\r\nSUB  a\t\tq  1\t\r\nUNSUB \t1  2 \r\n"),
              ElementsAre("PUB|a|b||1|0|x", "SUB|a|q|1", "UNSUB|1|2"));
}

TEST(ClientParser, a_bare_newline_ends_a_line_but_not_a_payload) {
  EXPECT_THAT(parse("SUB a 1\nPUB a 1\nx\r\nPING\n"),
              ElementsAre("SUB|a||1", "PUB|a|||1|0|x", "PING"));
  EXPECT_THAT(parse("PUB a 1\r\nx\nPING\r\n"), ElementsAre("unknown_operation"));
}

TEST(ClientParser, leading_zeros_are_kept_as_they_were_written) {
  EXPECT_THAT(parse("PUB a 005\r\nhello\r\nHPUB a 0002 007\r\n\r\nhello\r\n"),
              ElementsAre("PUB|a|||005|0|hello", "HPUB|a||0002|007|2|\r\nhello"));
}

TEST(ClientParser, a_subject_may_hold_any_byte_that_is_no_blank) {
  EXPECT_THAT(parse("PUB a\x01\xff" "b 1\r\nx\r\n"), ElementsAre("PUB|a\x01\xff" "b|||1|0|x"));
}

// The first argument byte is taken before line ends are looked for.
TEST(ClientParser, the_first_argument_byte_may_be_a_newline) {
  EXPECT_THAT(parse("SUB \na 1\r\n"), ElementsAre("SUB|a||1"));
}

TEST(ClientParser, short_and_general_path_yield_the_same_fields) {
  const struct {
    std::string_view canonical, other;
  } pairs[] = {{"PUB a.b 3\r\nxyz\r\n", "pub a.b 3\r\nxyz\r\n"},
               {"PUB a.b 3\r\nxyz\r\n", "PUB\ta.b\t3\r\nxyz\r\n"},
               {"PUB a.b r.s 03\r\nxyz\r\n", "PUB  a.b r.s\t03\nxyz\r\n"},
               {"PUB a 0\r\n\r\n", "PUB a 0 \r\n\r\n"},
               {"HPUB a 2 5\r\n\r\nxyz\r\n", "hpub a 2 5\r\n\r\nxyz\r\n"},
               {"HPUB a r 2 5\r\n\r\nxyz\r\n", "HPUB a\tr  2 5\n\r\nxyz\r\n"}};
  for (const auto& [canonical, other] : pairs) {
    RecordingSink canonical_sink;
    RecordingSink other_sink;
    Feeder(canonical_sink).feed(canonical);
    Feeder(other_sink).feed(other);
    EXPECT_EQ(canonical_sink.short_frames, 1u) << canonical;
    EXPECT_EQ(other_sink.short_frames, 0u) << other;
    EXPECT_EQ(canonical_sink.operations, other_sink.operations) << other;
  }
}

TEST(ClientParser, many_frames_keep_their_order_among_other_operations) {
  std::string bytes;
  Operations expected;
  for (int i = 0; i < 100; ++i) {
    bytes += "PUB s" + std::to_string(i) + " 1\r\nx\r\n";
    expected.push_back("PUB|s" + std::to_string(i) + "|||1|0|x");
    if (i % 23 != 0) continue;
    bytes += "PING\r\n";
    expected.emplace_back("PING");
  }
  EXPECT_EQ(parse(bytes), expected);
}

// ---- violations --------------------------------------------------------------------------------

// TestShouldFail
TEST(ClientParser, an_unknown_operation_is_refused_at_its_first_wrong_byte) {
  for (const std::string_view bytes :
       {" PUB", "Px", "PIx", "PINx", " PING", "POx", "PONx", "PUx", "PUB\r", "HPUB\r", "Hx", "HPx",
        "UNSUB\r", "UNSUx", "SUx", "SUBx", "Cx", "COx", "CONNECx", "Ix", "INFx", "+x", "+Ox",
        "-x", "-ERRx", "\r", "\n", "MSG ", "RS+", "\x80", "1"}) {
    RecordingSink sink;
    Feeder feeder(sink);
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
      feeder.feed(bytes.substr(i, 1));
      if (bytes[0] == ' ' || bytes == "MSG " || bytes == "RS+") break;
      EXPECT_THAT(sink.operations, IsEmpty()) << bytes << " at " << i;
    }
    feeder.feed(bytes.substr(bytes.size() - 1));
    EXPECT_THAT(sink.operations, ElementsAre("unknown_operation")) << bytes;
  }
}

TEST(ClientParser, what_came_before_a_violation_counts_and_nothing_after_it_does) {
  EXPECT_THAT(parse("PUB a 1\r\nx\r\nPING\r\nBOOM\r\nPING\r\n"),
              ElementsAre("PUB|a|||1|0|x", "PING", "unknown_operation"));
}

TEST(ClientParser, wrong_numbers_of_fields_are_refused) {
  for (const std::string_view bytes :
       {"PUB 1\r\n", "PUB a b c 1\r\n", "HPUB a 1\r\n", "HPUB a b c 1 1\r\n", "SUB a\r\n",
        "SUB a b c d\r\n", "UNSUB 1 2 3\r\n", "PUB \r\n", "SUB \r\n", "UNSUB \r\n"})
    EXPECT_THAT(parse(bytes), ElementsAre("bad_arguments")) << bytes;
}

// TestParsePubBadSize, TestParsePubSizeOverflow
TEST(ClientParser, sizes_are_up_to_nine_digits) {
  for (const std::string_view size : {"0000000005", "1234567890", "-1", "5x", "+5", "0x5"})
    EXPECT_THAT(parse("PUB a " + std::string(size) + "\r\nhello\r\n"),
                ElementsAre("bad_arguments"))
        << size;
  EXPECT_THAT(parse("PUB a 000000005\r\nhello\r\n"), ElementsAre("PUB|a|||000000005|0|hello"));
  EXPECT_THAT(parse("PUB a 999999999\r\n"), ElementsAre("payload"));
}

// TestMaxPayload
TEST(ClientParser, a_payload_may_be_as_large_as_the_limit_and_no_larger) {
  RecordingSink sink;
  sink.payload_max = 5;
  EXPECT_THAT(parse("PUB a 5\r\nhello\r\n", sink), ElementsAre("PUB|a|||5|0|hello"));
  EXPECT_THAT(parse("PUB a 6\r\n", sink), ElementsAre("payload"));
  EXPECT_THAT(parse("HPUB a 2 6\r\n", sink), ElementsAre("payload"));
}

// TestMaxControlLine
TEST(ClientParser, a_control_line_may_be_as_long_as_the_limit_and_no_longer) {
  RecordingSink sink;
  sink.control_line = 20;
  const std::string at_limit(18, 'a');
  EXPECT_THAT(parse("PUB " + at_limit + " 1\r\nx\r\n", sink),
              ElementsAre("PUB|" + at_limit + "|||1|0|x"));
  EXPECT_THAT(parse("pub " + at_limit + " 1\nx\r\n", sink),
              ElementsAre("PUB|" + at_limit + "|||1|0|x"));
  EXPECT_THAT(parse("SUB " + at_limit + " 1\r\n", sink), ElementsAre("SUB|" + at_limit + "||1"));
  EXPECT_THAT(parse("PUB " + at_limit + "a 1\r\nx\r\n", sink), ElementsAre("control_line"));
  EXPECT_THAT(parse("SUB " + at_limit + "a 1\r\n", sink), ElementsAre("control_line"));
  EXPECT_THAT(parse("CONNECT " + std::string(21, '{') + "\r\n", sink),
              ElementsAre("control_line"));
}

TEST(ClientParser, a_control_line_without_an_end_is_refused_as_soon_as_it_is_too_long) {
  RecordingSink sink;
  sink.control_line = 20;
  Feeder feeder(sink);
  feeder.feed("SUB " + std::string(20, 'a'));
  EXPECT_THAT(sink.operations, IsEmpty());
  feeder.feed("a");
  EXPECT_THAT(sink.operations, ElementsAre("control_line"));
}

TEST(ClientParser, blanks_before_the_argument_cannot_be_sent_forever) {
  EXPECT_THAT(parse("SUB" + std::string(4000, ' ') + "a 1\r\n"), ElementsAre("SUB|a||1"));
  EXPECT_THAT(parse("SUB" + std::string(5000, ' ') + "a 1\r\n"), ElementsAre("control_line"));
  EXPECT_THAT(parse("SUB" + std::string(5000, ' ')), ElementsAre("control_line"));
}

TEST(ClientParser, a_payload_must_end_with_its_line_end) {
  for (const std::string_view end : {"xx", "\n", "\rx", "x\r\n", " \r\n"})
    EXPECT_THAT(parse("PUB a 2\r\nok" + std::string(end) + "PING\r\n"),
                ElementsAre("unknown_operation"));
}

// ---- before CONNECT ----------------------------------------------------------------------------

TEST(ClientParser, nothing_but_connect_is_read_before_a_required_authentication) {
  RecordingSink sink;
  sink.needs_connect = true;
  for (const std::string_view bytes : {"PUB a 1\r\nx\r\n", "PING\r\n", "x", "SUB a 1\r\n"})
    EXPECT_THAT(parse(bytes, sink), ElementsAre("authorization")) << bytes;
  EXPECT_THAT(parse("CONNECT {}\r\nPUB a 1\r\nx\r\n", sink),
              ElementsAre("CONNECT|{}", "PUB|a|||1|0|x"));
}

TEST(ClientParser, an_anonymous_user_may_begin_without_connect) {
  RecordingSink sink;
  sink.needs_connect = true;
  sink.has_anonymous_user = true;
  EXPECT_THAT(parse("PUB a 1\r\nx\r\nPING\r\n", sink), ElementsAre("PUB|a|||1|0|x", "PING"));
}

// ---- cuts --------------------------------------------------------------------------------------

TEST(ClientParser, asks_for_exactly_the_rest_of_a_frame) {
  RecordingSink sink;
  Feeder feeder(sink);
  const std::string frame = "PUB a 100000\r\n" + std::string(100000, 'x') + "\r\n";
  feeder.feed(std::string_view(frame).substr(0, 30));
  EXPECT_EQ(feeder.needed(), frame.size());
  EXPECT_EQ(feeder.held(), 30u);
  feeder.feed(std::string_view(frame).substr(30));
  EXPECT_EQ(sink.operations.size(), 1u);
  EXPECT_EQ(feeder.held(), 0u);
}

TEST(ClientParser, a_line_whose_rest_is_ignored_is_not_kept) {
  RecordingSink sink;
  Feeder feeder(sink);
  feeder.feed("PING");
  EXPECT_EQ(feeder.held(), 0u);
  for (int i = 0; i < 16; ++i) {
    feeder.feed(std::string(64 * 1024, 'z'));
    EXPECT_EQ(feeder.held(), 0u);
  }
  EXPECT_THAT(sink.operations, IsEmpty());
  feeder.feed("\r\nPONG\r\n");
  EXPECT_THAT(sink.operations, ElementsAre("PING", "PONG"));
}

// TestSplitBufferSubOp, TestSplitBufferUnsubOp, TestSplitBufferPubOp, TestSplitConnectArg,
// TestSplitDanglingArgBuf
TEST(ClientParser, every_single_cut_yields_the_same_operations) {
  const std::string script =
      "CONNECT {\"a\":1}\r\nPING\r\nSUB a.* q 1\r\nPUB a.b r 3\r\nxyz\r\nHPUB a 2 5\r\n\r\nxyz\r\n"
      "pub\ta 1\nx\r\n+OK\r\nUNSUB 1 5\r\nPONG junk\r\nPUB a 0\r\n\r\nPUB a 1\r\nxBOOM";
  const Operations expected = parse(script);
  ASSERT_EQ(expected.size(), 10u);
  for (std::size_t cut = 0; cut <= script.size(); ++cut) {
    RecordingSink sink;
    Feeder feeder(sink);
    feeder.feed(script.substr(0, cut));
    feeder.feed(script.substr(cut));
    EXPECT_EQ(sink.operations, expected) << "cut at " << cut;
  }
}

class ScriptWriter {
 public:
  explicit ScriptWriter(unsigned seed) : random_(seed) {}

  std::string script() {
    std::string text;
    for (unsigned i = below(30); i > 0; --i) text += operation();
    // One in four is spoilt somewhere.
    if (!text.empty() && below(4) == 0) text[below(text.size())] = any_byte();
    return text;
  }
  unsigned below(std::size_t limit) { return static_cast<unsigned>(random_() % limit); }

 private:
  char any_byte() { return "\r\n \tPx5\0\xff"[below(9)]; }
  std::string blanks() { return pick({" ", " ", " ", "\t", "  ", " \t "}); }
  std::string line_end() { return pick({"\r\n", "\r\n", "\r\n", "\n"}); }
  std::string subject() {
    return pick({"a", "a.b", "telemetry.dev.id0000017", "_INBOX.x.y", "a..b"});
  }
  std::string pick(std::vector<std::string> choices) { return choices[below(choices.size())]; }
  std::string payload() {
    std::string text(below(4) == 0 ? below(300) : below(8), 'p');
    for (auto& byte : text)
      if (below(3) == 0) byte = any_byte();
    return text;
  }
  std::string publish(bool canonical) {
    const auto gap = [&] { return canonical ? std::string(" ") : blanks(); };
    const std::string body = payload();
    std::string text = canonical ? "PUB" : pick({"PUB", "pub", "Pub"});
    text += gap() + subject();
    if (below(2) == 0) text += gap() + "r.1";
    text += gap() + std::to_string(body.size()) + (canonical ? "\r\n" : line_end());
    return text + body + "\r\n";
  }
  std::string publish_with_header() {
    const std::string header = "NATS/1.0\r\nA: b\r\n\r\n";
    const std::string body = payload();
    return "HPUB " + subject() + (below(2) == 0 ? " r " : " ") + std::to_string(header.size()) +
           " " + std::to_string(header.size() + body.size()) + "\r\n" + header + body + "\r\n";
  }
  std::string operation() {
    switch (below(9)) {
      case 0: return "PING" + pick({"", " ", "junk"}) + line_end();
      case 1: return "SUB" + blanks() + subject() + blanks() + "q" + blanks() + "1" + line_end();
      case 2: return "UNSUB" + blanks() + "1" + line_end();
      case 3: return "+OK" + line_end();
      case 4: return "CONNECT {\"name\":\"x\"}" + line_end();
      case 5: return publish(false);
      case 6: return publish_with_header();
      default: return publish(true);
    }
  }
  std::mt19937 random_;
};

TEST(ClientParser, random_scripts_cut_at_random_places_yield_the_same_operations) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    ScriptWriter writer(seed);
    const std::string script = writer.script();
    RecordingSink settings;
    settings.payload_max = seed % 3 == 0 ? 100 : 1024;
    settings.control_line = seed % 5 == 0 ? 24 : 4096;
    settings.needs_connect = seed % 7 == 0;
    settings.has_anonymous_user = seed % 2 == 0;
    const Operations expected = parse(script, settings);

    RecordingSink sink = settings;
    Feeder feeder(sink);
    const std::size_t longest = 1 + writer.below(40);
    for (std::size_t at = 0; at < script.size();) {
      const std::size_t size = std::min<std::size_t>(1 + writer.below(longest), script.size() - at);
      feeder.feed(std::string_view(script).substr(at, size));
      at += size;
    }
    ASSERT_EQ(sink.operations, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace dunlin::protocol
