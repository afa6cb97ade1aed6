#include "core/base/short_bytes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dunlin {
namespace {

std::string counted(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + 1);
  return text;
}

TEST(ShortBytes, copy_writes_exactly_the_bytes_of_any_length) {
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string from = counted(size);
    std::vector<char> to(size + 2, '#');
    copy_short(to.data() + 1, from);
    EXPECT_EQ(std::string(to.data(), to.size()), "#" + from + "#");
  }
}

TEST(ShortBytes, every_byte_and_the_length_count_in_a_comparison) {
  for (std::size_t size = 0; size < 100; ++size) {
    const std::string text = counted(size);
    EXPECT_TRUE(same_bytes(text, std::string(text)));
    EXPECT_FALSE(same_bytes(text, text + "x"));
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = text;
      other[i] = static_cast<char>(other[i] ^ 0x40);
      EXPECT_FALSE(same_bytes(text, other)) << size << " at " << i;
    }
  }
}

}  // namespace
}  // namespace dunlin
