// Calling the completions of queries: with what was found, or with why it failed.

#pragma once

#include <dunlin/result.hpp>

#include <optional>

namespace dunlin::storage_file::engine {

// Calls `done(user, status, what, error)` of a query.
template <class Done, class What>
void tell(Done done, void* user, const std::optional<Error>& failure, const What& what) noexcept {
  if (!failure) {
    done(user, DUNLIN_OK, what, nullptr);
    return;
  }
  auto raw = detail::fresh_error();
  const auto status = detail::put(&raw, *failure);
  done(user, status, What{}, &raw);
}
inline void tell(dunlin_done done, void* user, const std::optional<Error>& failure) noexcept {
  if (!failure) {
    done(user, DUNLIN_OK, nullptr);
    return;
  }
  auto raw = detail::fresh_error();
  const auto status = detail::put(&raw, *failure);
  done(user, status, &raw);
}

inline Error no_subjects() {
  return fail(DUNLIN_E_UNSUPPORTED, "this log was made without subjects");
}

}  // namespace dunlin::storage_file::engine
