// Which files may be opened at all.

#include "core/plugin/file_rules.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

using testing::HasSubstr;

class FileRules : public testing::Test {
 protected:
  FileRules() : path(directory.path + "/inner/file") {
    std::filesystem::create_directory(directory.path + "/inner");
    write_file(path, "content");
  }
  FileProblem problem(const std::string& which) {
    auto opened = open_checked(which, ::geteuid());
    EXPECT_FALSE(opened.has_value()) << which;
    return opened ? FileProblem{} : opened.error();
  }

  Directory directory;
  std::string path;
};

TEST_F(FileRules, a_private_file_is_opened_and_read) {
  auto opened = open_checked(path, ::geteuid());
  ASSERT_TRUE(opened.has_value()) << opened.error().text;
  const auto bytes = read_whole(*opened, 100);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(std::string(bytes->begin(), bytes->end()), "content");
  EXPECT_FALSE(read_whole(*opened, 6).has_value());
}

TEST_F(FileRules, only_plain_absolute_paths_are_taken) {
  for (const auto& wrong : {std::string("relative"), std::string(""), std::string("/"),
                            directory.path + "/inner/../inner/file",
                            directory.path + "//inner/file",
                            directory.path + "/./inner/file", path + "/"}) {
    EXPECT_EQ(problem(wrong).fault, FileFault::rules) << wrong;
  }
}

TEST_F(FileRules, the_component_that_breaks_a_rule_is_named) {
  ::chmod((directory.path + "/inner").c_str(), 0775);
  EXPECT_THAT(problem(path).text, HasSubstr(directory.path + "/inner has mode 0775"));
  ::chmod((directory.path + "/inner").c_str(), 0755);
  ::chmod(path.c_str(), 0646);
  EXPECT_THAT(problem(path).text, HasSubstr(path + " has mode 0646"));
}

TEST_F(FileRules, a_missing_directory_or_file_is_missing) {
  EXPECT_EQ(problem(directory.path + "/inner/other").fault, FileFault::missing);
  EXPECT_EQ(problem(directory.path + "/other/file").fault, FileFault::missing);
  EXPECT_EQ(problem(path + "/below").fault, FileFault::missing);
}

TEST_F(FileRules, links_directories_and_pipes_are_no_plugin_files) {
  std::filesystem::create_symlink(path, directory.path + "/link");
  EXPECT_THAT(problem(directory.path + "/link").text, HasSubstr("symbolic link"));
  EXPECT_THAT(problem(directory.path + "/inner").text, HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo((directory.path + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(problem(directory.path + "/pipe").text, HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace dunlin::plugin::test
