// Directories that nats-server 2.15.1 encrypted, taken over and compared with what it served.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "plugins/store-tools/command.hpp"
#include "tests/unit/plugins/store-tools/support.hpp"

namespace dunlin::store_tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* key_variable = "NATS_JETSTREAM_KEY";

class EncryptedStores : public ::testing::TestWithParam<std::string> {
 protected:
  // `key` in a file.
  std::string key_file(const std::string& key) {
    const auto path = scratch_.path() / ("key" + std::to_string(++files_));
    test::write_file(path, key + "\n");
    return path;
  }
  std::string key() const { return "key of " + GetParam(); }

  test::Ran import(const std::filesystem::path& from, const std::vector<std::string>& options) {
    std::vector<std::string> words = {"import", from, "--into", "/store"};
    words.insert(words.end(), options.begin(), options.end());
    return host_.run(words);
  }
  test::Ran import_all(const std::filesystem::path& from) {
    return import(from, {"--key-file", key_file(key())});
  }

  boost::json::array exported(const std::string& log) {
    const auto ran = host_.run({"export", "/store", log});
    EXPECT_EQ(ran.code, 0) << ran.err;
    boost::json::array lines;
    for (std::size_t at = 0; at < ran.out.size();) {
      const auto end = ran.out.find('\n', at);
      lines.push_back(boost::json::parse(ran.out.substr(at, end - at)));
      at = end + 1;
    }
    return lines;
  }

  // Every message of every stream of both accounts.
  void expect_what_was_served() {
    for (const auto& [account, streams] : test::served(GetParam())) {
      for (const auto& [name, told] : streams.as_object()) {
        const auto log = "streams/" + std::string(account) + "/" + std::string(name);
        const auto lines = exported(log);
        const auto& messages = told.at("messages").as_array();
        ASSERT_EQ(lines.size(), messages.size()) << log;
        for (std::size_t i = 0; i < lines.size(); ++i) {
          const auto& message = messages[i].as_object();
          EXPECT_EQ(lines[i].at("seq"), message.at("seq")) << log;
          EXPECT_EQ(lines[i].at("subject"), message.at("subject")) << log;
          EXPECT_EQ(test::from_base64(lines[i].at("data").as_string().c_str()),
                    test::payload_of(message))
              << log;
        }
      }
    }
  }

  test::TestHost host_;
  const test::Scratch scratch_;
  int files_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Of, EncryptedStores, ::testing::Values("aes", "chacha"),
                         [](const auto& cipher) { return cipher.param; });

TEST_P(EncryptedStores, hold_what_the_server_served) {
  const auto ran = import_all(test::store_directory(GetParam()));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("3 streams imported, 0 not"));
  EXPECT_EQ(ran.err, "");
  expect_what_was_served();
}

TEST_P(EncryptedStores, have_configurations_and_consumers) {
  import_all(test::store_directory(GetParam()));
  const auto config = host_.run({"inspect", "/store", "--meta", "streams/A/ORDERS"});
  EXPECT_THAT(config.out, HasSubstr("\"name\":\"ORDERS\""));
  const auto state = host_.run({"inspect", "/store", "--meta", "consumer-states/A/ORDERS/worker"});
  const auto json = boost::json::parse(state.out.substr(state.out.find('{')));
  const auto all = test::served(GetParam());
  const auto& told = all.at("A").at("ORDERS").at("consumers").at("worker");
  for (const char* position : {"delivered", "ack_floor"}) {
    for (const char* sequence : {"consumer_seq", "stream_seq"})
      EXPECT_EQ(json.at(position).at(sequence), told.at(position).at(sequence)) << position;
  }
  EXPECT_EQ(json.at("pending").as_object().size(),
            told.at("num_ack_pending").to_number<std::size_t>());
}

TEST_P(EncryptedStores, open_with_the_key_of_a_variable) {
  ::setenv(key_variable, key().c_str(), 1);
  const auto ran = import(test::store_directory(GetParam()), {});
  ::unsetenv(key_variable);
  EXPECT_EQ(ran.code, 0) << ran.err;
  expect_what_was_served();
}

