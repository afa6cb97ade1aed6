// The grammar of subjects on arbitrary bytes: no crash, and the functions agree with one another.
// Input: two subjects, separated by a line feed.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/ensure.hpp"
#include "core/subject/subject.hpp"

using namespace dunlin::subject;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto cut = input.find('\n');
  const auto a = input.substr(0, cut);
  const auto b = cut == std::string_view::npos ? std::string_view{} : input.substr(cut + 1);

  std::size_t tokens = 0;
  bool empty = false;
  for (TokenCursor cursor(a); !cursor.done(); cursor.advance()) {
    ensure(cursor.token() == token_at(a, tokens));
    empty = empty || cursor.token().empty();
    ++tokens;
  }
  ensure(empty == has_empty_token(a));
  ensure(a.empty() || tokens == token_count(a));
  ensure(is_literal(a) != has_wildcard(a));
  if (!is_valid_subject(a)) return 0;
  ensure(!empty);
  ensure(matches(a, a) && is_subset(a, a) && collides(a, a));
  if (!is_valid_subject(b)) return 0;
  ensure(collides(a, b) == collides(b, a));
  if (is_subset(a, b)) ensure(collides(a, b));
  if (is_literal(b)) {
    ensure(matches(a, b) == is_subset(b, a));
    ensure(matches(a, b) == collides(a, b));
  }
  return 0;
}
