#include "codec.hpp"

#include <cstdio>
#include <optional>

#include "aead.hpp"
#include "bytes.hpp"
#include "compressor.hpp"

namespace dunlin::storage_file {
namespace {

constexpr std::uint8_t block_version = 1;
constexpr std::size_t plain_bytes_max = std::size_t{DUNLIN_RECORD_MAX} + (std::size_t{1} << 20);
constexpr std::size_t sealing_bytes = nonce_bytes + tag_bytes;

std::string hex(KeyId id) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", id);
  return text;
}

Error corrupt(const char* why) {
  return fail(DUNLIN_E_CORRUPT, std::string("this is not a readable block: ") + why);
}

void write_header(const BlockInfo& info, std::uint8_t* out) noexcept {
  out[0] = block_version;
  out[1] = static_cast<std::uint8_t>(info.compression);
  out[2] = static_cast<std::uint8_t>(info.cipher);
  out[3] = 0;
  store_le<std::uint32_t>(out + 4, info.plain_bytes);
  store_le<std::uint32_t>(out + 8, info.stored_bytes - std::uint32_t{block_header_bytes});
  store_le<std::uint32_t>(out + 12, info.key_id);
}

// What an encrypted block is bound to: its own header and its place.
using Associated = std::array<std::uint8_t, block_header_bytes + 24>;
Associated associated_of(BytesView header, std::uint64_t log, std::uint64_t segment,
                         std::uint64_t offset) noexcept {
  Associated out{};
  std::memcpy(out.data(), header.data(), block_header_bytes);
  store_le(out.data() + block_header_bytes, log);
  store_le(out.data() + block_header_bytes + 8, segment);
  store_le(out.data() + block_header_bytes + 16, offset);
  return out;
}

struct NamedKey {
  KeyId id = 0;
  Key key;
};

// The key of one segment, from the store's.
Key segment_key(const Key& store, std::uint64_t log, std::uint64_t segment) {
  static constexpr std::string_view purpose = "dunlin storage-file segment";
  Bytes info;
  Writer writer(info);
  writer.raw(bytes_of(purpose));
  writer.number(log);
  writer.number(segment);
  // The same derivation succeeded when the ring was made.
  return derive_key({store.data(), Key::size}, info).value();
}

}  // namespace

struct KeyRing::Keys {
  std::uint32_t cipher = DUNLIN_CIPHER_NONE;
  std::vector<NamedKey> keys;  // the first is the current one, if anything is encrypted
  FillRandom random;
  mutable Compressor compressor;
};

struct BlockCodec::Parts {
  std::shared_ptr<const KeyRing::Keys> ring;
  std::uint64_t log = 0, segment = 0;
  std::uint32_t compression = DUNLIN_COMPRESS_NONE;
  std::vector<NamedKey> keys;  // of this segment, in the order of the ring

  [[nodiscard]] const NamedKey* find(KeyId id) const noexcept {
    for (const auto& key : keys) {
      if (key.id == id) return &key;
    }
    return nullptr;
  }
  [[nodiscard]] bool encrypts() const noexcept { return ring->cipher != DUNLIN_CIPHER_NONE; }
};

result<BlockInfo> inspect_block(BytesView stored) {
  if (stored.size() < block_header_bytes) return corrupt("its header is cut off");
  BlockInfo info;
  const auto content = load_le<std::uint32_t>(stored.data() + 8);
  info.compression = stored[1];
  info.cipher = stored[2];
  info.plain_bytes = load_le<std::uint32_t>(stored.data() + 4);
  info.key_id = load_le<std::uint32_t>(stored.data() + 12);
  if (stored[0] != block_version) return corrupt("its version is unknown");
  if (info.compression < DUNLIN_COMPRESS_NONE || info.compression > DUNLIN_COMPRESS_ZSTD ||
      info.cipher > DUNLIN_CIPHER_CHACHA20_POLY1305 || stored[3] != 0) {
    return corrupt("its header is damaged");
  }
  const bool is_sealed = info.cipher != DUNLIN_CIPHER_NONE;
  if (is_sealed == (info.key_id == 0)) return corrupt("its key and its cipher contradict");
  if (info.plain_bytes > plain_bytes_max || content > plain_bytes_max + sealing_bytes ||
      (is_sealed && content < sealing_bytes)) {
    return corrupt("its length is impossible");
  }
  const auto packed = content - (is_sealed ? sealing_bytes : 0);
  if (info.compression == DUNLIN_COMPRESS_NONE ? packed != info.plain_bytes
                                               : packed >= info.plain_bytes) {
    return corrupt("its lengths contradict");
  }
  info.stored_bytes = content + std::uint32_t{block_header_bytes};
  return info;
}

