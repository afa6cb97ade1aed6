// result<T>: what every call that can fail in normal operation returns.
//
// The error is one sentence for the person who reads it: what failed, on what, why, and what to do.

#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

namespace dunlin {

struct Error {
  std::string text;
};

// boost::system::result calls this when value() is asked of a failure: a programmer's error.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
  throw std::runtime_error(error.text);
}

template <class T = void>
using result = boost::system::result<T, Error>;

inline Error fail(std::string text) { return Error{std::move(text)}; }

}  // namespace dunlin
