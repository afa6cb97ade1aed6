// Query: the parameters of a request, read with the rules and the error texts of nats-server.
//
// Tools show these texts and tests of tools compare them. The first value of a repeated parameter
// counts, an empty one is the same as none, unknown ones are ignored, and a pair that is not
// properly encoded is dropped. Input is whatever a stranger sent: any bytes are fine. One thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dunlin::monitoring {

// A parameter's value, or the text of the 400 that answers it.
template <class T>
class Decoded {
 public:
  Decoded(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  static Decoded refused(std::string text) { return Decoded(Refusal{std::move(text)}); }

  explicit operator bool() const noexcept { return state_.index() == 0; }
  [[nodiscard]] const T& operator*() const { return std::get<0>(state_); }
  [[nodiscard]] const std::string& error() const { return std::get<1>(state_).text; }

 private:
  struct Refusal {
    std::string text;
  };
  explicit Decoded(Refusal refusal) : state_(std::in_place_index<1>, std::move(refusal)) {}
  std::variant<T, Refusal> state_;
};

class Query {
 public:
  // Of a request with more parameters the first are kept.
  static constexpr std::size_t parameters_max = 64;

  explicit Query(std::string_view encoded);

  // Empty when it was not given.
  [[nodiscard]] std::string_view text(std::string_view name) const noexcept;
  [[nodiscard]] Decoded<bool> boolean(std::string_view name) const;
  [[nodiscard]] Decoded<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] Decoded<std::uint64_t> unsigned_integer(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

// Resolves %XX, and "+" to a space in queries. False when a "%" is not followed by two digits.
enum class PlusMeans { plus, space };
[[nodiscard]] bool percent_decode(std::string_view encoded, PlusMeans plus, std::string& out);

[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace dunlin::monitoring
