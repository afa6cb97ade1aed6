#include "compressor.hpp"

#include <dunlin/ext/storage.h>
#include <snappy.h>
#include <zstd.h>

#include <mutex>

namespace dunlin::storage_file {
namespace {

// Level 1 compresses several times faster than a disk writes; higher ones do not.
constexpr int zstd_level = 1;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

template <class Context>
class ContextPool {
 public:
  using Pointer = std::unique_ptr<Context, FreeContext>;

  template <class Make>
  Pointer take(Make make) {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return Pointer(make());
    auto context = std::move(free_.back());
    free_.pop_back();
    return context;
  }
  // As many as threads were at work at once are kept, but never more than a few.
  void give_back(Pointer context) {
    static constexpr std::size_t kept_max = 4;
    const std::lock_guard lock(mutex_);
    if (free_.size() < kept_max) free_.push_back(std::move(context));
  }

 private:
  std::mutex mutex_;
  std::vector<Pointer> free_;
};

const char* chars(BytesView bytes) noexcept { return reinterpret_cast<const char*>(bytes.data()); }

}  // namespace

struct Compressor::Pool {
  ContextPool<ZSTD_CCtx> compress;
  ContextPool<ZSTD_DCtx> decompress;
};

Compressor::Compressor() : pool_(std::make_unique<Pool>()) {}
Compressor::~Compressor() = default;

std::size_t Compressor::compress(std::uint32_t how, BytesView plain, std::uint8_t* out) {
  if (plain.empty()) return 0;
  if (how == DUNLIN_COMPRESS_S2) {
    // Snappy wants room for its worst case, which is more than the caller has.
    Bytes packed(snappy::MaxCompressedLength(plain.size()));
    std::size_t n = 0;
    snappy::RawCompress(chars(plain), plain.size(), reinterpret_cast<char*>(packed.data()), &n);
    if (n >= plain.size()) return 0;
    std::memcpy(out, packed.data(), n);
    return n;
  }
  auto context = pool_->compress.take(ZSTD_createCCtx);
  if (!context) return 0;
  const auto n = ZSTD_compressCCtx(context.get(), out, plain.size(), plain.data(), plain.size(),
                                   zstd_level);
  pool_->compress.give_back(std::move(context));
  return ZSTD_isError(n) != 0 || n >= plain.size() ? 0 : n;
}

bool Compressor::decompress(std::uint32_t how, BytesView packed, std::uint8_t* out,
                            std::size_t n) {
  if (how == DUNLIN_COMPRESS_S2) {
    std::size_t plain = 0;
    return snappy::GetUncompressedLength(chars(packed), packed.size(), &plain) && plain == n &&
           snappy::RawUncompress(chars(packed), packed.size(), reinterpret_cast<char*>(out));
  }
  auto context = pool_->decompress.take(ZSTD_createDCtx);
  if (!context) return false;
  const auto got = ZSTD_decompressDCtx(context.get(), out, n, packed.data(), packed.size());
  pool_->decompress.give_back(std::move(context));
  return ZSTD_isError(got) == 0 && got == n;
}

}  // namespace dunlin::storage_file
