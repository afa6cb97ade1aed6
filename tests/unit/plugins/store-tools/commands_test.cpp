// The commands over a storage that keeps its store in memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/store-tools/command.hpp"
#include "tests/unit/plugins/store-tools/support.hpp"

namespace dunlin::store_tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class StoreCommands : public ::testing::Test {
 protected:
  test::Ran import(const std::filesystem::path& from = test::store_directory()) {
    return host_.run({"import", from, "--into", "/store"});
  }
  boost::json::array exported(const std::string& log, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"export", "/store", log};
    words.insert(words.end(), more.begin(), more.end());
    const auto ran = host_.run(words);
    EXPECT_EQ(ran.code, 0) << ran.err;
    boost::json::array lines;
    for (std::size_t at = 0; at < ran.out.size();) {
      const auto end = ran.out.find('\n', at);
      lines.push_back(boost::json::parse(ran.out.substr(at, end - at)));
      at = end + 1;
    }
    return lines;
  }

  test::TestHost host_;
};

TEST_F(StoreCommands, import_what_the_server_served) {
  const auto ran = import();
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("9 streams imported, 0 not"));
  for (const auto& [name, told] : test::served()) {
    const auto lines = exported("streams/$G/" + std::string(name));
    const auto& messages = told.at("messages").as_array();
    ASSERT_EQ(lines.size(), messages.size()) << name;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const auto& message = messages[i].as_object();
      EXPECT_EQ(lines[i].at("seq"), message.at("seq"));
      EXPECT_EQ(lines[i].at("subject"), message.at("subject"));
      EXPECT_EQ(std::string(lines[i].at("time").as_string().c_str()),
                test::nine_digits(message.at("time").as_string().c_str()));
      EXPECT_EQ(test::from_base64(lines[i].at("data").as_string().c_str()),
                test::payload_of(message));
      const auto* headers = lines[i].as_object().if_contains("headers");
      const auto* hdrs = message.if_contains("hdrs");
      ASSERT_EQ(headers == nullptr, hdrs == nullptr) << name;
      if (hdrs != nullptr) {
        EXPECT_EQ(*headers, *hdrs);
      }
    }
  }
}

TEST_F(StoreCommands, keep_sequences_and_accounting_of_the_server) {
  import();
  for (const auto& [name, told] : test::served()) {
    const auto ran = host_.run({"inspect", "/store", "streams/$G/" + std::string(name)});
    const auto& state = told.at("state");
    const auto line = [&](std::string what, const char* key) {
      what.resize(20, ' ');
      return what + boost::json::serialize(state.at(key)) + "\n";
    };
    EXPECT_THAT(ran.out, AllOf(HasSubstr(line("records", "messages")),
                               HasSubstr(line("first sequence", "first_seq")),
                               HasSubstr(line("last sequence", "last_seq")),
                               HasSubstr(line("deleted between", "num_deleted"))))
        << name;
  }
}

TEST_F(StoreCommands, import_configurations_and_consumers) {
  import();
  const auto streams = host_.run({"inspect", "/store", "--meta", "streams/$G/PLAIN"});
  EXPECT_EQ(streams.out, "streams/$G/PLAIN " +
                             test::content_of(test::streams_directory() / "PLAIN/meta.inf") + "\n");
  const auto state = host_.run({"inspect", "/store", "--meta", "consumer-states/$G/PLAIN/pending"});
  const auto json = boost::json::parse(state.out.substr(state.out.find('{')));
  EXPECT_EQ(json.at("ack_floor").at("stream_seq"), 1);
  EXPECT_EQ(json.at("delivered").at("consumer_seq"), 7);
  EXPECT_EQ(json.at("pending").as_object().size(), 3U);
  EXPECT_EQ(json.at("redelivered").as_object().size(), 2U);
  const auto sources = host_.run({"inspect", "/store", "--meta", "sources/"});
  EXPECT_THAT(sources.out, HasSubstr("\"seq\":12"));
}

TEST_F(StoreCommands, do_not_import_over_a_stream_that_is_there) {
  import();
  const auto again = import();
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("$G/PLAIN: not imported: there is such a stream"));
  EXPECT_THAT(again.out, HasSubstr("0 streams imported, 9 not"));
  EXPECT_EQ(exported("streams/$G/PLAIN").size(), 11U);
}