TEST_P(EncryptedStores, open_with_the_previous_key) {
  const auto ran = import(test::store_directory(GetParam()),
                          {"--key-file", key_file("a new one"), "--prev-key-file",
                           key_file(key())});
  EXPECT_EQ(ran.code, 0) << ran.err;
  expect_what_was_served();
}

TEST_P(EncryptedStores, are_refused_without_a_key_saying_how_to_give_it) {
  const auto ran = import(test::store_directory(GetParam()), {});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("0 streams imported, 3 not"));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("meta.key: it is encrypted"), HasSubstr("--key-file"),
                             HasSubstr(key_variable)));
}

TEST_P(EncryptedStores, are_refused_with_another_key_which_is_not_told) {
  const auto ran = import(test::store_directory(GetParam()), {"--key-file", key_file("no key")});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("0 streams imported, 3 not"));
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("is not opened by the key given"), Not(HasSubstr("no key"))));
}

TEST_P(EncryptedStores, are_not_imported_with_a_key_file_that_is_empty_or_not_there) {
  EXPECT_EQ(import(test::store_directory(GetParam()), {"--key-file", key_file("")}).code, 2);
  EXPECT_EQ(import(test::store_directory(GetParam()), {"--key-file", "/not/there"}).code, 2);
}

TEST_P(EncryptedStores, are_read_from_their_blocks_without_an_index) {
  const auto copy = scratch_.copy_store(GetParam());
  std::filesystem::remove(copy / "A" / "streams" / "ORDERS" / "msgs" / "index.db");
  const auto ran = import_all(scratch_.path());
  EXPECT_EQ(ran.code, 0) << "a missing index is no loss";
  EXPECT_THAT(ran.err, HasSubstr("the index is missing"));
  expect_what_was_served();
}

TEST_P(EncryptedStores, are_read_around_a_damaged_record) {
  const auto block = scratch_.copy_store(GetParam()) / "A" / "streams" / "ORDERS" / "msgs/1.blk";
  auto content = test::content_of(block);
  content[30] ^= 1;  // the subject of the first record
  test::write_file(block, content);
  const auto ran = import_all(scratch_.path());
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("1.blk"), HasSubstr("sequences 1:")));
  const auto lines = exported("streams/A/ORDERS");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0].at("seq"), 2);
}

TEST_P(EncryptedStores, lose_a_block_with_its_key_and_nothing_else) {
  const auto msgs = scratch_.copy_store(GetParam()) / "A" / "streams" / "COMPRESSED" / "msgs";
  auto content = test::content_of(msgs / "1.key");
  content[40] ^= 1;
  test::write_file(msgs / "1.key", content);
  const auto ran = import_all(scratch_.path());
  EXPECT_EQ(ran.code, 1);
  const auto lines = exported("streams/A/COMPRESSED");
  ASSERT_FALSE(lines.empty());
  const auto first = lines[0].at("seq").to_number<std::uint64_t>();
  EXPECT_GT(first, 1U);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("1.key is not opened"),
                             HasSubstr("sequences 1 to " + std::to_string(first - 1) + ":")));
  EXPECT_EQ(lines.size(), 12 - (first - 1));
}

TEST_P(EncryptedStores, whose_configuration_is_of_another_key_file_are_refused) {
  const auto streams = scratch_.copy_store(GetParam()) / "A" / "streams";
  for (const char* file : {"meta.inf", "meta.sum"}) {
    std::filesystem::copy_file(
        test::store_directory(GetParam()) / "jetstream" / "B" / "streams" / "ORDERS" / file,
        streams / "ORDERS" / file, std::filesystem::copy_options::overwrite_existing);
  }
  const auto ran = import_all(scratch_.path());
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("meta.inf is not of meta.key"));
  EXPECT_THAT(ran.out, HasSubstr("2 streams imported, 1 not"));
}

}  // namespace
}  // namespace dunlin::store_tools
