// Transforms from arbitrary text: no crash, whatever source, destination and subject.
// Input: source, destination and subject on a line each.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/ensure.hpp"
#include "core/subject/subject.hpp"
#include "core/subject/transform.hpp"

using namespace dunlin::subject;

namespace {

std::string_view take_line(std::string_view& input) {
  const auto line = input.substr(0, input.find('\n'));
  input.remove_prefix(line.size() + (line.size() < input.size() ? 1 : 0));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto source = take_line(input), destination = take_line(input), subject = take_line(input);
  (void)validate_mapping(source, destination);
  const auto mapping = Mapping::create(source, {{std::string(destination), 50, ""}});
  if (mapping && mapping->covers(subject)) (void)mapping->choose(subject, 7);
  const auto lenient = Transform::create(source, destination);
  if (lenient) {
    (void)lenient->apply(subject, 7);
    (void)lenient->match(subject, 7);
  }
  const auto strict = Transform::create(source, destination, Transform::Rules::strict);
  if (!strict) return 0;
  ensure(lenient.has_value());
  (void)strict->reverse();
  return 0;
}