TEST_F(StoreCommands, tell_what_of_an_import_was_damaged) {
  const test::Scratch scratch;
  const auto block = scratch.copy_store() / "PLAIN" / "msgs" / "1.blk";
  auto content = test::content_of(block);
  content[content.find("message 7")] ^= 1;
  test::write_file(block, content);
  const auto ran = import(scratch.path());
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("1.blk at byte"), HasSubstr("sequences 7:")));
  EXPECT_THAT(ran.out, HasSubstr("9 streams imported"));
  EXPECT_EQ(exported("streams/$G/PLAIN").size(), 10U);
}

TEST_F(StoreCommands, import_only_from_a_directory_of_nats_server) {
  const test::Scratch scratch;
  const auto ran = import(scratch.path());
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("store_dir"));
}

TEST_F(StoreCommands, export_a_part_and_payloads_alone) {
  import();
  EXPECT_EQ(exported("streams/$G/PLAIN", {"--from", "4", "--to=8"}).size(), 4U);
  const auto raw = host_.run({"export", "/store", "streams/$G/PLAIN", "--from", "6", "--to", "7",
                              "--format", "raw"});
  EXPECT_EQ(raw.out, "message 6message 7");
}

TEST_F(StoreCommands, export_more_than_one_page) {
  constexpr std::uint64_t many = 3000;
  auto storage = find_storage(host_.registry(), "file");
  dunlin_store_options options{};
  options.flags = DUNLIN_LOG_CREATE;
  auto store = Store::open(*storage, options);
  {
    dunlin_log_options log_options{};
    log_options.flags = DUNLIN_LOG_CREATE;
    auto log = (*store)->open_log("many", log_options);
    for (std::uint64_t seq = 1; seq <= many; ++seq) {
      dunlin_record record{};
      record.seq = seq;
      record.subject = {"a", 1};
      ASSERT_TRUE((*log)->append({&record, 1}));
    }
  }
  const auto lines = exported("many");
  ASSERT_EQ(lines.size(), many);
  EXPECT_EQ(lines.back().at("seq"), many);
}

TEST_F(StoreCommands, show_metadata_that_is_no_text_in_base64) {
  auto storage = find_storage(host_.registry(), "file");
  dunlin_store_options options{};
  options.flags = DUNLIN_LOG_CREATE;
  auto store = Store::open(*storage, options);
  ASSERT_TRUE((*store)->put_meta({{"a/text", "\\u0000 ä"}, {"b/bytes", std::string("\0\xff", 2)}}));
  EXPECT_EQ(host_.run({"inspect", "/store", "--meta", ""}).out,
            "a/text \\u0000 ä\nb/bytes base64 AP8=\n");
}

TEST_F(StoreCommands, verify_a_healthy_store) {
  import();
  const auto ran = host_.run({"verify", "/store"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("streams/$G/PLAIN: healthy, 11 records"),
                             HasSubstr("9 logs"), HasSubstr("all healthy")));
}

TEST_F(StoreCommands, say_what_to_do_while_a_server_has_the_store) {
  import();
  host_.set_in_use(true);
  for (const char* word : {"verify", "inspect"}) {
    const auto ran = host_.run({word, "/store"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr("stop the server"));
  }
}

TEST_F(StoreCommands, do_not_make_a_store_by_looking) {
  const auto ran = host_.run({"verify", "/store"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("there is no store"));
}

TEST_F(StoreCommands, refuse_wrong_arguments_with_the_usage) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"dance"},
      {"verify"},
      {"verify", "a", "b"},
      {"verify", "a", "--from", "1"},
      {"export", "a", "b", "--from"},
      {"export", "a", "b", "--from", "x"},
      {"export", "a", "b", "--format", "xml"},
      {"import", "a"}};
  for (const auto& words : wrong) {
    const auto ran = host_.run(words);
    EXPECT_EQ(ran.code, 2) << ::testing::PrintToString(words);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err, "");
  }
  EXPECT_THAT(host_.run({}).err, StartsWith("Usage: dunlin-server"));
}

TEST_F(StoreCommands, tell_how_they_are_used_when_asked) {
  for (const char* word : {"--help", "-h", "help"}) {
    const auto ran = host_.run({word});
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, StartsWith("Usage: dunlin-server"));
    EXPECT_EQ(ran.err, "");
  }
}

TEST_F(StoreCommands, name_the_storages_there_are) {
  const auto ran = host_.run({"verify", "/store", "--storage", "tape"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("no storage \"tape\""), HasSubstr("there is file")));
}

}  // namespace
}  // namespace dunlin::store_tools
