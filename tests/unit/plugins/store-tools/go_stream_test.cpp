// Directories that nats-server 2.15.1 wrote, read back and compared with what it served from them.

#include "plugins/store-tools/go/stream_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/store-tools/record_text.hpp"
#include "tests/unit/plugins/store-tools/support.hpp"

namespace dunlin::store_tools {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::Not;

struct Message {
  std::uint64_t seq;
  std::string time, subject, header, payload;
  bool operator==(const Message&) const = default;
};
void PrintTo(const Message& message, std::ostream* out) {
  *out << message.seq << " " << message.time << " " << message.subject << " "
       << message.header.size() << "+" << message.payload.size();
}

std::vector<Message> served_messages(std::string_view stream) {
  std::vector<Message> out;
  for (const auto& one : test::served().at(stream).at("messages").as_array()) {
    const auto& message = one.as_object();
    const auto* header = message.if_contains("hdrs");
    out.push_back({message.at("seq").to_number<std::uint64_t>(),
                   test::nine_digits(message.at("time").as_string().c_str()),
                   message.at("subject").as_string().c_str(),
                   header == nullptr ? "" : test::from_base64(header->as_string().c_str()),
                   test::payload_of(message)});
  }
  return out;
}

class GoStreams : public ::testing::Test {
 protected:
  GoStream open(const std::filesystem::path& streams, const std::string& name) {
    auto stream = GoStream::open(fs_, streams / name, {"$G", name, {}},
                                 [this](const GoFinding& finding) {
                                   findings_.push_back(finding);
                                 });
    return std::move(stream).value();
  }
  static std::vector<Message> messages(const GoStream& stream) {
    std::vector<Message> out;
    const auto outcome = stream.visit([&](const GoMessage& message) -> result<> {
      const GoRecord& record = message.record;
      out.push_back({record.seq, time_text(record.time_ns), std::string(record.subject),
                     std::string(record.header), std::string(record.payload)});
      return {};
    });
    EXPECT_TRUE(outcome);
    return out;
  }
  std::vector<std::string> losses() const {
    std::vector<std::string> out;
    for (const GoFinding& finding : findings_) {
      if (finding.is_loss) out.push_back(finding.text);
    }
    return out;
  }

  test::TestHost host_;
  const Fs fs_ = host_.fs();
  const std::filesystem::path streams_ = test::streams_directory();
  std::vector<GoFinding> findings_;
};

TEST_F(GoStreams, hold_what_the_server_served) {
  for (const auto& [name, told] : test::served()) {
    const auto stream = open(streams_, name);
    const auto& state = told.at("state");
    EXPECT_EQ(messages(stream), served_messages(std::string_view(name))) << name;
    EXPECT_EQ(stream.first_seq(), state.at("first_seq").to_number<std::uint64_t>()) << name;
    EXPECT_EQ(stream.last_seq(), state.at("last_seq").to_number<std::uint64_t>()) << name;
  }
  EXPECT_THAT(findings_, IsEmpty());
}

// What limits removed leaves no note in the blocks; everything else does.
TEST_F(GoStreams, without_an_index_are_read_from_their_blocks) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  for (const auto& [name, told] : test::served()) {
    std::filesystem::remove(copy / std::string_view(name) / "msgs" / "index.db");
    const auto stream = open(copy, name);
    EXPECT_EQ(stream.last_seq(), told.at("state").at("last_seq").to_number<std::uint64_t>())
        << name;
    if (name == "KV_settings") {
      EXPECT_THAT(served_messages(std::string_view(name)), IsSubsetOf(messages(stream)));
    } else {
      EXPECT_EQ(messages(stream), served_messages(std::string_view(name))) << name;
    }
  }
  EXPECT_THAT(losses(), IsEmpty());
  EXPECT_EQ(findings_.size(), test::served().size()) << "each tells that its index is missing";
}

TEST_F(GoStreams, with_an_index_older_than_the_blocks_do_not_use_it) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  const auto block = copy / "PLAIN" / "msgs" / "1.blk";
  auto content = test::content_of(block);
  content.resize(content.size() - 30);  // the last deletion's note is one record of 30 bytes
  test::write_file(block, content);
  const auto stream = open(copy, "PLAIN");
  auto expected = served_messages("PLAIN");
  const auto found = messages(stream);
  EXPECT_THAT(expected, IsSubsetOf(found));
  EXPECT_EQ(found.size(), expected.size() + 1) << "what the last note had deleted";
}

