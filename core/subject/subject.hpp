// The grammar of subjects: tokens separated by '.', `*` for one token, `>` for one or more at the
// end. Both are wildcards only when they are a whole token; `foo*` and `a>` are plain text.
//
// Pure functions over text, without allocation, for any thread. Rules are those of the NATS
// protocol as nats-server applies them; bytes are not checked to be UTF-8.

#pragma once

#include <cstddef>
#include <string_view>

namespace dunlin::subject {

// Walks the tokens of a subject; an empty subject has one empty token.
//   for (TokenCursor cursor(subject); !cursor.done(); cursor.advance()) use(cursor.token());
class TokenCursor {
 public:
  explicit TokenCursor(std::string_view subject) noexcept : rest_(subject) { cut(); }

  [[nodiscard]] bool done() const noexcept { return done_; }
  [[nodiscard]] bool last() const noexcept { return size_ == rest_.size(); }
  [[nodiscard]] std::string_view token() const noexcept { return rest_.substr(0, size_); }
  // The current token and everything behind it.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  void advance() noexcept {
    if (last()) {
      done_ = true;
      return;
    }
    rest_.remove_prefix(size_ + 1);
    cut();
  }

 private:
  void cut() noexcept {
    size_ = 0;
    while (size_ < rest_.size() && rest_[size_] != '.') ++size_;
  }

  std::string_view rest_;
  std::size_t size_ = 0;
  bool done_ = false;
};

// What a subscription may name: no empty token, `>` only as the last token, no blank
// (space, tab, line feed, form feed, carriage return).
[[nodiscard]] bool is_valid_subject(std::string_view subject) noexcept;
// What a Sublist stores: as is_valid_subject, but blanks are only data. The protocol keeps all but
// the form feed out of subjects anyway.
[[nodiscard]] bool is_storable(std::string_view subject) noexcept;
// Whether any whole token is `*` or `>`.
[[nodiscard]] bool has_wildcard(std::string_view subject) noexcept;
[[nodiscard]] inline bool is_literal(std::string_view subject) noexcept {
  return !has_wildcard(subject);
}
// What a pedantic client may publish to: non-empty tokens, none a wildcard.
[[nodiscard]] bool is_valid_literal_subject(std::string_view subject) noexcept;
// is_valid_subject and no wildcard.
[[nodiscard]] bool is_valid_publish_subject(std::string_view subject) noexcept;
// True for "", ".a", "a..b", "a.": what no subscription ever matches.
[[nodiscard]] bool has_empty_token(std::string_view subject) noexcept;

[[nodiscard]] std::size_t token_count(std::string_view subject) noexcept;  // 0 for ""
// The token at `index`, counted from 0; empty when there is none.
[[nodiscard]] std::string_view token_at(std::string_view subject, std::size_t index) noexcept;
[[nodiscard]] inline std::string_view first_token(std::string_view subject) noexcept {
  return subject.substr(0, subject.find('.'));
}

// Whether a message published on `subject` reaches a subscription on `pattern`. Wildcards in
// `subject` are plain text. A subject with an empty token matches nothing.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view subject) noexcept;
// The same for a subject known to have no empty token.
[[nodiscard]] bool matches_tokens(std::string_view pattern, std::string_view subject) noexcept;
// Whether everything that `subject` (maybe with wildcards) can match is matched by `pattern` too.
[[nodiscard]] bool is_subset(std::string_view subject, std::string_view pattern) noexcept;
// Whether some literal subject matches both.
[[nodiscard]] bool collides(std::string_view a, std::string_view b) noexcept;

}  // namespace dunlin::subject
