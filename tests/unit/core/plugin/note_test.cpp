// The note is read strictly: what is not understood is refused, and nothing else happens.

#include "core/plugin/note.hpp"

#include <dunlin/abi.h>
#include <gtest/gtest.h>

namespace dunlin::plugin::test {
namespace {

const std::string good = DUNLIN_NOTE_MAGIC
    "id com.example.audit\nversion 1.2.3\nbuilt 1.4\nneeded 1.2\nflags 1 | 2\n"
    "build 0.1.0-abc\nprovides com.example.audit/1\nneed jetstream/1\nwant storage/1:file\nend\n";

TEST(Note, everything_it_says_is_read) {
  const auto note = parse_note(good + std::string(1, '\0'));
  ASSERT_TRUE(note.has_value()) << note.error().text;
  EXPECT_EQ(note->id, "com.example.audit");
  EXPECT_EQ(note->version, "1.2.3");
  EXPECT_EQ(note->built, DUNLIN_ABI_MAKE(1, 4));
  EXPECT_EQ(note->needed, DUNLIN_ABI_MAKE(1, 2));
  EXPECT_EQ(note->flags, 3u);
  EXPECT_EQ(note->build, "0.1.0-abc");
  EXPECT_EQ(note->provides, std::vector<std::string>{"com.example.audit/1"});
  EXPECT_EQ(note->needs, (std::vector<Need>{{"jetstream/1", false}, {"storage/1:file", true}}));
}

TEST(Note, every_prefix_is_refused) {
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_note(good.substr(0, size)).has_value()) << size;
  }
}

TEST(Note, a_line_twice_or_unknown_or_malformed_is_refused) {
  const auto with = [](const std::string& line) {
    auto text = good;
    return text.insert(text.size() - 4, line + "\n");
  };
  ASSERT_TRUE(parse_note(with("provides b/1")).has_value());
  for (const auto* line : {"id b", "version 2", "flags 0", "build x", "colour red", "provides b",
                           "provides b/0", "provides b/x", "provides /1", "need b/1:", "", "end"}) {
    EXPECT_FALSE(parse_note(with(line)).has_value()) << line;
  }
}

TEST(Note, ids_are_file_names_and_nothing_more) {
  for (const auto* id : {"mqtt", "storage-file", "com.example.s3", "a_b"}) {
    EXPECT_TRUE(is_plugin_id(id)) << id;
  }
  for (const auto* id : {"", ".", "..", "a..b", ".a", "a.", "A", "a/b", "a b", "a\n"}) {
    EXPECT_FALSE(is_plugin_id(id)) << id;
  }
  EXPECT_FALSE(is_plugin_id(std::string(65, 'a')));
}

}  // namespace
}  // namespace dunlin::plugin::test