// ---- one segment's codec ------------------------------------------------------------------

BlockCodec::BlockCodec() = default;
BlockCodec::BlockCodec(BlockCodec&&) noexcept = default;
BlockCodec& BlockCodec::operator=(BlockCodec&&) noexcept = default;
BlockCodec::~BlockCodec() = default;

std::size_t BlockCodec::bound(std::size_t plain_bytes) const noexcept {
  return block_header_bytes + plain_bytes + (parts_->encrypts() ? sealing_bytes : 0);
}

bool BlockCodec::is_plain() const noexcept {
  return parts_->compression == DUNLIN_COMPRESS_NONE && !parts_->encrypts();
}

KeyId BlockCodec::key_id() const noexcept {
  return parts_->encrypts() ? parts_->keys.front().id : 0;
}

result<> BlockCodec::encode(BytesView plain, std::uint64_t offset, Bytes& out) const {
  if (plain.size() > plain_bytes_max) {
    return fail(DUNLIN_E_INVALID, "a block of " + std::to_string(plain.size()) +
                                      " bytes is too large to be stored");
  }
  const auto start = out.size();
  out.resize(start + bound(plain.size()));
  const auto content = start + block_header_bytes + (parts_->encrypts() ? nonce_bytes : 0);

  BlockInfo info;
  info.plain_bytes = static_cast<std::uint32_t>(plain.size());
  Bytes packed;
  if (parts_->compression != DUNLIN_COMPRESS_NONE) {
    // Sealing cannot work in place, so what is to be sealed is packed beside it.
    if (parts_->encrypts()) packed.resize(plain.size());
    auto* const to = parts_->encrypts() ? packed.data() : out.data() + content;
    const auto n = parts_->ring->compressor.compress(parts_->compression, plain, to);
    if (n != 0) {
      info.compression = parts_->compression;
      plain = {to, n};
    }
  }
  info.stored_bytes = static_cast<std::uint32_t>(bound(plain.size()));
  info.cipher = parts_->ring->cipher;
  info.key_id = key_id();
  write_header(info, out.data() + start);

  if (!parts_->encrypts()) {
    if (info.compression == DUNLIN_COMPRESS_NONE && !plain.empty()) {
      std::memcpy(out.data() + content, plain.data(), plain.size());
    }
  } else {
    const std::span nonce(out.data() + start + block_header_bytes, nonce_bytes);
    parts_->ring->random(nonce);
    const auto associated =
        associated_of({out.data() + start, block_header_bytes}, parts_->log, parts_->segment,
                      offset);
    if (!seal(info.cipher, parts_->keys.front().key, nonce, associated, plain,
              out.data() + content, out.data() + content + plain.size())) {
      out.resize(start);
      return fail(DUNLIN_E_INTERNAL, "OpenSSL could not encrypt a block");
    }
  }
  out.resize(start + info.stored_bytes);
  return {};
}

