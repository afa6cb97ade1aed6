// Layout: what the files in a store's directory are called.

#pragma once

#include <string>

namespace dunlin::storage_file::layout {

inline constexpr const char* lock = "LOCK";
inline constexpr const char* label = "STORE";
inline constexpr const char* database = "catalogue.db";
inline constexpr const char* journal = "metadata.journal";
inline constexpr const char* reserve = "reserve";
inline constexpr const char* logs = "logs";
inline constexpr const char* quarantine = "quarantine";
// There while metadata is known to be lost; an operator removes it to go on without.
inline constexpr const char* loss = "METADATA-DAMAGED";

// In the directory of a log.
inline constexpr const char* log_label = "identity";
// At the end of the name of a directory whose log is being dropped.
inline constexpr const char* dropped = ".dropped";

[[nodiscard]] inline std::string in(const std::string& dir, const char* name) {
  return dir + "/" + name;
}

}  // namespace dunlin::storage_file::layout
