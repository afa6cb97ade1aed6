// ensure(condition): an invariant that is checked in every build, release included.
//
// For what cannot happen unless this program is wrong. What the network, the disk or an operator
// can cause is a result<T>, never an ensure.

#pragma once

namespace dunlin {

[[noreturn]] void ensure_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace dunlin

#define ensure(condition)                                                            \
  (__builtin_expect(static_cast<bool>(condition), 1)                                 \
       ? static_cast<void>(0)                                                        \
       : ::dunlin::ensure_failed(#condition, __FILE__, __LINE__))
