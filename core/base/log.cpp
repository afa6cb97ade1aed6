#include "core/base/log.hpp"

#include <cstdio>

namespace dunlin::log {

namespace {

void write_to_standard_error(Level, std::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

std::atomic<Sink> sink{write_to_standard_error};

}  // namespace

std::atomic<int> detail::level{static_cast<int>(Level::info)};

void set_level(Level most_detailed) noexcept {
  detail::level.store(static_cast<int>(most_detailed), std::memory_order_relaxed);
}

void set_sink(Sink replacement) noexcept {
  sink.store(replacement ? replacement : write_to_standard_error, std::memory_order_release);
}

void write(Level level, std::string_view text) noexcept {
  sink.load(std::memory_order_acquire)(level, text);
}

}  // namespace dunlin::log
