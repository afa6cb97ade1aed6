// Logging from any room: a level test that costs one relaxed load, then a sink set by the server.
//
// Use the macros: their arguments are not evaluated while the level is off. The sink (spdlog, in
// the server room) adds time, process id and the label; it may be replaced at run time.
// [any thread]

#pragma once

#include <fmt/format.h>

#include <atomic>
#include <string_view>

namespace dunlin::log {

// Labels and meaning as nats-server's: FTL, ERR, WRN, INF, DBG, TRC.
enum class Level : int { fatal, error, warning, info, debug, trace };

using Sink = void (*)(Level, std::string_view text);

namespace detail {
// A bit per level: debug and trace are switched on independently.
extern std::atomic<unsigned> levels;
}

void set_levels(bool debug, bool trace) noexcept;
// Replaces the sink. The default sink writes to standard error.
void set_sink(Sink sink) noexcept;
void write(Level level, std::string_view text) noexcept;

inline bool enabled(Level level) noexcept {
  return (detail::levels.load(std::memory_order_relaxed) >> static_cast<unsigned>(level)) & 1u;
}

}  // namespace dunlin::log

#define DUNLIN_LOG(level, ...)                                            \
  do {                                                                    \
    if (::dunlin::log::enabled(level))                                    \
      ::dunlin::log::write(level, ::fmt::format(__VA_ARGS__));            \
  } while (false)
#define log_fatal(...) DUNLIN_LOG(::dunlin::log::Level::fatal, __VA_ARGS__)
#define log_error(...) DUNLIN_LOG(::dunlin::log::Level::error, __VA_ARGS__)
#define log_warning(...) DUNLIN_LOG(::dunlin::log::Level::warning, __VA_ARGS__)
#define log_info(...) DUNLIN_LOG(::dunlin::log::Level::info, __VA_ARGS__)
#define log_debug(...) DUNLIN_LOG(::dunlin::log::Level::debug, __VA_ARGS__)
#define log_trace(...) DUNLIN_LOG(::dunlin::log::Level::trace, __VA_ARGS__)
