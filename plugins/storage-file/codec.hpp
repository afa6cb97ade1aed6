// Codec: blocks of bytes as they stand on the disk: compressed, encrypted, both or neither.
//
//     const auto codec = keys.codec(log.id, segment_number, compression);   // one for a segment
//     codec.encode(plain, offset, out);
//     codec.decode(stored, offset, plain_again);
//
// A block names what was done to it, so blocks of different settings stand side by side: a changed
// compression or key holds for what is written from then on. What is encrypted is bound to its log,
// segment and offset: a block that was moved or swapped does not open.
//
//     0   1  version (1)
//     1   1  compression: 1 none, 2 S2, 3 zstd (DUNLIN_COMPRESS_...)
//     2   1  cipher: 0 none, 1 AES-256-GCM, 2 ChaCha20-Poly1305 (DUNLIN_CIPHER_...)
//     3   1  zero
//     4   4  bytes of the plain block, little endian as all that follows
//     8   4  bytes behind this header
//     12  4  id of the key; 0 without cipher
//     16  .. without cipher: the content. With one: 12 bytes of nonce, the content, 16 bytes of tag
//
// Each segment has its own key, derived from the store's (HKDF-SHA256), so that a random nonce a
// block does not run out, whatever is written.
//
// A block that is not encrypted carries no checksum of its own: the segment's covers it. Bytes that
// are not a block, are damaged, or were written elsewhere give DUNLIN_E_CORRUPT; a key that is not
// here gives DUNLIN_E_DENIED and names its id. Immutable after it was made: use it from any thread.

#pragma once

#include <dunlin/ext/storage.h>
#include <dunlin/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace dunlin::storage_file {

inline constexpr std::size_t block_header_bytes = 16;
using KeyId = std::uint32_t;
using FillRandom = std::function<void(std::span<std::uint8_t>)>;

// What a block says of itself, before anything of it is believed.
struct BlockInfo {
  std::uint32_t compression = DUNLIN_COMPRESS_NONE;
  std::uint32_t cipher = DUNLIN_CIPHER_NONE;
  KeyId key_id = 0;
  std::uint32_t plain_bytes = 0;
  std::uint32_t stored_bytes = 0;  // header included
};

// Reads a block's header; `stored` may be longer than the block.
[[nodiscard]] result<BlockInfo> inspect_block(std::span<const std::uint8_t> stored);

// The codec of one segment.
class BlockCodec {
 public:
  // Only to be assigned to.
  BlockCodec();
  BlockCodec(BlockCodec&&) noexcept;
  BlockCodec& operator=(BlockCodec&&) noexcept;
  ~BlockCodec();

  // What `encode` appends at most.
  [[nodiscard]] std::size_t bound(std::size_t plain_bytes) const noexcept;
  // Appends the block of `plain` to `out`; `offset` is where it will stand in the segment. Content
  // that does not shrink is stored as it is. At most DUNLIN_RECORD_MAX plus 1 MiB.
  result<> encode(std::span<const std::uint8_t> plain, std::uint64_t offset,
                  std::vector<std::uint8_t>& out) const;
  // Appends the content to `out`. `stored` begins with the block, and may go on behind it.
  result<> decode(std::span<const std::uint8_t> stored, std::uint64_t offset,
                  std::vector<std::uint8_t>& out) const;

  // Neither compresses nor encrypts: its blocks are header and content.
  [[nodiscard]] bool is_plain() const noexcept;
  // What new blocks are encrypted with; 0 for nothing.
  [[nodiscard]] KeyId key_id() const noexcept;

 private:
  friend class KeyRing;
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

// The keys of a store: the current one, and the previous one while it is still needed.
class KeyRing {
 public:
  KeyRing();
  KeyRing(KeyRing&&) noexcept;
  KeyRing& operator=(KeyRing&&) noexcept;
  ~KeyRing();

  // `cipher` is DUNLIN_CIPHER_...; keys are secrets of any length that is not 0, from which the
  // real ones are derived. An absent key is empty. DUNLIN_E_INVALID for a cipher without a key.
  static result<KeyRing> make(std::uint32_t cipher, std::span<const std::uint8_t> key,
                              std::span<const std::uint8_t> previous_key, FillRandom random);

  // `compression` is one of DUNLIN_COMPRESS_NONE, _S2, _ZSTD.
  [[nodiscard]] BlockCodec codec(std::uint64_t log, std::uint64_t segment,
                                 std::uint32_t compression) const;

  [[nodiscard]] KeyId current_id() const noexcept;   // 0: nothing is encrypted
  [[nodiscard]] KeyId previous_id() const noexcept;  // 0: there is none
  [[nodiscard]] bool opens(KeyId id) const noexcept;

 private:
  friend class BlockCodec;
  struct Keys;
  std::shared_ptr<const Keys> keys_;
};

}  // namespace dunlin::storage_file
