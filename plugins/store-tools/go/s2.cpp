#include "plugins/store-tools/go/s2.hpp"

#include <algorithm>
#include <bit>
#include <boost/crc.hpp>
#include <string_view>

namespace dunlin::store_tools {
namespace {

constexpr std::uint8_t chunk_compressed = 0x00;
constexpr std::uint8_t chunk_plain = 0x01;
constexpr std::uint8_t chunk_skippable = 0x80;  // and all above, but for the stream's head
constexpr std::uint8_t chunk_head = 0xff;
constexpr std::size_t checksum_bytes = 4;

constexpr unsigned tag_literal = 0;
constexpr unsigned tag_copy_short = 1;
constexpr unsigned tag_copy_near = 2;

// As both formats store it: rotated, with a constant, so that it is no CRC of data with CRCs.
std::uint32_t masked_crc(BytesView bytes) {
  boost::crc_optimal<32, 0x1edc6f41, 0xffffffff, 0xffffffff, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return std::rotr(static_cast<std::uint32_t>(crc.checksum()), 15) + 0xa282ead8U;
}

std::size_t number(BytesView bytes) noexcept {
  std::size_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::size_t{bytes[i]} << (8 * i);
  return value;
}

// A block being taken apart.
class BlockReader {
 public:
  BlockReader(BytesView block, std::size_t size, std::vector<std::uint8_t>& out)
      : in_(block), out_(out), begin_(out.size()), end_(out.size() + size) {}

  bool run() {
    while (!in_.rest().empty()) {
      const unsigned tag = in_.fixed<std::uint8_t>();
      const bool good = (tag & 3) == tag_literal ? literal(tag >> 2) : copy(tag);
      if (!good || in_.failed()) return false;
    }
    return out_.size() == end_;
  }

 private:
  // Lengths from 60 on stand in one to four bytes of their own.
  bool literal(std::size_t length) {
    if (length >= 60) length = number(in_.take(length - 59));
    ++length;
    if (length > end_ - out_.size()) return false;
    const auto bytes = in_.take(length);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return true;
  }

  bool copy(unsigned tag) {
    std::size_t length = (tag >> 2) + 1;
    if ((tag & 3) == tag_copy_short) {
      const std::size_t offset = ((tag & 0xe0U) << 3) | in_.fixed<std::uint8_t>();
      length = (tag >> 2) & 7;
      if (offset != 0) offset_ = offset;
      else if (length >= 5) length = repeated_length(length);
      length += 4;
    } else {
      offset_ = number(in_.take((tag & 3) == tag_copy_near ? 2 : 4));
    }
    const auto written = out_.size() - begin_;
    if (in_.failed() || offset_ == 0 || offset_ > written || length > end_ - out_.size())
      return false;
    // What is copied may be written by the same copy: byte by byte, forwards.
    for (std::size_t i = 0; i < length; ++i) out_.push_back(out_[out_.size() - offset_]);
    return true;
  }

  // An offset of 0 repeats the one before; lengths from 5 on stand in one to three bytes.
  std::size_t repeated_length(std::size_t code) {
    constexpr std::size_t base[] = {4, 1U << 8, 1U << 16};
    return number(in_.take(code - 4)) + base[code - 5];
  }

  Reader in_;
  std::vector<std::uint8_t>& out_;
  const std::size_t begin_, end_;
  std::size_t offset_ = 0;
};

Error damaged(const char* what) {
  return fail(DUNLIN_E_CORRUPT, std::string("the compressed data is damaged: ") + what);
}

result<> read_data_chunk(std::uint8_t kind, BytesView chunk, std::size_t bytes_max,
                         std::vector<std::uint8_t>& out) {
  Reader in(chunk);
  const auto expected = in.fixed<std::uint32_t>();
  const auto begin = out.size();
  if (kind == chunk_plain) {
    if (in.rest().size() > bytes_max - begin) return damaged("there is more of it than was said");
    out.insert(out.end(), in.rest().begin(), in.rest().end());
  } else {
    const auto size = in.unsigned_number();
    if (in.failed()) return damaged("a chunk is cut off");
    if (size > bytes_max - begin) return damaged("there is more of it than was said");
    if (!read_s2_block(in.rest(), size, out)) return damaged("a chunk does not hold together");
  }
  if (masked_crc(BytesView(out).subspan(begin)) != expected)
    return damaged("a checksum does not match");
  return {};
}

}  // namespace

bool read_s2_block(BytesView block, std::size_t size, std::vector<std::uint8_t>& out) {
  return BlockReader(block, size, out).run();
}

result<std::vector<std::uint8_t>> read_s2_stream(BytesView stream, std::size_t bytes_max) {
  constexpr std::string_view names[] = {"S2sTwO", "sNaPpY"};
  std::vector<std::uint8_t> out;
  bool headed = false;
  for (Reader in(stream); !in.rest().empty();) {
    const auto kind = in.fixed<std::uint8_t>();
    const auto chunk = in.take(number(in.take(3)));
    if (in.failed()) return damaged("a chunk is cut off");
    if (kind == chunk_head) {
      const std::string_view name(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      if (std::find(std::begin(names), std::end(names), name) == std::end(names))
        return damaged("it begins in no known way");
      headed = true;
      continue;
    }
    if (!headed) return damaged("it has no beginning");
    if (kind >= chunk_skippable) continue;
    if (kind != chunk_compressed && kind != chunk_plain)
      return damaged("a chunk is of no known kind");
    if (chunk.size() < checksum_bytes) return damaged("a chunk is cut off");
    if (auto ok = read_data_chunk(kind, chunk, bytes_max, out); !ok) return ok.error();
  }
  return out;
}

}  // namespace dunlin::store_tools
