// The sequences deleted from a stream as nats-server replicates them: the "deleted blocks" at the
// end of a stream's snapshot, in any order, each a run or a set.
//
//   run  33, uvarint first, uvarint count
//   set  22, version, u32 nodes, u32 sequences, then each node: u64 base, 32 words of bits (64 in
//        version 1), u16 height. The nodes are an AVL tree over their bases, in preorder; numbers
//        are little endian.
//
// Pure functions over memory, for any thread. What is decoded is foreign: anything may be in it.

#pragma once

#include <dunlin/result.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin {
inline namespace sdk {

namespace detail {

constexpr char deleted_set_magic = 22, deleted_run_magic = 33;
constexpr std::uint64_t deleted_node_words = 32, deleted_node_bits = deleted_node_words * 64;

template <class Number>
void put_little_endian(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

inline void put_uvarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Takes numbers off the front of a text; `failed` says that it was too short or no number.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) noexcept : rest(text) {}

  std::uint64_t little_endian(std::size_t bytes) noexcept {
    if (rest.size() < bytes) {
      failed = true;
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(rest[i]);
    rest.remove_prefix(bytes);
    return value;
  }
  std::uint64_t uvarint() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = little_endian(1);
      if (failed || (shift == 63 && byte > 1)) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    failed = true;
    return 0;
  }

  std::string_view rest;
  bool failed = false;
};

struct DeletedNode {
  std::uint64_t base;
  std::uint64_t words[deleted_node_words];
};

// The tree in which the middle of each range is its root; answers the height.
inline std::uint16_t put_deleted_nodes(std::string& out, std::span<const DeletedNode> nodes) {
  if (nodes.empty()) return 0;
  const auto middle = nodes.size() / 2;
  put_little_endian(out, nodes[middle].base);
  for (const auto word : nodes[middle].words) put_little_endian(out, word);
  const auto height_at = out.size();
  out.append(2, '\0');
  const auto left = put_deleted_nodes(out, nodes.first(middle));
  const auto right = put_deleted_nodes(out, nodes.subspan(middle + 1));
  const auto height = static_cast<std::uint16_t>(1 + std::max(left, right));
  out[height_at] = static_cast<char>(height & 0xff);
  out[height_at + 1] = static_cast<char>(height >> 8);
  return height;
}

}  // namespace detail

// Encodes runs that are added in ascending order and do not touch.
class DeletedBlocksEncoder {
 public:
  void add(std::uint64_t first, std::uint64_t count) {
    const auto block = first / detail::deleted_node_bits;
    const bool is_inside = count <= detail::deleted_node_bits &&
                           (first + (count - 1)) / detail::deleted_node_bits == block;
    if (!pending_.empty() && (!is_inside || pending_block_ != block)) settle();
    if (!is_inside) {
      put_run({first, count});
      return;
    }
    pending_block_ = block;
    pending_.push_back({first, count});
  }
  [[nodiscard]] std::string finish() {
    settle();
    if (!nodes_.empty()) {
      out_.push_back(detail::deleted_set_magic);
      out_.push_back(2);
      detail::put_little_endian(out_, static_cast<std::uint32_t>(nodes_.size()));
      detail::put_little_endian(out_, static_cast<std::uint32_t>(in_nodes_));
      detail::put_deleted_nodes(out_, nodes_);
    }
    return std::move(out_);
  }

 private:
  struct Run {
    std::uint64_t first, count;
  };
  // A node takes as much as this many runs.
  static constexpr std::size_t few_runs = 32;

  void put_run(const Run& run) {
    out_.push_back(detail::deleted_run_magic);
    detail::put_uvarint(out_, run.first);
    detail::put_uvarint(out_, run.count);
  }
  // Writes the runs of one block, as runs while they are few.
  void settle() {
    if (pending_.size() <= few_runs) {
      for (const auto& run : pending_) put_run(run);
    } else {
      detail::DeletedNode node{pending_block_ * detail::deleted_node_bits, {}};
      for (const auto& run : pending_) {
        for (auto at = run.first - node.base; at < run.first - node.base + run.count; ++at) {
          node.words[at / 64] |= std::uint64_t{1} << (at % 64);
        }
        in_nodes_ += run.count;
      }
      nodes_.push_back(node);
    }
    pending_.clear();
  }

  std::string out_;
  std::vector<Run> pending_;  // in pending_block_
  std::uint64_t pending_block_ = 0;
  std::vector<detail::DeletedNode> nodes_;
  std::uint64_t in_nodes_ = 0;
};

namespace detail {

// The sequences of one set, as runs within its nodes.
template <class Visit>
bool decode_deleted_set(NumberReader& reader, Visit&& visit) {
  const auto version = reader.little_endian(1);
  const auto nodes = reader.little_endian(4);
  const auto sequences = reader.little_endian(4);
  if (reader.failed || (version != 1 && version != 2)) return false;
  const std::uint64_t words = version == 1 ? 64 : deleted_node_words;
  if (nodes > reader.rest.size() / (8 + words * 8 + 2)) return false;
  std::uint64_t found = 0;
  for (std::uint64_t node = 0; node < nodes; ++node) {
    const auto base = reader.little_endian(8);
    if (base > std::numeric_limits<std::uint64_t>::max() - words * 64) return false;
    for (std::uint64_t i = 0; i < words; ++i) {
      auto bits = reader.little_endian(8);
      found += static_cast<std::uint64_t>(std::popcount(bits));
      for (unsigned at = 0; bits != 0;) {
        const auto skipped = static_cast<unsigned>(std::countr_zero(bits));
        at += skipped;
        bits >>= skipped;
        const auto length = static_cast<unsigned>(std::countr_one(bits));
        visit(base + i * 64 + at, std::uint64_t{length});
        at += length;
        bits = length == 64 ? 0 : bits >> length;
      }
    }
    reader.little_endian(2);
  }
  return found == sequences;
}

}  // namespace detail

// Takes one run or set off the front of `text` and calls `visit(first, count)` for the runs in it,
// in no particular order; they may touch. False, with some visited and `text` as far as it was
// understood, when it is damaged. A run may be of any length: do not expand what you do not trust.
template <class Visit>
bool decode_deleted_block(std::string_view& text, Visit&& visit) {
  detail::NumberReader reader(text);
  const auto magic = static_cast<char>(reader.little_endian(1));
  bool fine = false;
  if (magic == detail::deleted_run_magic) {
    const auto first = reader.uvarint();
    const auto count = reader.uvarint();
    fine = !reader.failed && (count == 0 || count - 1 <= ~first);
    if (fine && count != 0) visit(first, count);
  } else if (magic == detail::deleted_set_magic) {
    fine = detail::decode_deleted_set(reader, visit);
  }
  text = reader.rest;
  return fine;
}

// Whether a set, whose runs are no longer than itself, is at the front of `text`.
inline bool begins_deleted_set(std::string_view text) noexcept {
  return !text.empty() && text.front() == detail::deleted_set_magic;
}

// The same for all that `text` holds. DUNLIN_E_CORRUPT when it is not understood to its end.
template <class Visit>
result<> decode_deleted_blocks(std::string_view text, Visit&& visit) {
  auto rest = text;
  while (!rest.empty()) {
    if (!decode_deleted_block(rest, visit)) {
      return fail(DUNLIN_E_CORRUPT, "the deleted blocks are damaged at byte " +
                                        std::to_string(text.size() - rest.size()));
    }
  }
  return {};
}

}  // namespace sdk
}  // namespace dunlin
