// Log: one line with "{}" where the arguments go.
//
//     log.info("listening on {}:{}", address, port);

#pragma once

#include <dunlin/ext/log.h>
#include <dunlin/host.hpp>

#include <initializer_list>
#include <type_traits>

namespace dunlin {
inline namespace sdk {

namespace detail {
inline std::string text_of(std::string_view value) { return std::string(value); }
inline std::string text_of(const char* value) { return value; }
inline std::string text_of(const std::string& value) { return value; }
inline std::string text_of(bool value) { return value ? "true" : "false"; }
inline std::string text_of(const Error& value) { return value.text; }
template <class T>
  requires std::is_arithmetic_v<T>
std::string text_of(T value) {
  return std::to_string(value);
}

// Each "{}" becomes the next argument; surplus arguments are ignored.
inline std::string format(std::string_view pattern, std::initializer_list<std::string> values) {
  std::string out;
  auto next = values.begin();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern.substr(i, 2) == "{}" && next != values.end()) {
      out += *next++;
      ++i;
    } else {
      out += pattern[i];
    }
  }
  return out;
}
}  // namespace detail

class Log : public Table<dunlin_log> {
 public:
  DUNLIN_TABLE_WRAPPER(Log, dunlin_log, DUNLIN_EXT_LOG)

  [[nodiscard]] bool enabled(std::uint32_t level) const noexcept {
    return api_.enabled != nullptr && api_.enabled(host_, level);
  }
  void write(std::uint32_t level, std::string_view text, dunlin_account* account = nullptr,
             dunlin_conn* conn = nullptr) const noexcept {
    if (api_.write != nullptr) {
      api_.write(host_, level, account, conn, nullptr, 0, detail::str(text));
    }
  }
  template <class... Values>
  void line(std::uint32_t level, std::string_view pattern, const Values&... values) const {
    if (enabled(level)) write(level, detail::format(pattern, {detail::text_of(values)...}));
  }
  template <class... Values>
  void error(std::string_view pattern, const Values&... values) const {
    line(DUNLIN_LOG_ERROR, pattern, values...);
  }
  template <class... Values>
  void warning(std::string_view pattern, const Values&... values) const {
    line(DUNLIN_LOG_WARNING, pattern, values...);
  }
  template <class... Values>
  void info(std::string_view pattern, const Values&... values) const {
    line(DUNLIN_LOG_INFO, pattern, values...);
  }
  template <class... Values>
  void debug(std::string_view pattern, const Values&... values) const {
    line(DUNLIN_LOG_DEBUG, pattern, values...);
  }
  // A line as it is, without the plugin's id: for what tools wait for.
  template <class... Values>
  void bare(std::uint32_t level, std::string_view pattern, const Values&... values) const {
    line(level | DUNLIN_LOG_BARE, pattern, values...);
  }
};

namespace detail {
// Runs a callback that has no way to report; what it throws becomes a log line.
template <class Body>
void contain(const dunlin_host* host, const char* where, Body&& body) noexcept {
  try {
    body();
  } catch (const std::exception& exception) {
    try {
      Host(host).get<Log>().line(DUNLIN_LOG_PLUGIN_MISBEHAVING, "exception in {}: {}", where,
                                 exception.what());
    } catch (...) {
      std::fputs("dunlin plugin: out of memory while reporting an exception\n", stderr);
    }
  } catch (...) {
    Host(host).get<Log>().write(DUNLIN_LOG_PLUGIN_MISBEHAVING,
                                "exception of unknown type in a callback");
  }
}
}  // namespace detail

}  // namespace sdk
}  // namespace dunlin
