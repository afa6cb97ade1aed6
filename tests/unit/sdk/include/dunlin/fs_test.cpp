// Fs, File and FileLock over a table of functions that note what is called.

#include <dunlin/fs.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace dunlin {
namespace {

struct Notes {
  std::vector<std::string> calls;
  std::string content;
};
Notes notes;

dunlin_file* const the_file = reinterpret_cast<dunlin_file*>(&notes);
dunlin_file_lock* const the_lock = reinterpret_cast<dunlin_file_lock*>(&notes);

dunlin_fs make_table() {
  dunlin_fs table{};
  table.struct_size = sizeof table;
  table.open = [](const dunlin_host*, dunlin_str path, std::uint32_t, dunlin_file** out,
                  dunlin_error* err) -> dunlin_status {
    if (detail::view(path) == "/absent") {
      return detail::put(err, DUNLIN_E_NOT_FOUND, "cannot open /absent", 2);
    }
    *out = the_file;
    return DUNLIN_OK;
  };
  table.close = [](const dunlin_host*, dunlin_file*) { notes.calls.emplace_back("close"); };
  table.read_at = [](const dunlin_host*, dunlin_file*, std::uint64_t offset, std::uint8_t* out,
                     std::size_t n, std::size_t* got, dunlin_error*) -> dunlin_status {
    const auto rest = std::string_view(notes.content).substr(offset);
    *got = std::min(n, rest.size());
    std::copy_n(rest.begin(), *got, out);
    return DUNLIN_OK;
  };
  table.write_at = [](const dunlin_host*, dunlin_file*, std::uint64_t offset,
                      const dunlin_bytes* parts, std::size_t n, dunlin_error*) -> dunlin_status {
    notes.content.resize(offset);
    for (std::size_t i = 0; i < n; ++i) notes.content += detail::view(parts[i]);
    return DUNLIN_OK;
  };
  table.list = [](const dunlin_host*, dunlin_str,
                  bool (*visit)(void*, const dunlin_dir_item*), void* user,
                  dunlin_error*) -> dunlin_status {
    const dunlin_dir_item item{detail::str("a"), DUNLIN_FS_FILE, 0, 7};
    visit(user, &item);
    return DUNLIN_OK;
  };
  table.sync_dir = [](const dunlin_host*, dunlin_str, dunlin_error*) -> dunlin_status {
    return DUNLIN_E_IO;
  };
  table.lock = [](const dunlin_host*, dunlin_str, dunlin_file_lock** out,
                  dunlin_error*) -> dunlin_status {
    *out = the_lock;
    return DUNLIN_OK;
  };
  table.unlock = [](const dunlin_host*, dunlin_file_lock*) { notes.calls.emplace_back("unlock"); };
  return table;
}

class FsLayer : public testing::Test {
 protected:
  FsLayer() { notes = {}; }

  const dunlin_fs table_ = make_table();
  const Fs fs{nullptr, &table_};
};

TEST_F(FsLayer, a_file_is_read_and_written_and_closed_once) {
  {
    auto opened = fs.open("/a", DUNLIN_FS_WRITE);
    File file = std::move(*opened);
    EXPECT_TRUE(file.write_at(0, "hello"));
    std::uint8_t out[16];
    auto got = file.read_at(1, out);
    ASSERT_TRUE(got);
    EXPECT_EQ(std::string(out, out + *got), "ello");
    EXPECT_TRUE(notes.calls.empty());
  }
  EXPECT_EQ(notes.content, "hello");
  EXPECT_EQ(notes.calls, std::vector<std::string>{"close"});
}

TEST_F(FsLayer, a_lock_is_released_when_it_goes) {
  { const auto lock = fs.lock("/l"); }
  EXPECT_EQ(notes.calls, std::vector<std::string>{"unlock"});
}

TEST_F(FsLayer, failures_keep_their_status_text_and_cause) {
  const auto file = fs.open("/absent", DUNLIN_FS_READ);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().status, DUNLIN_E_NOT_FOUND);
  EXPECT_EQ(file.error().text, "cannot open /absent");
  EXPECT_EQ(file.error().os_error, 2);
  // A table that says nothing leaves a text all the same.
  const auto outcome = fs.sync_dir("/");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().status, DUNLIN_E_IO);
  EXPECT_FALSE(outcome.error().text.empty());
}

TEST_F(FsLayer, a_directory_is_a_list) {
  auto items = fs.list("/");
  ASSERT_TRUE(items);
  ASSERT_EQ((*items).size(), 1U);
  EXPECT_EQ((*items)[0].name, "a");
  EXPECT_EQ((*items)[0].size, 7U);
}

}  // namespace
}  // namespace dunlin
