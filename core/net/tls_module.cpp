#include "core/net/tls_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <mutex>
#include <string_view>

namespace dunlin::net {
namespace {

constexpr const char* module_symbol = "dunlin_tls_module";
constexpr std::string_view mend =
    "it belongs to the server: install it again, or put the file of this build in its place";

result<const TlsModule*> module_of_this_server() {
  static std::mutex opening;
  static const TlsModule* opened = nullptr;
  const std::lock_guard lock(opening);
  if (opened == nullptr) {
    auto module = open_tls_module(tls_module_path());
    if (!module) return module.error();
    opened = *module;
  }
  return opened;
}

}  // namespace

const char* tls_build() noexcept { return DUNLIN_TLS_BUILD; }

std::string tls_module_path() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  std::string_view place(path, size > 0 ? static_cast<std::size_t>(size) : 0);
  for (int up = 0; up < 2; ++up) place = place.substr(0, std::min(place.rfind('/'), place.size()));
  return std::string(place) + "/lib/dunlin/dunlin-tls.so";
}

result<const TlsModule*> open_tls_module(const std::string& path) {
  const auto refused = [&](std::string_view why) {
    return fail(fmt::format("TLS is not available: {}: {}; {}", path, why, mend));
  };
  if (::access(path.c_str(), F_OK) != 0) return refused(std::strerror(errno));
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return refused(::dlerror());
  const auto entry = reinterpret_cast<decltype(&dunlin_tls_module)>(
      ::dlsym(library, module_symbol));
  if (entry == nullptr) {
    ::dlclose(library);
    return refused(fmt::format("it does not export {}", module_symbol));
  }
  const TlsModule* const module = entry();
  if (std::string_view(module->build) != tls_build()) {
    auto problem = refused(
        fmt::format("it is of build {}, this server of {}", module->build, tls_build()));
    ::dlclose(library);
    return problem;
  }
  module->set_log_sink(log::write);
  return module;
}

result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsSettings& settings,
                                                             TlsRole role) {
  const auto module = module_of_this_server();
  if (!module) return module.error();
  return (*module)->create(settings, role);
}

}  // namespace dunlin::net