result<> BlockCodec::decode(BytesView stored, std::uint64_t offset, Bytes& out) const {
  auto read = inspect_block(stored);
  if (!read) return read.error();
  const auto& info = *read;
  if (stored.size() < info.stored_bytes) return corrupt("it is cut off");
  const auto header = stored.first(block_header_bytes);
  auto content = stored.subspan(block_header_bytes, info.stored_bytes - block_header_bytes);

  Bytes packed;
  if (info.cipher != DUNLIN_CIPHER_NONE) {
    const auto* const key = parts_->find(info.key_id);
    if (key == nullptr) {
      return fail(DUNLIN_E_DENIED, "a block was encrypted with the key " + hex(info.key_id) +
                                       ", which is not configured as key or previous_key");
    }
    const auto nonce = content.first(nonce_bytes);
    const auto tag = content.last(tag_bytes);
    const auto sealed = content.subspan(nonce_bytes, content.size() - sealing_bytes);
    packed.resize(sealed.size());
    if (!unseal(info.cipher, key->key, nonce,
                associated_of(header, parts_->log, parts_->segment, offset), sealed, tag,
                packed.data())) {
      return corrupt("it was changed, or belongs elsewhere (authentication failed)");
    }
    content = packed;
  }
  if (info.compression == DUNLIN_COMPRESS_NONE) {
    out.insert(out.end(), content.begin(), content.end());
    return {};
  }
  const auto start = out.size();
  out.resize(start + info.plain_bytes);
  if (!parts_->ring->compressor.decompress(info.compression, content, out.data() + start,
                                           info.plain_bytes)) {
    out.resize(start);
    return corrupt("its compressed content is damaged");
  }
  return {};
}

// ---- keys ---------------------------------------------------------------------------------

KeyRing::KeyRing() = default;
KeyRing::KeyRing(KeyRing&&) noexcept = default;
KeyRing& KeyRing::operator=(KeyRing&&) noexcept = default;
KeyRing::~KeyRing() = default;

result<KeyRing> KeyRing::make(std::uint32_t cipher, BytesView key, BytesView previous_key,
                              FillRandom random) {
  static constexpr std::string_view purpose = "dunlin storage-file store";
  if (cipher > DUNLIN_CIPHER_CHACHA20_POLY1305) {
    return fail(DUNLIN_E_INVALID, "cipher " + std::to_string(cipher) + " is unknown");
  }
  if (cipher != DUNLIN_CIPHER_NONE && key.empty()) {
    return fail(DUNLIN_E_INVALID, "a cipher is chosen, but no key is given: set key");
  }
  auto keys = std::make_shared<Keys>();
  keys->cipher = cipher;
  keys->random = std::move(random);
  for (const auto secret : {key, previous_key}) {
    if (secret.empty()) continue;
    auto derived = derive_key(secret, bytes_of(purpose));
    if (!derived) return derived.error();
    auto id = key_name(*derived);
    if (!id) return id.error();
    keys->keys.push_back({*id, *derived});
  }
  KeyRing ring;
  ring.keys_ = std::move(keys);
  return ring;
}

BlockCodec KeyRing::codec(std::uint64_t log, std::uint64_t segment,
                          std::uint32_t compression) const {
  auto parts = std::make_unique<BlockCodec::Parts>();
  parts->ring = keys_;
  parts->log = log;
  parts->segment = segment;
  parts->compression = compression;
  for (const auto& [id, key] : keys_->keys) {
    parts->keys.push_back({id, segment_key(key, log, segment)});
  }
  BlockCodec codec;
  codec.parts_ = std::move(parts);
  return codec;
}

KeyId KeyRing::current_id() const noexcept {
  return keys_->cipher != DUNLIN_CIPHER_NONE ? keys_->keys.front().id : 0;
}

KeyId KeyRing::previous_id() const noexcept {
  const auto behind = current_id() != 0 ? std::size_t{1} : std::size_t{0};
  return keys_->keys.size() > behind ? keys_->keys[behind].id : 0;
}

bool KeyRing::opens(KeyId id) const noexcept {
  if (id == 0) return true;
  for (const auto& key : keys_->keys) {
    if (key.id == id) return true;
  }
  return false;
}

}  // namespace dunlin::storage_file
