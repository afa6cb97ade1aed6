// Reading the other side's size-prefixed structs: copies min(theirs, mine) into a zeroed one.

#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

namespace dunlin::plugin {

// The host's largest tables are far below; a larger size means that the pointer is no struct.
inline constexpr std::uint32_t struct_size_max = 64 * 1024;

// Nothing when `theirs` is NULL or its size makes no sense. `T` begins with its struct_size.
template <class T>
std::optional<T> copy_sized(const T* theirs) noexcept {
  static_assert(std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T>);
  if (theirs == nullptr) return std::nullopt;
  std::uint32_t size = 0;
  std::memcpy(&size, theirs, sizeof size);
  if (size < sizeof size || size > struct_size_max) return std::nullopt;
  T mine{};
  std::memcpy(static_cast<void*>(&mine), theirs, size < sizeof mine ? size : sizeof mine);
  const auto whole = static_cast<std::uint32_t>(sizeof mine);
  std::memcpy(static_cast<void*>(&mine), &whole, sizeof whole);
  return mine;
}

}  // namespace dunlin::plugin
