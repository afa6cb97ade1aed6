// Subjects that clients may neither publish to nor subscribe to, whatever their permissions say:
// everything below prefixes that a part of the server keeps to itself.
//
// Immutable; a change makes a new one.  [any thread]

#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunlin::auth {

class ReservedSubjects {
 public:
  // Each prefix ends with a dot.
  explicit ReservedSubjects(std::vector<std::string> prefixes) : prefixes_(std::move(prefixes)) {}

  // `subject` may hold wildcards: it is reserved when every subject it stands for is.
  [[nodiscard]] bool contains(std::string_view subject) const noexcept {
    return std::any_of(prefixes_.begin(), prefixes_.end(), [subject](const std::string& prefix) {
      return subject.size() > prefix.size() && subject.starts_with(prefix);
    });
  }

 private:
  std::vector<std::string> prefixes_;
};

}  // namespace dunlin::auth
