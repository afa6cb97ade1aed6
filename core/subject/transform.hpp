// Subject transforms: a source pattern, and a destination whose tokens may be functions of the
// tokens that the source's wildcards stand for. Used by subject mappings, by imports, and by stores
// that rename what they keep.
//
//   foo.*.*  ->  bar.$2.{{wildcard(1)}}      events.*  ->  events.{{partition(10,1)}}.$1
//
// Immutable once made; any thread may apply one. Function names, argument rules and error texts
// are nats-server's (ADR-30). Randomness comes from the caller, so that results can be tested.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::subject {

class Transform {
 public:
  // `strict` is for imports, which must be reversible: only wildcard functions, and each of the
  // source's `*` used.
  enum class Rules : bool { lenient, strict };

  // An empty source means `>`. Fails with `invalid subject` or `invalid mapping destination: ...`;
  // an empty destination means "no transform" to nats-server and is the caller's to sort out.
  static result<Transform> create(std::string_view source, std::string_view destination,
                                  Rules rules = Rules::lenient);

  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  [[nodiscard]] const std::string& destination() const noexcept { return destination_; }

  // The destination for a subject that is known to match the source; tokens that are missing
  // count as empty. `random` is any number, used by {{random(n)}} only.
  [[nodiscard]] std::string apply(std::string_view subject, std::uint32_t random = 0) const;
  // Fails with `invalid subject` for one that is not literal, and with `no matching transforms
  // available` for one that the source does not cover.
  [[nodiscard]] result<std::string> match(std::string_view subject,
                                          std::uint32_t random = 0) const;
  // The transform that undoes a strict one.
  [[nodiscard]] result<Transform> reverse() const;

 private:
  enum class Function : std::uint8_t {
    text,
    wildcard,
    partition,
    random,
    split,
    split_from_left,
    split_from_right,
    slice_from_left,
    slice_from_right,
    left,
    right
  };
  struct Step {
    Function function = Function::text;
    std::string text;                  // of a literal token; the delimiter of split
    std::vector<std::int64_t> tokens;  // wildcard numbers, once placed: token positions
    std::int32_t number = 0;           // buckets, size, position
  };

  static result<Step> parse_step(std::string_view token);
  static result<Step> parse_function(std::string_view token);
  static result<> place(Step& step, std::string_view token,
                        const std::vector<std::size_t>& wildcards);
  static void run(const Step& step, const std::vector<std::string_view>& tokens,
                  std::string_view subject, std::uint32_t random, std::string& out);

  std::string source_, destination_;
  std::size_t source_tokens_ = 0;
  bool full_wildcard_ = false;  // both end in `>`
  std::vector<Step> steps_;     // without the final `>`
};

// "foo.*.*" -> "foo.$1.$2": the destination that changes nothing.
[[nodiscard]] std::string number_wildcards(std::string_view pattern);

// Whether a configured mapping's destination is right; an empty one is.
[[nodiscard]] result<> validate_mapping(std::string_view source, std::string_view destination);

// A subject mapping: which of several destinations a subject goes to, by weight.
class Mapping {
 public:
  struct Destination {
    std::string subject;
    std::uint32_t weight = 100;  // percent
    std::string cluster;         // only on servers of this cluster; empty for all
  };

  // Weights that add up to less than 100 leave the rest to the original subject, unless the source
  // is itself a destination: then the rest is lost, as who configures that wants.
  static result<Mapping> create(std::string_view source,
                                const std::vector<Destination>& destinations);

  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  // Whether this mapping is the one for `subject`.
  [[nodiscard]] bool covers(std::string_view subject) const noexcept;
  // Where a covered subject goes, by a random number; nullopt when the message is to be dropped.
  [[nodiscard]] std::optional<std::string> choose(std::string_view subject,
                                                  std::uint32_t random,
                                                  std::string_view cluster = {}) const;

 private:
  struct Choice {
    Transform transform;
    std::uint32_t below;  // taken when the draw from 0..99 is below this
  };
  using Choices = std::vector<Choice>;

  std::string source_;
  bool wildcard_ = false;
  Choices general_;
  std::map<std::string, Choices, std::less<>> by_cluster_;
};

}  // namespace dunlin::subject
