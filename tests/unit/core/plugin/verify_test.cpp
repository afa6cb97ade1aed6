// Hashes against published values, and memory that cannot change any more.

#include "core/plugin/verify.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace dunlin::plugin::test {
namespace {

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Verify, sha256_gives_the_published_value) {
  // FIPS 180-4, example "abc".
  EXPECT_EQ(sha256_hex(bytes_of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Verify, sealed_memory_refuses_every_write) {
  const auto fd = seal_in_memory(bytes_of("content"), "test");
  ASSERT_TRUE(fd.has_value());
  EXPECT_EQ(::pwrite(*fd, "X", 1, 0), -1);
  EXPECT_EQ(::ftruncate(*fd, 0), -1);
  char first = 0;
  EXPECT_EQ(::pread(*fd, &first, 1, 0), 1);
  EXPECT_EQ(first, 'c');
  ::close(*fd);
}

TEST(Verify, malformed_signatures_and_keys_are_refused) {
  const std::string signature(64, 's');
  const std::string key(64, '0');
  EXPECT_FALSE(check_signature(bytes_of("x"), bytes_of("short"), {key}).has_value());
  EXPECT_FALSE(check_signature(bytes_of("x"), bytes_of(signature), {}).has_value());
  EXPECT_FALSE(check_signature(bytes_of("x"), bytes_of(signature), {"not a key"}).has_value());
  EXPECT_FALSE(check_signature(bytes_of("x"), bytes_of(signature), {key}).has_value());
}

}  // namespace
}  // namespace dunlin::plugin::test
