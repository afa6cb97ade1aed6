// SegmentIndex: where the records of one segment are, when they were written, what they cost and
// which subject they have.
//
// Each record is an item; items are numbered in the order of their sequences. The index of the
// segment that is written to grows with every append; that of a sealed one never changes, is
// stored in a file beside the segment (index_file.hpp) and is loaded when it is needed.
//
// Owned and used by one thread at a time; an unchanging one may be read by any thread. `matches`
// caches and belongs to the log's thread alone.

#pragma once

#include <dunlin/ext/storage.h>

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/storage-common/pages.hpp"

namespace dunlin::storage_file::engine {

// The filters of one question, owned.
using Filters = std::vector<std::string>;
// Empty when all are wanted.
[[nodiscard]] Filters own_filters(const dunlin_str* filters, std::size_t count);
[[nodiscard]] bool any_matches(const Filters& filters, std::string_view subject) noexcept;

class SegmentIndex {
 public:
  static constexpr std::uint32_t none = 0xffffffff;

  struct Item {
    std::uint32_t offset = 0;  // in the segment, or in the content of the block
    std::uint32_t block = none;  // where the block's entry stands; none outside of blocks
    std::uint32_t entry_bytes : 27 = 0;  // of the record's entry, without padding
    std::uint32_t has_header : 1 = 0;
    std::uint32_t has_expiry : 1 = 0;
    std::uint32_t has_due : 1 = 0;
    std::uint32_t has_long_seq : 1 = 0;
    std::uint32_t carries_mark : 1 = 0;
    std::int64_t time_ns = 0;
  };
  struct Link {
    std::uint32_t subject = none;  // of this index
    std::uint32_t previous = none, next = none;  // item with the same subject
  };
  struct Subject {
    std::uint32_t name_at = 0, name_bytes = 0;
    std::uint32_t first = none, last = none, count = 0;
    std::uint32_t global = 0x7fffffff;  // the log's id of it, while the index is the active one
  };
  struct Run {
    std::uint64_t first_seq;
    std::uint32_t item;
  };

  explicit SegmentIndex(bool has_subjects) : has_subjects_(has_subjects) {}
  SegmentIndex(const SegmentIndex&) = delete;
  SegmentIndex& operator=(const SegmentIndex&) = delete;

  // ---- growing ------------------------------------------------------------------------------
  // `subject` is what `add_subject` gave, `none` without one. Sequences ascend.
  void add(std::uint64_t seq, const Item& item, std::uint32_t subject);
  std::uint32_t add_subject(std::string_view name, std::uint32_t global);
  // Makes this the part of `other` that lies below `end`.
  void copy_below(const SegmentIndex& other, std::uint64_t end);
  // Forgets the items above `last`.
  void truncate(std::uint64_t last);

  // ---- asking -------------------------------------------------------------------------------
  [[nodiscard]] bool has_subjects() const noexcept { return has_subjects_; }
  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(items_.size());
  }
  [[nodiscard]] const Item& item(std::uint32_t at) const noexcept { return items_[at]; }
  [[nodiscard]] const Link& link(std::uint32_t at) const noexcept { return links_[at]; }
  [[nodiscard]] const std::vector<Run>& runs() const noexcept { return runs_; }
  // `none` when the segment has no such record.
  [[nodiscard]] std::uint32_t find(std::uint64_t seq) const noexcept;
  // The first item at or above `seq`; size() when there is none.
  [[nodiscard]] std::uint32_t lower_bound(std::uint64_t seq) const noexcept;
  [[nodiscard]] std::uint64_t seq(std::uint32_t item) const noexcept;
  // The first item at or after `time_ns`.
  [[nodiscard]] std::uint32_t at_time(std::int64_t time_ns) const noexcept;
  // Subject, header and payload.
  [[nodiscard]] std::uint32_t content_bytes(std::uint32_t item) const noexcept;

  [[nodiscard]] std::uint32_t subjects() const noexcept {
    return static_cast<std::uint32_t>(subjects_.size());
  }
  [[nodiscard]] const Subject& subject(std::uint32_t id) const noexcept { return subjects_[id]; }
  void set_global(std::uint32_t id, std::uint32_t global) noexcept {
    subjects_[id].global = global;
  }
  [[nodiscard]] std::string_view name(std::uint32_t id) const noexcept;
  [[nodiscard]] std::string_view subject_of(std::uint32_t item) const noexcept;
  // Only when the names are sorted, as those of a loaded index are.
  [[nodiscard]] std::uint32_t find_subject(std::string_view name) const noexcept;
  [[nodiscard]] bool is_sorted() const noexcept { return is_sorted_; }
  void set_sorted() noexcept { is_sorted_ = true; }

  // The items that match, ascending; stays valid until the next change or question. The first
  // question with some filters looks at the whole index, later ones only at what is new. A single
  // literal filter costs its matches only: `literal` is its subject here, `none` when unknown.
  [[nodiscard]] const std::vector<std::uint32_t>& matches(const Filters& filters,
                                                          std::uint32_t literal = none) const;

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct Matches {
    Filters filters;
    std::vector<bool> matching;  // by subject
    std::vector<std::uint32_t> items;
    std::uint32_t seen = 0;
  };
  static constexpr std::size_t matches_max = 32;
  void follow(Matches& matches, std::uint32_t literal) const;
  void follow_chain(Matches& matches, std::uint32_t subject) const;

  bool has_subjects_;
  bool is_sorted_ = false;
  storage::Pages<Item, 1024> items_;
  storage::Pages<Link, 1024> links_;
  storage::Pages<Subject, 1024> subjects_;
  storage::Pages<char, 65536> names_;
  std::vector<Run> runs_;
  std::uint64_t next_seq_ = 0;
  mutable std::list<Matches> matches_;  // used last in front
};

// The bytes of a record's entry that are not its subject, header and payload.
[[nodiscard]] std::uint32_t overhead(const SegmentIndex::Item& item) noexcept;

}  // namespace dunlin::storage_file::engine
