// The subjects of a log, each with the span of its live records.
//
// A literal subject is found by hash, O(1). All that match a filter are visited in byte order,
// from any place on. No insert moves more than a handful of others. A subject costs its length and
// at most 64 bytes (bench figures are in the README), and what an erased one held is used again.
//
// Owned and used by one thread at a time. Entries and names stay where they are until the next
// insert. Out of memory throws std::bad_alloc and changes nothing; a subject longer than
// `subject_bytes_max`, or one past the capacity of 2^31 subjects or 16 GiB of names, throws
// std::length_error.

#pragma once

#include <dunlin/ext/storage.h>
#include <dunlin/subject.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "plugins/storage-common/id_hash.hpp"
#include "plugins/storage-common/ordered_names.hpp"
#include "plugins/storage-common/pages.hpp"

namespace dunlin::storage {

class SubjectTable {
 public:
  using Id = std::uint32_t;
  static constexpr Id none = 0x7fffffff;
  static constexpr std::size_t subject_bytes_max = DUNLIN_RECORD_SUBJECT_MAX;

  // `first` and `last` mean nothing while `count` is 0. `extra` is the owner's.
  struct Entry {
    std::uint64_t first = 0, last = 0;
    std::uint64_t count : 48 = 0;
    std::uint64_t name_bytes : 16 = 0;
    std::uint32_t name_at = 0;
    std::uint32_t extra = 0;
  };
  static_assert(sizeof(Entry) == 32);

  // Different seeds make different hash tables, so that nobody can choose subjects that collide.
  explicit SubjectTable(std::uint64_t seed = 0) : ordered_(NamesOf{this}), seed_(seed) {}
  SubjectTable(const SubjectTable&) = delete;
  SubjectTable& operator=(const SubjectTable&) = delete;

  [[nodiscard]] Id find(std::string_view subject) const noexcept;
  // The subject's id; a new one has count 0.
  Id insert(std::string_view subject);
  void erase(Id id) noexcept;
  void clear() noexcept;

  [[nodiscard]] Entry& operator[](Id id) noexcept { return entries_[id]; }
  [[nodiscard]] const Entry& operator[](Id id) const noexcept { return entries_[id]; }
  [[nodiscard]] std::string_view name(Id id) const noexcept {
    const auto& entry = entries_[id];
    return entry.name_bytes == 0 ? std::string_view()
                                 : std::string_view(names_[entry.name_at].text, entry.name_bytes);
  }
  [[nodiscard]] dunlin_span span(Id id) const noexcept {
    const auto& entry = entries_[id];
    if (entry.count == 0) return {};
    return {entry.count, entry.first, entry.last};
  }
  // Subjects there are; ids are below `ids()`.
  [[nodiscard]] std::size_t size() const noexcept { return hash_.size(); }
  [[nodiscard]] std::size_t ids() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  // Calls `visit(id)`, which answers whether to go on, for each subject behind `after` that matches
  // `filter` (empty: all), in byte order; `after` empty begins. `visit` must not insert or erase.
  // Answers whether the end was reached. Cost: one seek for each run of subjects that the filter's
  // literal tokens exclude, and one step for each match.
  template <class Visit>
  bool each(std::string_view filter, std::string_view after, Visit&& visit) const;

  // The same over several filters, each subject once; in byte order within each filter.
  template <class Visit>
  bool each(std::span<const dunlin_str> filters, Visit&& visit) const;

  // Makes `key` the smallest text above `subject`, which `filter` does not match, that it may
  // match; false: there is none.
  static bool skip_to(std::string_view filter, std::string_view subject, std::string& key);

 private:
  struct NamesOf {
    const SubjectTable* table;
    std::string_view operator()(Id id) const noexcept { return table->name(id); }
  };
  static constexpr std::size_t grain = 4;
  struct Grain {
    char text[grain];
  };

  [[nodiscard]] std::uint32_t hash_of(std::string_view subject) const noexcept;
  std::uint32_t store_name(std::string_view subject);
  void release_name(std::uint32_t at, std::size_t bytes) noexcept;
  static std::size_t grains(std::size_t bytes) noexcept { return (bytes + grain - 1) / grain; }

  Pages<Entry, 1024> entries_;
  Pages<Grain, 65536 / grain> names_;
  IdHash hash_;
  OrderedNames<NamesOf> ordered_;
  Id free_entry_ = none;  // linked through name_at
  // By size in grains: places of erased names, linked through their first grain.
  std::unordered_map<std::size_t, std::uint32_t> free_names_;
  std::uint64_t seed_;
};

template <class Visit>
bool SubjectTable::each(std::string_view filter, std::string_view after, Visit&& visit) const {
  if (is_literal_subject(filter) && !filter.empty()) {
    const auto id = find(filter);
    return id == none || filter <= after || visit(id);
  }
  const auto prefix = literal_prefix(filter);
  OrderedNames<NamesOf>::Cursor cursor(ordered_);
  std::string key;
  auto id = cursor.seek(after < prefix ? prefix : after);
  if (id != none && !after.empty() && name(id) == after) id = cursor.next();
  // Stepping is cheaper than seeking: a few steps are tried before a seek.
  constexpr int steps_max = 4;
  for (int misses = 0; id != none;) {
    const auto subject = name(id);
    if (!subject.starts_with(prefix)) break;
    if (filter.empty() || subject_matches(filter, subject)) {
      if (!visit(id)) return false;
      misses = 0;
    } else if (++misses > steps_max) {
      misses = 0;
      if (!skip_to(filter, subject, key)) break;
      id = cursor.seek(key);
      continue;
    }
    id = cursor.next();
  }
  return true;
}

template <class Visit>
bool SubjectTable::each(std::span<const dunlin_str> filters, Visit&& visit) const {
  const auto text = [](dunlin_str filter) { return std::string_view(filter.data, filter.size); };
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const auto visit_once = [&](Id id) {
      for (const auto& earlier : filters.first(i)) {
        if (earlier.size == 0 || subject_matches(text(earlier), name(id))) return true;
      }
      return static_cast<bool>(visit(id));
    };
    if (!each(text(filters[i]), {}, visit_once)) return false;
  }
  return true;
}

}  // namespace dunlin::storage
