#include "plugins/storage-file/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/storage-file/bytes.hpp"

namespace dunlin::storage_file {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t ciphers[] = {DUNLIN_CIPHER_NONE, DUNLIN_CIPHER_AES_GCM,
                                     DUNLIN_CIPHER_CHACHA20_POLY1305};
constexpr std::uint32_t compressions[] = {DUNLIN_COMPRESS_NONE, DUNLIN_COMPRESS_S2,
                                          DUNLIN_COMPRESS_ZSTD};

FillRandom counting() {
  return [n = std::uint8_t{0}](std::span<std::uint8_t> out) mutable {
    for (auto& byte : out) byte = n++;
  };
}

KeyRing ring(std::uint32_t cipher, std::string_view key = "key", std::string_view previous = {}) {
  if (cipher == DUNLIN_CIPHER_NONE && previous.empty()) key = {};
  return KeyRing::make(cipher, bytes_of(key), bytes_of(previous), counting()).value();
}

Bytes repeated(std::size_t n) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(i / 50);
  return out;
}

Bytes noise(std::size_t n) {
  Bytes out(n);
  std::uint32_t x = 12345;
  for (auto& byte : out) {
    x = x * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(x >> 24);
  }
  return out;
}

Bytes encoded(const BlockCodec& codec, const Bytes& plain, std::uint64_t offset = 0) {
  Bytes out;
  EXPECT_TRUE(codec.encode(plain, offset, out));
  EXPECT_LE(out.size(), codec.bound(plain.size()));
  return out;
}

TEST(CodecTest, blocks_come_back_with_every_setting_and_size) {
  for (const auto cipher : ciphers) {
    for (const auto compression : compressions) {
      const auto keys = ring(cipher);
      const auto codec = keys.codec(1, 2, compression);
      for (const std::size_t n : {0, 1, 15, 16, 4096, 1 << 20}) {
        for (const auto& plain : {repeated(n), noise(n)}) {
          auto stored = encoded(codec, plain, 77);
          stored.push_back(0xee);  // what stands behind it
          Bytes again = {1, 2};
          ASSERT_TRUE(codec.decode(stored, 77, again)) << cipher << compression << n;
          EXPECT_EQ(Bytes(again.begin() + 2, again.end()), plain);
        }
      }
    }
  }
}

