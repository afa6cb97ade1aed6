// Names: what logs and metadata may be called, and which directory a log lives in.
//
// A directory is called ID-NAME: the log's id in 16 hexadecimal digits, and its name with every
// byte but letters, digits, "_" and "-" written as %XX, cut off after 96 bytes and then ended by
// "~". The id makes it unique; the name is for people, and brings a log back whose identity file
// was lost. Pure functions, any thread.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dunlin::storage_file {

// Names and paths of metadata: UTF-8 without control characters, 1 to 1024 bytes, no empty part,
// no part "." or "..". DUNLIN_E_INVALID says what is wrong.
[[nodiscard]] result<> check_name(std::string_view name);

[[nodiscard]] std::string directory_name(std::uint64_t id, std::string_view name);

struct DirectoryName {
  std::uint64_t id = 0;
  std::optional<std::string> name;  // when the directory has all of it
};
// Nothing when `directory_name` did not make it.
[[nodiscard]] std::optional<DirectoryName> parse_directory_name(std::string_view text);

}  // namespace dunlin::storage_file
