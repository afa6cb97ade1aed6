#include "core/subject/subject.hpp"

#include <cstring>

namespace dunlin::subject {
namespace {

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

}  // namespace

namespace {

template <bool takes_blanks>
bool has_valid_tokens(std::string_view subject) noexcept {
  std::size_t start = 0;  // of the current token
  const std::size_t size = subject.size();
  for (std::size_t i = 0; i < size; ++i) {
    const char c = subject[i];
    if (c > '>') continue;  // most letters and digits above need no look
    if (c == '.') {
      if (i == start) return false;
      start = i + 1;
    } else if (c == '>') {
      if (i == start && i + 1 < size && subject[i + 1] == '.') return false;
    } else if (!takes_blanks && is_blank(c)) {
      return false;
    }
  }
  return start < size;
}

}  // namespace

bool is_valid_subject(std::string_view subject) noexcept {
  return has_valid_tokens<false>(subject);
}

bool is_storable(std::string_view subject) noexcept { return has_valid_tokens<true>(subject); }

bool has_wildcard(std::string_view subject) noexcept {
  const std::size_t size = subject.size();
  for (std::size_t i = 0; i < size; ++i) {
    const char c = subject[i];
    if (c != '*' && c != '>') continue;
    if ((i == 0 || subject[i - 1] == '.') && (i + 1 == size || subject[i + 1] == '.')) return true;
  }
  return false;
}

bool is_valid_literal_subject(std::string_view subject) noexcept {
  return !has_empty_token(subject) && !has_wildcard(subject);
}

bool is_valid_publish_subject(std::string_view subject) noexcept {
  return is_valid_subject(subject) && !has_wildcard(subject);
}

bool has_empty_token(std::string_view subject) noexcept {
  if (subject.empty() || subject.back() == '.') return true;
  bool after_dot = true;
  for (const char c : subject) {
    const bool dot = c == '.';
    if (dot && after_dot) return true;
    after_dot = dot;
  }
  return false;
}

std::size_t token_count(std::string_view subject) noexcept {
  if (subject.empty()) return 0;
  std::size_t count = 1;
  for (const char c : subject) count += c == '.';
  return count;
}

std::string_view token_at(std::string_view subject, std::size_t index) noexcept {
  for (TokenCursor cursor(subject); !cursor.done(); cursor.advance())
    if (index-- == 0) return cursor.token();
  return {};
}

bool matches(std::string_view pattern, std::string_view subject) noexcept {
  return !has_empty_token(subject) && matches_tokens(pattern, subject);
}

bool matches_tokens(std::string_view pattern, std::string_view subject) noexcept {
  const char* p = pattern.data();
  const char* const p_end = p + pattern.size();
  const char* s = subject.data();
  const char* const s_end = s + subject.size();
  bool token_start = true;
  while (p != p_end) {
    if (s == s_end) return false;
    if (token_start && (*p == '*' || *p == '>')) {
      if (p + 1 == p_end && *p == '>') return true;
      if (*p == '*' && (p + 1 == p_end || p[1] == '.')) {
        while (s != s_end && *s != '.') ++s;
        ++p;
        token_start = false;
        continue;
      }
    }
    if (*p != *s) return false;
    token_start = *p == '.';
    ++p;
    ++s;
  }
  return s == s_end;
}

bool is_subset(std::string_view subject, std::string_view pattern) noexcept {
  TokenCursor tokens(subject);
  for (TokenCursor test(pattern); !test.done(); test.advance(), tokens.advance()) {
    if (tokens.done() || test.token().empty()) return false;
    if (test.token() == ">") return true;
    const auto token = tokens.token();
    if (token.empty() || token == ">") return false;
    if (test.token() != "*" && token != test.token()) return false;
  }
  return tokens.done();
}

bool collides(std::string_view a, std::string_view b) noexcept {
  TokenCursor left(a), right(b);
  for (; !left.done() && !right.done(); left.advance(), right.advance()) {
    const auto x = left.token(), y = right.token();
    if (x.empty() || y.empty()) return false;
    if (x == ">" || y == ">") return true;
    if (x != "*" && y != "*" && x != y) return false;
  }
  return left.done() && right.done();
}

}  // namespace dunlin::subject
