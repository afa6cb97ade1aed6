// What the commands under `dunlin-server store` have in common: their words, their output, and how
// they open a store.

#pragma once

#include <dunlin/ext/command.h>
#include <dunlin/fs.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/store-tools/store.hpp"

namespace dunlin::store_tools {

extern const char usage_text[];

class Output {
 public:
  Output(dunlin_command_output write, void* user) noexcept : write_(write), user_(user) {}

  // Both add the end of the line.
  void result(std::string text) const { line(DUNLIN_COMMAND_RESULT, std::move(text)); }
  void message(std::string text) const { line(DUNLIN_COMMAND_MESSAGE, std::move(text)); }
  // As it is.
  void bytes(std::string_view text) const {
    write_(user_, DUNLIN_COMMAND_RESULT, {text.data(), text.size()});
  }

 private:
  void line(std::uint32_t stream, std::string text) const {
    text += '\n';
    write_(user_, stream, {text.data(), text.size()});
  }
  dunlin_command_output write_;
  void* user_;
};

// `WORD PLACE... [--option value]...`, options anywhere.
struct Arguments {
  std::string word;
  std::vector<std::string> places;
  std::map<std::string, std::string, std::less<>> options;  // names without "--"

  [[nodiscard]] std::string option(std::string_view name, std::string_view otherwise) const;
};

// Fails with the sentence about the first argument that is wrong.
[[nodiscard]] result<Arguments> read_arguments(const std::vector<std::string>& words);
[[nodiscard]] result<std::uint64_t> read_number(const Arguments& arguments, std::string_view name,
                                                std::uint64_t otherwise);

struct Context {
  Registry registry;
  Fs fs;
  Output output;
};

// Runs what the words ask for; the exit code.
[[nodiscard]] int run_store_command(const Context& context, const std::vector<std::string>& words);

// The store in the first place, opened with `flags` (DUNLIN_LOG_...). Where that fails, what to do
// has been said.
[[nodiscard]] std::unique_ptr<Store> open_store(const Context& context, const Arguments& arguments,
                                                const std::string& dir, std::uint32_t flags);
[[nodiscard]] std::unique_ptr<Log> open_to_read(const Context& context, const Store& store,
                                                std::string_view name);

[[nodiscard]] std::string absolute_path(std::string_view path);
// "8 to 12", or "8".
[[nodiscard]] std::string range_text(std::uint64_t first, std::uint64_t last);

// The commands; each gives its exit code.
[[nodiscard]] int verify(const Context& context, const Arguments& arguments);
[[nodiscard]] int inspect(const Context& context, const Arguments& arguments);
[[nodiscard]] int export_log(const Context& context, const Arguments& arguments);
[[nodiscard]] int import_go_store(const Context& context, const Arguments& arguments);

}  // namespace dunlin::store_tools
