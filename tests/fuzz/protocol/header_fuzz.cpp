// Header blocks: after removing a name it is gone, after setting it is there once and readable.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ensure.hpp"
#include "core/protocol/header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::protocol;
  const std::string_view block(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view name = "Key";

  const std::string removed = remove_header(block, name);
  ensure(removed.size() <= block.size());
  // Only a line without an end may stay.
  const auto left = find_header(removed, name);
  ensure(!left || left->data() + left->size() == removed.data() + removed.size());

  const bool has_end = block.size() < 2 || block.ends_with("\r\n\r\n");
  if (!has_end) return 0;
  const std::string set = set_header(block, name, "value");
  ensure(find_header(set, name) == "value");
  ensure(find_header(set_header(set, name, "other"), name) == "other");
  ensure(!find_header(remove_header(set, name), name));
  return 0;
}
