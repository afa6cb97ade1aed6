// Subjects and filters as storage and message plugins compare them: tokens separated by '.', `*`
// for exactly one token, `>` at the end for one or more. A wildcard is one only as a whole token.
//
// Pure functions over text, for any thread; they neither allocate nor fail. The rules are those of
// the NATS protocol.

#pragma once

#include <cstddef>
#include <string_view>

namespace dunlin {
inline namespace sdk {

// Takes the first token off `rest`; `more` tells whether another one follows.
inline std::string_view take_token(std::string_view& rest, bool& more) noexcept {
  const auto dot = rest.find('.');
  more = dot != std::string_view::npos;
  const auto token = rest.substr(0, dot);
  rest.remove_prefix(more ? dot + 1 : rest.size());
  return token;
}

// Has no whole token `*` or `>`.
inline bool is_literal_subject(std::string_view subject) noexcept {
  if (subject.find_first_of("*>") == std::string_view::npos) return true;
  for (bool more = true; more;) {
    const auto token = take_token(subject, more);
    if (token == "*" || token == ">") return false;
  }
  return true;
}

// Has no empty token, no blank or control character, and `>` only as its last token.
inline bool is_valid_filter(std::string_view filter) noexcept {
  for (const char c : filter) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return false;
  }
  for (bool more = true; more;) {
    const auto token = take_token(filter, more);
    if (token.empty() || (token == ">" && more)) return false;
  }
  return true;
}

inline bool subject_matches(std::string_view filter, std::string_view subject) noexcept {
  for (bool filter_more = true, subject_more = true;;) {
    const auto wanted = take_token(filter, filter_more);
    if (wanted == ">" && !filter_more) return true;
    const auto token = take_token(subject, subject_more);
    if (wanted != "*" && wanted != token) return false;
    if (filter_more != subject_more) return false;
    if (!filter_more) return true;
  }
}

// Does `filter` match every subject that `other` matches?
inline bool filter_covers(std::string_view filter, std::string_view other) noexcept {
  for (bool filter_more = true, other_more = true;;) {
    const auto wanted = take_token(filter, filter_more);
    if (wanted == ">" && !filter_more) return true;
    const auto token = take_token(other, other_more);
    if (token == ">" && !other_more) return false;
    if (wanted != "*" && wanted != token) return false;
    if (filter_more != other_more) return false;
    if (!filter_more) return true;
  }
}

// What is in front of the filter's first wildcard token: every subject it matches begins so.
inline std::string_view literal_prefix(std::string_view filter) noexcept {
  const auto whole = filter;
  for (bool more = true; more;) {
    const auto begin = whole.size() - filter.size();
    const auto token = take_token(filter, more);
    if (token == "*" || token == ">") return whole.substr(0, begin);
  }
  return whole;
}

}  // namespace sdk
}  // namespace dunlin
