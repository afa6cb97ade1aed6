// Blocks of a damaged disk: what is no block is refused without a trace, what decodes has the
// length its header says, and what is encoded comes back, and no longer does when a bit of it was
// changed.

#include <cstdint>

#include "core/base/ensure.hpp"
#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/codec.hpp"

namespace {

using namespace dunlin::storage_file;

KeyRing make_ring(std::uint32_t cipher) {
  const auto random = [n = std::uint8_t{0}](std::span<std::uint8_t> out) mutable {
    for (auto& byte : out) byte = n++;
  };
  return KeyRing::make(cipher, bytes_of("key"), bytes_of("previous"), random).value();
}

void check_foreign(const BlockCodec& codec, BytesView input) {
  Bytes out;
  const auto decoded = codec.decode(input, 1, out);
  if (!decoded) {
    ensure(out.empty());
    ensure(!decoded.error().text.empty());
    return;
  }
  auto info = inspect_block(input);
  ensure(static_cast<bool>(info));
  ensure(out.size() == (*info).plain_bytes);
  ensure((*info).stored_bytes <= input.size());
}

void check_own(const BlockCodec& codec, BytesView input) {
  Bytes stored;
  ensure(static_cast<bool>(codec.encode(input, 7, stored)));
  ensure(stored.size() <= codec.bound(input.size()));
  Bytes again;
  ensure(static_cast<bool>(codec.decode(stored, 7, again)));
  ensure(again == Bytes(input.begin(), input.end()));
  if (codec.key_id() == 0 || input.empty()) return;
  auto changed = stored;
  auto& byte = changed[input[0] % changed.size()];
  byte = static_cast<std::uint8_t>(byte ^ 1);
  again.clear();
  ensure(!codec.decode(changed, 7, again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto codecs = [] {
    std::vector<BlockCodec> out;
    for (const auto cipher :
         {DUNLIN_CIPHER_NONE, DUNLIN_CIPHER_AES_GCM, DUNLIN_CIPHER_CHACHA20_POLY1305}) {
      for (const auto compression :
           {DUNLIN_COMPRESS_NONE, DUNLIN_COMPRESS_S2, DUNLIN_COMPRESS_ZSTD}) {
        out.push_back(make_ring(cipher).codec(1, 2, compression));
      }
    }
    return out;
  }();
  for (const auto& codec : codecs) {
    check_foreign(codec, {data, size});
    check_own(codec, {data, size});
  }
  return 0;
}
