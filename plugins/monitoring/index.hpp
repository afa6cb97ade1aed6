// The text of "/".

#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace dunlin::monitoring {

struct IndexEntry {
  std::string path, summary;
};

[[nodiscard]] std::string index_text(std::string_view product, std::string_view base,
                                     std::span<const IndexEntry> entries);

}  // namespace dunlin::monitoring