TEST_F(GoStreams, lose_only_the_record_that_was_being_written) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  const auto block = copy / "WORK" / "msgs" / "1.blk";
  const auto content = test::content_of(block);
  test::write_file(block, content.substr(0, content.size() - 7));
  const auto stream = open(copy, "WORK");
  EXPECT_THAT(served_messages("WORK"), IsSubsetOf(messages(stream)));
  EXPECT_THAT(losses(), ElementsAre(HasSubstr("the last thing written")));
}

// The index knows how far the blocks went: a block that was cut off later is no torn end.
TEST_F(GoStreams, name_what_is_behind_the_end_of_a_block_that_was_cut_off) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  const auto block = copy / "COMPRESSED" / "msgs" / "3.blk";
  test::write_file(block, test::content_of(block).substr(0, 4100));  // in its third message
  const auto stream = open(copy, "COMPRESSED");
  const auto found = messages(stream);
  const auto served = served_messages("COMPRESSED");
  EXPECT_THAT(found, IsSubsetOf(served));
  EXPECT_EQ(stream.last_seq(), served.back().seq) << "sequences are not given twice";
  ASSERT_FALSE(found.empty());
  EXPECT_THAT(losses(), ElementsAre(HasSubstr("end is missing"),
                                    AllOf(HasSubstr("cut off"), Not(HasSubstr("last thing")))));
  for (const GoFinding& finding : findings_) {
    if (finding.text.find("end is missing") == std::string::npos) continue;
    EXPECT_EQ(finding.first, found.back().seq + 1);
    EXPECT_EQ(finding.last, served.back().seq);
  }
}

TEST_F(GoStreams, name_what_was_in_a_block_that_is_missing) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  std::filesystem::remove(copy / "COMPRESSED" / "msgs" / "2.blk");
  const auto stream = open(copy, "COMPRESSED");
  const auto found = messages(stream);
  const auto served = served_messages("COMPRESSED");
  EXPECT_THAT(found, IsSubsetOf(served));
  ASSERT_EQ(findings_.size(), 1U);
  EXPECT_THAT(findings_[0].text, HasSubstr("missing"));
  EXPECT_EQ(found.size() + findings_[0].last - findings_[0].first + 1, served.size());
}

TEST_F(GoStreams, lose_nothing_by_damage_of_what_had_been_deleted) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  const auto block = copy / "PLAIN" / "msgs" / "1.blk";
  auto content = test::content_of(block);
  content[content.find("message 5")] ^= 1;  // deleted, and not erased
  test::write_file(block, content);
  const auto stream = open(copy, "PLAIN");
  EXPECT_EQ(messages(stream), served_messages("PLAIN"));
  ASSERT_EQ(findings_.size(), 1U);
  EXPECT_THAT(findings_[0].text, HasSubstr("nothing is lost"));
  EXPECT_THAT(losses(), IsEmpty());
}

TEST_F(GoStreams, are_read_around_a_damaged_record) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  const auto block = copy / "PLAIN" / "msgs" / "1.blk";
  auto content = test::content_of(block);
  content[content.find("message 7")] ^= 1;
  test::write_file(block, content);
  const auto stream = open(copy, "PLAIN");
  auto expected = served_messages("PLAIN");
  std::erase_if(expected, [](const Message& message) { return message.seq == 7; });
  EXPECT_EQ(messages(stream), expected);
  ASSERT_EQ(findings_.size(), 1U);
  EXPECT_EQ(findings_[0].first, 7U);
  EXPECT_EQ(findings_[0].last, 7U);
  EXPECT_GT(findings_[0].offset, 0U);
}

