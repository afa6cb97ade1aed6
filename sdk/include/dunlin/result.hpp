// result<T>: a value or an Error. What every fallible call of the C++ layer returns.
//
// Everything in this layer lives in the inline namespace `sdk`, so that a plugin linked into the
// server can never share a symbol with the server's own types of the same name.

#pragma once

#include <dunlin/abi.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace dunlin {
inline namespace sdk {

struct Error {
  dunlin_status status = DUNLIN_E_INTERNAL;
  std::string text;
  int os_error = 0;
};

inline Error fail(dunlin_status status, std::string text, int os_error = 0) {
  return Error{status, std::move(text), os_error};
}

template <class T = void>
class [[nodiscard]] result {
 public:
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  // Throws std::runtime_error when there is no value.
  T& value() & {
    check();
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    check();
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  void check() const {
    if (!has_value()) throw std::runtime_error(error().text);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  result() = default;
  result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

namespace detail {

inline dunlin_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }
inline std::string_view view(dunlin_str text) noexcept { return {text.data, text.size}; }
inline dunlin_bytes bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view view(dunlin_bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

inline dunlin_error fresh_error() noexcept {
  dunlin_error error{};
  error.struct_size = sizeof error;
  return error;
}

// Writes a failure into the other side's error; returns its status.
inline dunlin_status put(dunlin_error* out, dunlin_status status, std::string_view text,
                         int os_error = 0) noexcept {
  if (status == DUNLIN_OK) status = DUNLIN_E_INTERNAL;
  if (out != nullptr) {
    out->status = status;
    out->os_error = os_error;
    const auto size = text.size() < sizeof out->text - 1 ? text.size() : sizeof out->text - 1;
    text.copy(out->text, size);
    out->text[size] = '\0';
  }
  return status;
}
inline dunlin_status put(dunlin_error* out, const Error& error) noexcept {
  return put(out, error.status, error.text, error.os_error);
}

inline result<> take(dunlin_status status, const dunlin_error& error) {
  if (status == DUNLIN_OK) return {};
  return Error{status, error.text, error.os_error};
}
inline result<> take(dunlin_status status, const char* what) {
  if (status == DUNLIN_OK) return {};
  return Error{status, std::string(what) + " failed with status " + std::to_string(status), 0};
}

// Runs `body`, which returns result<>; nothing is thrown out of it.
template <class Body>
dunlin_status barrier(dunlin_error* err, Body&& body) noexcept {
  try {
    const result<> outcome = body();
    return outcome ? DUNLIN_OK : put(err, outcome.error());
  } catch (const std::exception& exception) {
    return put(err, DUNLIN_E_INTERNAL, exception.what());
  } catch (...) {
    return put(err, DUNLIN_E_INTERNAL, "an exception of unknown type was thrown");
  }
}

// Calls a table's function, or reports that this host does not have it.
template <class Function, class... Arguments>
dunlin_status invoke(Function* function, Arguments... arguments) noexcept {
  return function != nullptr ? function(arguments...) : DUNLIN_E_UNSUPPORTED;
}

}  // namespace detail

// A callback that must be called exactly once. Destroyed without, it reports DUNLIN_E_DROPPED.
class Completion {
 public:
  Completion(dunlin_done done, void* user) noexcept : done_(done), user_(user) {}
  Completion(Completion&& other) noexcept
      : done_(std::exchange(other.done_, nullptr)), user_(other.user_) {}
  Completion& operator=(Completion&& other) noexcept {
    if (this != &other) {
      drop();
      done_ = std::exchange(other.done_, nullptr);
      user_ = other.user_;
    }
    return *this;
  }
  ~Completion() { drop(); }

  void succeed() noexcept {
    if (const auto done = std::exchange(done_, nullptr)) done(user_, DUNLIN_OK, nullptr);
  }
  // The call that brought it is refused, which its answer tells: nothing is reported.
  void dismiss() noexcept { done_ = nullptr; }
  void fail(const Error& error) noexcept {
    const auto done = std::exchange(done_, nullptr);
    if (done == nullptr) return;
    auto raw = detail::fresh_error();
    const auto status = detail::put(&raw, error);
    done(user_, status, &raw);
  }

 private:
  void drop() noexcept {
    const auto done = std::exchange(done_, nullptr);
    if (done == nullptr) return;
    auto raw = detail::fresh_error();
    detail::put(&raw, DUNLIN_E_DROPPED, "the operation was dropped without being completed");
    done(user_, DUNLIN_E_DROPPED, &raw);
  }
  dunlin_done done_;
  void* user_;
};

}  // namespace sdk
}  // namespace dunlin
