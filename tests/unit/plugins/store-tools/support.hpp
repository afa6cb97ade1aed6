// A host for store-tools: real files to read, a thread for completions, and a storage "file" that
// keeps one store in memory from one opening to the next.

#pragma once

#include <dunlin/ext/command.h>
#include <dunlin/fs.hpp>
#include <dunlin/registry.hpp>

#include <boost/json.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace dunlin::store_tools::test {

struct Ran {
  int code = -1;
  std::string out, err;
};

class TestHost {
 public:
  TestHost();
  ~TestHost();
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  [[nodiscard]] Fs fs() const;
  [[nodiscard]] Registry registry() const;
  // `store WORDS...`
  Ran run(const std::vector<std::string>& words);
  // Opening the store answers that another process has it.
  void set_in_use(bool in_use);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// A directory that goes at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  // A copy of the whole committed store; the path of its directory of streams.
  [[nodiscard]] std::filesystem::path copy_store() const;
  // The same of an encrypted one, "aes" or "chacha"; the path of its directory of accounts.
  [[nodiscard]] std::filesystem::path copy_store(const std::string& cipher) const;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

// What nats-server wrote, and what it served from it.
[[nodiscard]] std::filesystem::path store_directory();
[[nodiscard]] std::filesystem::path streams_directory();
[[nodiscard]] const boost::json::object& served();
// The same of an encrypted store, whose key is "key of CIPHER": by account, by stream.
[[nodiscard]] std::filesystem::path store_directory(const std::string& cipher);
[[nodiscard]] boost::json::object served(const std::string& cipher);

[[nodiscard]] std::string content_of(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& content);
[[nodiscard]] std::string from_base64(std::string_view text);
// The payload of a message of served().
[[nodiscard]] std::string payload_of(const boost::json::object& message);
// Times as nats-server writes them, with nine digits behind the point.
[[nodiscard]] std::string nine_digits(std::string_view time);

}  // namespace dunlin::store_tools::test