TEST_F(GoStreams, are_read_around_a_damaged_compressed_block) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  const auto block = copy / "COMPRESSED" / "msgs" / "2.blk";
  auto content = test::content_of(block);
  content[content.size() / 2] ^= 1;
  test::write_file(block, content);
  const auto stream = open(copy, "COMPRESSED");
  const auto found = messages(stream);
  EXPECT_THAT(found, IsSubsetOf(served_messages("COMPRESSED")));
  ASSERT_EQ(findings_.size(), 1U);
  EXPECT_EQ(found.size() + findings_[0].last - findings_[0].first + 1,
            served_messages("COMPRESSED").size());
}

TEST_F(GoStreams, whose_configuration_is_damaged_are_refused) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  const auto meta = copy / "PLAIN" / "meta.inf";
  test::write_file(meta, test::content_of(meta) + " ");
  const auto stream = GoStream::open(fs_, copy / "PLAIN", {"$G", "PLAIN", {}},
                                       [](const GoFinding&) {});
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().status, DUNLIN_E_CORRUPT);
}

TEST_F(GoStreams, know_when_messages_expire_and_are_due) {
  const auto stream = open(streams_, "TIMED");
  std::map<std::uint64_t, std::int64_t> lives;
  std::map<std::uint64_t, std::string> due;
  ASSERT_TRUE(stream.visit([&](const GoMessage& message) -> result<> {
    if (message.expires_ns != 0)
      lives[message.record.seq] = (message.expires_ns - message.record.time_ns) / 1'000'000'000;
    if (message.due_ns != 0) due[message.record.seq] = time_text(message.due_ns);
    return {};
  }));
  EXPECT_THAT(lives, ElementsAre(std::pair(1U, 3600), std::pair(2U, 90000)));
  EXPECT_THAT(due, ElementsAre(std::pair(4U, "2099-01-01T00:00:00.000000000Z")));
}

TEST_F(GoStreams, know_lifetimes_without_the_file_that_keeps_them) {
  const test::Scratch scratch;
  const auto copy = scratch.copy_store();
  std::filesystem::remove(copy / "TIMED" / "msgs" / "thw.db");
  const auto stream = open(copy, "TIMED");
  std::vector<std::int64_t> lives;
  ASSERT_TRUE(stream.visit([&](const GoMessage& message) -> result<> {
    lives.push_back(message.expires_ns == 0 ? 0 : message.expires_ns - message.record.time_ns);
    return {};
  }));
  EXPECT_THAT(lives, ElementsAre(3'600'000'000'000, 90'000'000'000'000, 0, 0));
}

TEST_F(GoStreams, have_consumers_that_stand_where_the_server_says) {
  for (const auto& [name, told] : test::served()) {
    auto consumers = open(streams_, name).consumers();
    ASSERT_TRUE(consumers) << name;
    const auto& expected = told.at("consumers").as_object();
    EXPECT_EQ((*consumers).size(), expected.size()) << name;
    for (const auto& consumer : *consumers) {
      const auto& one = expected.at(consumer.name);
      ASSERT_TRUE(consumer.state) << consumer.name;
      const auto number = [&](const char* of, const char* key) {
        return one.at(of).at(key).to_number<std::uint64_t>();
      };
      EXPECT_EQ(consumer.state->delivered.consumer, number("delivered", "consumer_seq"));
      EXPECT_EQ(consumer.state->delivered.stream, number("delivered", "stream_seq"));
      EXPECT_EQ(consumer.state->ack_floor.consumer, number("ack_floor", "consumer_seq"));
      EXPECT_EQ(consumer.state->ack_floor.stream, number("ack_floor", "stream_seq"));
      EXPECT_EQ(consumer.state->pending.size(), one.at("num_ack_pending").to_number<std::size_t>());
      EXPECT_EQ(consumer.state->redelivered.size(),
                one.at("num_redelivered").to_number<std::size_t>());
      EXPECT_THAT(consumer.config, HasSubstr("\"durable_name\":\"" + consumer.name + "\""));
    }
  }
  EXPECT_THAT(findings_, IsEmpty());
}

TEST_F(GoStreams, know_how_far_their_sources_were_read) {
  const auto sources = open(streams_, "COPY").sources();
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_THAT(sources[0].name, HasSubstr("PLAIN"));
  EXPECT_EQ(sources[0].seq, 12U);
  EXPECT_EQ(sources[0].identity.size(), 8U);
}

}  // namespace
}  // namespace dunlin::store_tools
