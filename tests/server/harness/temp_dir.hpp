// A directory that lives as long as the test that made it. Everything a test writes (configuration,
// logs, certificates, ports files) goes in here, so tests can run side by side and leave nothing.
// Single owner, any thread. Construction throws std::runtime_error when there can be none.
#pragma once

#include <filesystem>
#include <string>

namespace dunlin::testing {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

  // Writes (or replaces) a file and returns its full path.
  std::string write(const std::string& name, const std::string& text) const;
  // The content of a file, or an empty string while it does not exist.
  static std::string read(const std::filesystem::path& file);

 private:
  std::filesystem::path path_;
};

}  // namespace dunlin::testing
