#include "plugins/storage-file/log/record_fetch.hpp"

#include <algorithm>

#include "plugins/storage-file/bytes.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint32_t run_bytes_max = 1u << 20;
constexpr std::uint32_t hole_bytes_max = 64u << 10;
constexpr std::uint32_t block_guess = (64u << 10) + 256;
constexpr std::uint32_t block_head_guess = 512;

void check(Fetch& fetch, std::span<const std::uint8_t> bytes) {
  const auto entry = read_entry(bytes, fetch.item.offset, fetch.key);
  dunlin_record record;
  if (!entry || !read_record(*entry, record)) {
    fetch.why = "its checksum is wrong";
  } else if (record.seq != fetch.seq) {
    fetch.why = "another record stands in its place";
  } else {
    fetch.entry = *entry;
  }
}

// How many of `wanted`, from the first on, one read serves; `begin` and `end` are its range.
std::size_t gather(std::span<Fetch* const> wanted, std::uint64_t& begin, std::uint64_t& end) {
  const auto& first = *wanted[0];
  begin = first.item.offset;
  end = begin + first.item.entry_bytes;
  std::size_t n = 1;
  for (; n < wanted.size(); ++n) {
    const auto& next = *wanted[n];
    if (next.file != first.file || next.item.block != SegmentIndex::none) break;
    const std::uint64_t low = next.item.offset, high = low + next.item.entry_bytes;
    if (low > end + hole_bytes_max || high + hole_bytes_max < begin) break;
    const auto new_begin = std::min(begin, low), new_end = std::max(end, high);
    if (new_end - new_begin > run_bytes_max) break;
    begin = new_begin;
    end = new_end;
  }
  return n;
}

result<std::size_t> fetch_run(std::span<Fetch* const> wanted,
                              std::vector<std::vector<std::uint8_t>>& buffers,
                              Observer& observer) {
  std::uint64_t begin = 0, end = 0;
  const auto n = gather(wanted, begin, end);
  auto& buffer = buffers.emplace_back(end - begin);
  const auto got = wanted[0]->file->read(begin, buffer);
  if (!got && (got.error().status != DUNLIN_E_IO)) return got.error();
  observer.read(buffer.size());
  for (auto* fetch : wanted.first(n)) {
    const auto bytes = std::span(buffer).subspan(fetch->item.offset - begin,
                                                 fetch->item.entry_bytes);
    // One sector the disk cannot read costs the records in it, not those around.
    if (!got && (n == 1 || !fetch->file->read(fetch->item.offset, bytes))) {
      fetch->why = got.error().text;
      fetch->is_disk_error = true;
    } else {
      check(*fetch, bytes);
    }
  }
  return n;
}

// The content of the block `wanted` lies in; nothing, and why, when it cannot be believed.
result<BlockCache::Block> read_block(const Fetch& wanted, const char*& why, Observer& observer) {
  const auto block = wanted.item.block;
  std::vector<std::uint8_t> stored(block_guess);
  if (auto got = wanted.file->read(block, stored); !got) {
    // The guess may reach into what is another block's.
    stored.resize(std::min<std::size_t>(stored.size(), block_head_guess));
    if (auto head = wanted.file->read(block, stored); !head) return head.error();
    stored.resize(std::min<std::size_t>(claimed_bytes(stored), block_guess));
    if (auto all = wanted.file->read(block, stored); !all) return all.error();
  }
  const auto claimed = claimed_bytes(stored);
  if (claimed > stored.size() && claimed <= DUNLIN_RECORD_MAX + block_guess) {
    stored.resize(claimed);
    if (auto got = wanted.file->read(block, stored); !got) return got.error();
  }
  observer.read(stored.size());
  const auto entry = read_entry(stored, block, wanted.key);
  if (!entry || entry->kind != EntryKind::block) {
    why = "the checksum of its block is wrong";
    return BlockCache::Block();
  }
  auto plain = std::make_shared<std::vector<std::uint8_t>>();
  if (auto opened = wanted.codec->decode(entry->body, block + entry_head_bytes, *plain); !opened) {
    if (opened.error().status == DUNLIN_E_DENIED) return opened.error();
    why = "its block cannot be opened";
    return BlockCache::Block();
  }
  return BlockCache::Block(std::move(plain));
}

result<std::size_t> fetch_block(std::span<Fetch* const> wanted, BlockCache& cache,
                                Observer& observer) {
  const auto& first = *wanted[0];
  std::size_t n = 1;
  while (n < wanted.size() && wanted[n]->file == first.file &&
         wanted[n]->item.block == first.item.block) {
    ++n;
  }
  const char* why = nullptr;
  auto content = cache.find(first.block);
  if (!content) {
    auto read = read_block(first, why, observer);
    if (!read && read.error().status == DUNLIN_E_IO) {
      for (auto* fetch : wanted.first(n)) {
        fetch->why = read.error().text;
        fetch->is_disk_error = true;
      }
      return n;
    }
    if (!read) return read.error();
    content = *read;
    if (content) cache.put(first.block, content);
  }
  for (auto* fetch : wanted.first(n)) {
    fetch->content = content;
    if (!content) {
      fetch->why = why;
    } else if (fetch->item.offset >= content->size()) {
      fetch->why = "its block is too short";
    } else {
      check(*fetch, std::span<const std::uint8_t>(*content).subspan(fetch->item.offset));
    }
  }
  return n;
}

}  // namespace

result<> fetch_records(std::span<Fetch* const> wanted,
                       std::vector<std::vector<std::uint8_t>>& buffers, BlockCache& cache,
                       Observer& observer) {
  while (!wanted.empty()) {
    auto n = wanted[0]->item.block == SegmentIndex::none
                 ? fetch_run(wanted, buffers, observer)
                 : fetch_block(wanted, cache, observer);
    if (!n) return n.error();
    wanted = wanted.subspan(*n);
  }
  return {};
}

Entry trusted_entry(std::span<const std::uint8_t> bytes) noexcept {
  const auto size = claimed_bytes(bytes);
  const auto kind = static_cast<EntryKind>(load_le<std::uint32_t>(bytes.data() + 4) >> 27);
  return {kind, size, bytes.subspan(entry_head_bytes, size - entry_head_bytes)};
}

}  // namespace dunlin::storage_file::engine