TEST(CodecTest, what_shrinks_is_compressed_and_what_does_not_is_left) {
  for (const auto compression : {DUNLIN_COMPRESS_S2, DUNLIN_COMPRESS_ZSTD}) {
    const auto keys = ring(DUNLIN_CIPHER_NONE);
    const auto codec = keys.codec(1, 1, compression);
    EXPECT_LT(encoded(codec, repeated(100'000)).size(), 20'000u);
    const auto stored = encoded(codec, noise(1000));
    EXPECT_EQ(stored.size(), 1000 + block_header_bytes);
    EXPECT_EQ((*inspect_block(stored)).compression, DUNLIN_COMPRESS_NONE);
  }
}

TEST(CodecTest, a_block_opens_with_another_segments_compression) {
  const auto keys = ring(DUNLIN_CIPHER_NONE);
  const auto stored = encoded(keys.codec(1, 1, DUNLIN_COMPRESS_ZSTD), repeated(5000));
  Bytes again;
  ASSERT_TRUE(keys.codec(1, 1, DUNLIN_COMPRESS_NONE).decode(stored, 0, again));
  EXPECT_EQ(again, repeated(5000));
}

TEST(CodecTest, an_encrypted_block_opens_only_where_it_was_written) {
  for (const auto cipher : {DUNLIN_CIPHER_AES_GCM, DUNLIN_CIPHER_CHACHA20_POLY1305}) {
    const auto keys = ring(cipher);
    const auto stored = encoded(keys.codec(1, 2, DUNLIN_COMPRESS_NONE), repeated(100), 512);
    Bytes out;
    const auto status_at = [&](std::uint64_t log, std::uint64_t segment, std::uint64_t offset) {
      auto ok = keys.codec(log, segment, DUNLIN_COMPRESS_NONE).decode(stored, offset, out);
      return ok ? DUNLIN_OK : ok.error().status;
    };
    EXPECT_EQ(status_at(1, 2, 512), DUNLIN_OK);
    out.clear();
    EXPECT_EQ(status_at(2, 2, 512), DUNLIN_E_CORRUPT);
    EXPECT_EQ(status_at(1, 3, 512), DUNLIN_E_CORRUPT);
    EXPECT_EQ(status_at(1, 2, 1024), DUNLIN_E_CORRUPT);
    EXPECT_TRUE(out.empty());
  }
}

TEST(CodecTest, every_flipped_bit_of_an_encrypted_block_is_noticed) {
  for (const auto cipher : {DUNLIN_CIPHER_AES_GCM, DUNLIN_CIPHER_CHACHA20_POLY1305}) {
    const auto keys = ring(cipher);
    const auto codec = keys.codec(1, 2, DUNLIN_COMPRESS_ZSTD);
    const auto stored = encoded(codec, repeated(300));
    for (std::size_t bit = 0; bit < stored.size() * 8; ++bit) {
      auto changed = stored;
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
      Bytes out;
      EXPECT_FALSE(codec.decode(changed, 0, out)) << bit;
      EXPECT_TRUE(out.empty());
    }
  }
}

TEST(CodecTest, a_cut_off_block_is_no_block) {
  const auto keys = ring(DUNLIN_CIPHER_AES_GCM);
  const auto codec = keys.codec(1, 2, DUNLIN_COMPRESS_S2);
  const auto stored = encoded(codec, repeated(300));
  for (std::size_t n = 0; n < stored.size(); ++n) {
    Bytes out;
    const auto outcome = codec.decode(BytesView(stored).first(n), 0, out);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().status, DUNLIN_E_CORRUPT);
  }
}

TEST(CodecTest, the_same_content_never_gives_the_same_bytes) {
  const auto keys = ring(DUNLIN_CIPHER_CHACHA20_POLY1305);
  const auto codec = keys.codec(1, 2, DUNLIN_COMPRESS_NONE);
  EXPECT_NE(encoded(codec, repeated(50)), encoded(codec, repeated(50)));
}

TEST(CodecTest, a_previous_key_opens_and_the_current_one_closes) {
  const auto before = ring(DUNLIN_CIPHER_AES_GCM, "old");
  const auto after = ring(DUNLIN_CIPHER_CHACHA20_POLY1305, "new", "old");
  EXPECT_EQ(after.previous_id(), before.current_id());
  const auto stored = encoded(before.codec(1, 1, DUNLIN_COMPRESS_NONE), repeated(10));
  Bytes out;
  const auto codec = after.codec(1, 1, DUNLIN_COMPRESS_NONE);
  ASSERT_TRUE(codec.decode(stored, 0, out));
  EXPECT_EQ((*inspect_block(encoded(codec, out))).key_id, after.current_id());
}

TEST(CodecTest, a_key_that_is_missing_is_named) {
  const auto stored =
      encoded(ring(DUNLIN_CIPHER_AES_GCM, "a").codec(1, 1, DUNLIN_COMPRESS_NONE), repeated(10));
  Bytes out;
  const auto other = ring(DUNLIN_CIPHER_AES_GCM, "b");
  const auto outcome = other.codec(1, 1, DUNLIN_COMPRESS_NONE).decode(stored, 0, out);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().status, DUNLIN_E_DENIED);
  EXPECT_THAT(outcome.error().text, HasSubstr("not configured"));
  EXPECT_FALSE(other.opens((*inspect_block(stored)).key_id));
}

TEST(CodecTest, encryption_that_was_ended_still_reads) {
  const auto stored =
      encoded(ring(DUNLIN_CIPHER_AES_GCM, "a").codec(1, 1, DUNLIN_COMPRESS_NONE), repeated(10));
  const auto after = ring(DUNLIN_CIPHER_NONE, {}, "a");
  EXPECT_EQ(after.current_id(), 0u);
  const auto codec = after.codec(1, 1, DUNLIN_COMPRESS_NONE);
  EXPECT_TRUE(codec.is_plain());
  Bytes out;
  ASSERT_TRUE(codec.decode(stored, 0, out));
  EXPECT_EQ(out, repeated(10));
}

TEST(CodecTest, a_cipher_without_a_key_is_refused) {
  const auto made = KeyRing::make(DUNLIN_CIPHER_AES_GCM, {}, {}, counting());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().status, DUNLIN_E_INVALID);
}

}  // namespace
}  // namespace dunlin::storage_file
