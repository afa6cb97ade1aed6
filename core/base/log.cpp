#include "core/base/log.hpp"

#include <cstdio>

namespace dunlin::log {

namespace {

void write_to_standard_error(Level, std::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

std::atomic<Sink> sink{write_to_standard_error};

}  // namespace

std::atomic<unsigned> detail::levels{0b1111};

void set_levels(bool debug, bool trace) noexcept {
  const auto bit = [](Level level) { return 1u << static_cast<unsigned>(level); };
  detail::levels.store(0b1111u | (debug ? bit(Level::debug) : 0) | (trace ? bit(Level::trace) : 0),
                       std::memory_order_relaxed);
}

void set_sink(Sink replacement) noexcept {
  sink.store(replacement ? replacement : write_to_standard_error, std::memory_order_release);
}

void write(Level level, std::string_view text) noexcept {
  sink.load(std::memory_order_acquire)(level, text);
}

}  // namespace dunlin::log
