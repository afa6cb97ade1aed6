#include "plugins/storage-file/log/segment.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/crc32c.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint64_t magic = 0x32304745534e4c44;  // "DLNSEG02"
constexpr std::uint32_t version = 1;
constexpr std::size_t number_digits = 16;
constexpr std::string_view segment_suffix = ".seg", index_suffix = ".idx";

std::string name_of(std::uint64_t number, std::string_view suffix) {
  char digits[number_digits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
  return std::string(digits) + std::string(suffix);
}

}  // namespace

std::array<std::uint8_t, segment_header_bytes> encode_header(
    const SegmentHeader& header) noexcept {
  std::array<std::uint8_t, segment_header_bytes> out{};
  store_le(&out[0], magic);
  store_le(&out[8], version);
  store_le(&out[12], segment_header_bytes);
  store_le(&out[16], header.log);
  store_le(&out[24], header.number);
  store_le(&out[32], header.salt);
  std::copy(header.store.begin(), header.store.end(), &out[40]);
  store_le(&out[56], header.capacity);
  store_le(&out[60], crc32c(0, out.data(), 60));
  return out;
}

std::optional<SegmentHeader> decode_header(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.size() < segment_header_bytes) return std::nullopt;
  if (load_le<std::uint32_t>(&bytes[60]) != crc32c(0, bytes.data(), 60)) return std::nullopt;
  if (load_le<std::uint64_t>(&bytes[0]) != magic) return std::nullopt;
  if (load_le<std::uint32_t>(&bytes[8]) != version) return std::nullopt;
  SegmentHeader header;
  header.log = load_le<std::uint64_t>(&bytes[16]);
  header.number = load_le<std::uint64_t>(&bytes[24]);
  header.salt = load_le<std::uint64_t>(&bytes[32]);
  std::copy_n(&bytes[40], header.store.size(), header.store.begin());
  header.capacity = load_le<std::uint32_t>(&bytes[56]);
  if (header.capacity > segment_bytes_max) return std::nullopt;
  return header;
}

std::string segment_file_name(std::uint64_t number) { return name_of(number, segment_suffix); }
std::string index_file_name(std::uint64_t number) { return name_of(number, index_suffix); }
std::string fresh_file_name(std::uint64_t number) { return name_of(number, fresh_suffix); }
std::string spare_file_name(std::uint64_t number) { return name_of(number, spare_suffix); }

std::optional<std::uint64_t> file_number(std::string_view file_name, std::string_view suffix) {
  if (file_name.size() != number_digits + suffix.size() || !file_name.ends_with(suffix)) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const auto* end = file_name.data() + number_digits;
  const auto [at, error] = std::from_chars(file_name.data(), end, number, 16);
  // No other way of writing the number is the name of a segment.
  if (error != std::errc() || at != end || segment_file_name(number) != file_name) {
    return std::nullopt;
  }
  return number;
}

std::optional<std::uint64_t> segment_number(std::string_view file_name) {
  return file_number(file_name, segment_suffix);
}

}  // namespace dunlin::storage_file::engine
