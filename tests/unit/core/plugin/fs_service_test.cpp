// dunlin.fs/1 on a real directory.

#include <dunlin/ext/fs.h>

#include <numeric>
#include <set>

#include "core/plugin/context.hpp"
#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

class FsService : public testing::Test {
 protected:
  FsService() {
    directory_ = std::filesystem::temp_directory_path() / "dunlin-fs-";
    directory_ += std::to_string(::getpid());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    err.struct_size = sizeof err;
  }
  ~FsService() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  dunlin_file* open(const std::string& name, std::uint32_t flags) {
    dunlin_file* file = nullptr;
    status = fs.open(&context, str(path(name)), flags, &file, &err);
    return file;
  }
  std::string content(dunlin_file* file) {
    std::string text(100000, '?');
    std::size_t got = 0;
    EXPECT_EQ(fs.read_at(&context, file, 0, reinterpret_cast<std::uint8_t*>(text.data()),
                         text.size(), &got, &err),
              DUNLIN_OK);
    return text.substr(0, got);
  }
  dunlin_status write(dunlin_file* file, std::uint64_t offset,
                      const std::vector<std::string>& texts) {
    std::vector<dunlin_bytes> parts;
    for (const auto& text : texts) {
      parts.push_back({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    }
    return fs.write_at(&context, file, offset, parts.data(), parts.size(), &err);
  }

  HandExecutor executor;
  HandTime time;
  Shared shared{executor, time, HostServices{}, ConfigHelpers{}};
  PluginContext context{shared, 7, Identity{}, "p", {}};
  const dunlin_fs& fs = *static_cast<const dunlin_fs*>(context.extension(&context, DUNLIN_EXT_FS));
  dunlin_error err{};
  dunlin_status status = DUNLIN_OK;

 private:
  std::filesystem::path directory_;
};

constexpr std::uint32_t create = DUNLIN_FS_WRITE | DUNLIN_FS_CREATE;

TEST_F(FsService, what_was_written_in_parts_is_read_in_one) {
  auto* file = open("a", create);
  ASSERT_EQ(status, DUNLIN_OK) << err.text;
  std::vector<std::string> parts;
  for (int i = 0; i < 300; ++i) parts.push_back(std::string(static_cast<std::size_t>(i % 7), 'x'));
  EXPECT_EQ(write(file, 3, parts), DUNLIN_OK);
  EXPECT_EQ(content(file), std::string(3, '\0') +
                               std::accumulate(parts.begin(), parts.end(), std::string()));
  EXPECT_EQ(fs.sync_file(&context, file, &err), DUNLIN_OK);
  fs.close(&context, file);
}

TEST_F(FsService, flags_decide_what_open_does) {
  EXPECT_EQ(open("a", DUNLIN_FS_READ), nullptr);
  EXPECT_EQ(status, DUNLIN_E_NOT_FOUND);
  EXPECT_EQ(err.os_error, ENOENT);
  EXPECT_NE(std::string(err.text).find(path("a")), std::string::npos);
  fs.close(&context, open("a", create | DUNLIN_FS_EXCLUSIVE));
  EXPECT_EQ(status, DUNLIN_OK);
  EXPECT_EQ(open("a", create | DUNLIN_FS_EXCLUSIVE), nullptr);
  EXPECT_EQ(status, DUNLIN_E_EXISTS);
  EXPECT_EQ(open("b", DUNLIN_FS_READ | DUNLIN_FS_CREATE), nullptr);
  EXPECT_EQ(status, DUNLIN_E_INVALID);
  std::filesystem::create_directory(path("d"));
  EXPECT_EQ(open("d", DUNLIN_FS_READ), nullptr);
  EXPECT_EQ(status, DUNLIN_E_INVALID);
}

TEST_F(FsService, a_new_file_is_for_its_owner_only) {
  fs.close(&context, open("a", create));
  EXPECT_EQ(std::filesystem::status(path("a")).permissions(), std::filesystem::perms(0600));
  ASSERT_EQ(fs.make_dir(&context, str(path("d")), &err), DUNLIN_OK);
  EXPECT_EQ(std::filesystem::status(path("d")).permissions(), std::filesystem::perms(0700));
}

TEST_F(FsService, zeros_replace_what_was_there_up_to_the_new_size) {
  auto* file = open("a", create);
  ASSERT_EQ(write(file, 0, {std::string(50000, 'x')}), DUNLIN_OK);
  ASSERT_EQ(fs.zero_fill(&context, file, 9000, &err), DUNLIN_OK);
  EXPECT_EQ(content(file), std::string(9000, '\0'));
  constexpr std::uint64_t large = 9 * 1024 * 1024 + 5;
  ASSERT_EQ(fs.zero_fill(&context, file, large, &err), DUNLIN_OK);
  std::uint64_t size = 0;
  EXPECT_EQ(fs.size(&context, file, &size, &err), DUNLIN_OK);
  EXPECT_EQ(size, large);
  EXPECT_EQ(fs.resize(&context, file, 10, &err), DUNLIN_OK);
  EXPECT_EQ(content(file).size(), 10U);
  fs.close(&context, file);
}

TEST_F(FsService, a_renamed_file_replaces_the_other) {
  auto* file = open("a", create);
  ASSERT_EQ(write(file, 0, {"new"}), DUNLIN_OK);
  fs.close(&context, file);
  fs.close(&context, open("b", create));
  EXPECT_EQ(fs.rename(&context, str(path("a")), str(path("b")), &err), DUNLIN_OK);
  EXPECT_EQ(fs.sync_dir(&context, str(path("")), &err), DUNLIN_OK);
  file = open("b", DUNLIN_FS_READ);
  EXPECT_EQ(content(file), "new");
  fs.close(&context, file);
  EXPECT_FALSE(std::filesystem::exists(path("a")));
}

TEST_F(FsService, directories_are_listed_with_sizes_and_removed_when_empty) {
  ASSERT_EQ(fs.make_dir(&context, str(path("d")), &err), DUNLIN_OK);
  EXPECT_EQ(fs.make_dir(&context, str(path("d")), &err), DUNLIN_E_EXISTS);
  EXPECT_EQ(fs.make_dir(&context, str(path("no/d")), &err), DUNLIN_E_NOT_FOUND);
  auto* file = open("d/a", create);
  ASSERT_EQ(write(file, 0, {"12345"}), DUNLIN_OK);
  fs.close(&context, file);
  std::set<std::string> found;
  const auto visit = [](void* user, const dunlin_dir_item* item) {
    static_cast<std::set<std::string>*>(user)->insert(std::string(view(item->name)) + " " +
                                                      std::to_string(item->kind) + " " +
                                                      std::to_string(item->size));
    return true;
  };
  EXPECT_EQ(fs.list(&context, str(path("")), visit, &found, &err), DUNLIN_OK);
  EXPECT_EQ(fs.list(&context, str(path("d")), visit, &found, &err), DUNLIN_OK);
  EXPECT_EQ(found, (std::set<std::string>{"d 2 0", "a 1 5"}));
  EXPECT_EQ(fs.remove_dir(&context, str(path("d")), &err), DUNLIN_E_EXISTS);
  EXPECT_EQ(fs.remove(&context, str(path("d/a")), &err), DUNLIN_OK);
  EXPECT_EQ(fs.remove_dir(&context, str(path("d")), &err), DUNLIN_OK);
}

TEST_F(FsService, a_lock_excludes_others_of_the_same_process) {
  dunlin_file_lock* lock = nullptr;
  dunlin_file_lock* other = nullptr;
  ASSERT_EQ(fs.lock(&context, str(path("l")), &lock, &err), DUNLIN_OK);
  EXPECT_EQ(fs.lock(&context, str(path("l")), &other, &err), DUNLIN_E_AGAIN);
  fs.unlock(&context, lock);
  ASSERT_EQ(fs.lock(&context, str(path("l")), &other, &err), DUNLIN_OK);
  fs.unlock(&context, other);
}

TEST_F(FsService, tells_the_space_that_is_left) {
  dunlin_fs_space space{};
  space.struct_size = sizeof space;
  ASSERT_EQ(fs.space(&context, str(path("")), &space, &err), DUNLIN_OK);
  EXPECT_GT(space.available, 0U);
  EXPECT_GE(space.total, space.available);
}

TEST_F(FsService, a_device_is_no_file) {
  dunlin_file* file = nullptr;
  EXPECT_EQ(fs.open(&context, str("/dev/null"), DUNLIN_FS_WRITE, &file, &err), DUNLIN_E_INVALID);
}

TEST_F(FsService, paths_must_be_absolute_and_calls_off_the_shards) {
  dunlin_file* file = nullptr;
  EXPECT_EQ(fs.open(&context, str("a"), create, &file, &err), DUNLIN_E_INVALID);
  EXPECT_EQ(fs.remove(&context, str(std::string_view("/tmp/a\0b", 8)), &err), DUNLIN_E_INVALID);
  executor.here = ThreadKind::shard;
  EXPECT_EQ(open("a", create), nullptr);
  EXPECT_EQ(status, DUNLIN_E_WRONG_THREAD);
}

}  // namespace
}  // namespace dunlin::plugin::test
