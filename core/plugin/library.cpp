#include "core/plugin/library.hpp"

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <vector>

namespace dunlin::plugin {
namespace {

// Boost puts dlerror()'s sentence into its exception; this takes it out again.
std::string reason_of(const std::exception& exception) {
  const std::string text = exception.what();
  constexpr std::string_view before = "dlerror system message: ";
  const auto begin = text.find(before);
  if (begin == std::string::npos) return text;
  const auto end = text.rfind("):");
  const auto start = begin + before.size();
  return text.substr(start, end == std::string::npos || end < start ? end : end - start);
}

class OpenLibrary final : public Library {
 public:
  explicit OpenLibrary(dunlin_entry_fn found) : entry_(found) {}
  [[nodiscard]] dunlin_entry_fn entry() const override { return entry_; }

 private:
  dunlin_entry_fn entry_;
};

// Everything opened stays reachable, and open, until the process ends.
void keep_open(boost::dll::shared_library library) {
  static auto& kept = *new std::vector<boost::dll::shared_library>();
  kept.push_back(std::move(library));
}

result<std::unique_ptr<Library>> open_path(const std::string& path) {
  try {
    boost::dll::shared_library library(
        path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    if (!library.has(DUNLIN_ENTRY_SYMBOL)) {
      return fail(fmt::format("it does not export {}", DUNLIN_ENTRY_SYMBOL));
    }
    const auto entry = &library.get<const dunlin_entry*()>(DUNLIN_ENTRY_SYMBOL);
    keep_open(std::move(library));
    return std::unique_ptr<Library>(new OpenLibrary(entry));
  } catch (const std::exception& exception) {
    return fail(fmt::format("the system's loader says: {}", reason_of(exception)));
  }
}

}  // namespace

result<std::unique_ptr<Library>> open_library(const std::string& path) { return open_path(path); }

result<std::unique_ptr<Library>> open_sealed_library(Bytes bytes, const std::string& name) {
  // The descriptor stays open with the library: its number is the library's name to the system's
  // loader, and must not come to mean another file.
  const auto fd = seal_in_memory(bytes, "dunlin-plugin-" + name);
  if (!fd) return fd.error();
  auto library = open_path(fmt::format("/proc/self/fd/{}", *fd));
  if (!library) ::close(*fd);
  return library;
}

}  // namespace dunlin::plugin
