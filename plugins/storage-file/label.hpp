// Labels: the small text files that say what a directory is, readable for people and checked for
// damage. STORE says which store a directory holds, `identity` which log.
//
//     dunlin store 1
//     id 4f0c...
//     sum 1b2d...      (XXH3 of everything above, hexadecimal)
//
// Pure functions, any thread.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "journal.hpp"

namespace dunlin::storage_file {

struct StoreLabel {
  StoreId id{};
  std::uint32_t key_id = 0;       // what is written is encrypted with; 0 for nothing
  std::uint32_t older_key_id = 0; // still needed by something; 0 for none
};

struct LogLabel {
  StoreId store{};
  LogId id = 0;
  std::string name;
  std::uint64_t first_seq = 1;
  bool has_subjects = true;
};

[[nodiscard]] std::string write_label(const StoreLabel& label);
[[nodiscard]] std::string write_label(const LogLabel& label);
// DUNLIN_E_CORRUPT for what is damaged or something else, DUNLIN_E_UNSUPPORTED for a newer version.
[[nodiscard]] result<StoreLabel> read_store_label(std::string_view text);
[[nodiscard]] result<LogLabel> read_log_label(std::string_view text);

}  // namespace dunlin::storage_file
