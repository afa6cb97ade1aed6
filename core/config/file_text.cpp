#include "core/config/file_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>

namespace dunlin::config {
namespace {

// Far above any configuration; keeps /dev/zero from filling the memory.
constexpr std::size_t size_max = 256u * 1024 * 1024;

Error failure(const char* action, const std::string& file) {
  std::string reason = std::strerror(errno);
  if (!reason.empty()) reason[0] = static_cast<char>(std::tolower(reason[0]));
  return fail(fmt::format("{} {}: {}", action, file, reason));
}

}  // namespace

result<std::string> read_file_text(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failure("open", file);
  std::string text;
  char buffer[16384];
  ssize_t size = 0;
  while ((size = ::read(descriptor, buffer, sizeof(buffer))) != 0 && text.size() < size_max) {
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const auto error = failure("read", file);
      ::close(descriptor);
      return error;
    }
    text.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(descriptor);
  return {boost::system::in_place_value, std::move(text)};
}

}  // namespace dunlin::config
