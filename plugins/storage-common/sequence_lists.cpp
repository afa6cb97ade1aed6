#include "plugins/storage-common/sequence_lists.hpp"

#include <algorithm>
#include <utility>

namespace dunlin::storage {

void SequenceLists::append(Entry& entry, std::uint64_t seq) {
  if (has_list(entry)) {
    push(lists_[entry.extra], seq);
  } else if (entry.count == 2) {
    const auto place = make(entry);
    lists_[place].array[2] = seq;
    lists_[place].size = 3;
    entry.extra = place;
  }
  if (entry.count == 0) entry.first = seq;
  entry.last = seq;
  ++entry.count;
}

void SequenceLists::erase(Entry& entry, std::uint64_t seq) noexcept {
  if (!has_list(entry)) {
    if (seq == entry.first) {
      entry.first = entry.last;
    } else {
      entry.last = entry.first;
    }
    --entry.count;
    return;
  }
  auto& list = lists_[entry.extra];
  if (list.chunks) {
    list.chunks->erase(seq);
    list_bytes_ -= sizeof seq;
  } else {
    auto* const end = list.array.get() + list.size;
    auto* const at = std::lower_bound(list.array.get(), end, seq);
    std::move(at + 1, end, at);
    --list.size;
  }
  settle(entry, entry.count - 1);
}

void SequenceLists::erase_below(Entry& entry, std::uint64_t seq) noexcept {
  if (entry.count == 0 || entry.first >= seq) return;
  if (!has_list(entry)) {
    entry.count = entry.last >= seq ? 1 : 0;
    entry.first = entry.last;
    return;
  }
  auto& list = lists_[entry.extra];
  std::uint64_t left = 0;
  if (list.chunks) {
    const auto before = list.chunks->size();
    list.chunks->erase_below(seq);
    left = list.chunks->size();
    list_bytes_ -= (before - left) * sizeof seq;
  } else {
    auto* const end = list.array.get() + list.size;
    auto* const at = std::lower_bound(list.array.get(), end, seq);
    std::move(at, end, list.array.get());
    left = list.size = static_cast<std::uint32_t>(end - at);
  }
  settle(entry, left);
}

void SequenceLists::settle(Entry& entry, std::uint64_t count) noexcept {
  auto& list = lists_[entry.extra];
  if (count > 0) {
    entry.first = list.chunks ? *list.chunks->at_or_above(0) : list.array[0];
    entry.last = list.chunks ? *list.chunks->at_or_below(~std::uint64_t{0})
                             : list.array[list.size - 1];
  }
  entry.count = count & ((std::uint64_t{1} << 48) - 1);
  if (!has_list(entry)) {
    release(entry.extra);
    entry.extra = 0;
  }
}

void SequenceLists::clear() noexcept {
  lists_.clear();
  free_ = no_place;
  list_bytes_ = 0;
}

std::uint64_t SequenceLists::at_or_above(const Entry& entry, std::uint64_t seq) const noexcept {
  if (entry.count == 0 || entry.last < seq) return none;
  if (entry.first >= seq) return entry.first;
  if (!has_list(entry)) return entry.last;
  const auto& list = lists_[entry.extra];
  if (list.chunks) return *list.chunks->at_or_above(seq);
  return *std::lower_bound(list.array.get(), list.array.get() + list.size, seq);
}

std::uint64_t SequenceLists::at_or_below(const Entry& entry, std::uint64_t seq) const noexcept {
  if (entry.count == 0 || entry.first > seq) return none;
  if (entry.last <= seq) return entry.last;
  if (!has_list(entry)) return entry.first;
  const auto& list = lists_[entry.extra];
  if (list.chunks) return *list.chunks->at_or_below(seq);
  return *std::prev(std::upper_bound(list.array.get(), list.array.get() + list.size, seq));
}

std::uint64_t SequenceLists::count_from(const Entry& entry, std::uint64_t seq) const noexcept {
  if (entry.count == 0 || entry.last < seq) return 0;
  if (entry.first >= seq) return entry.count;
  if (!has_list(entry)) return 1;
  const auto& list = lists_[entry.extra];
  if (list.chunks) return list.chunks->count_from(seq);
  auto* const end = list.array.get() + list.size;
  return static_cast<std::uint64_t>(end - std::lower_bound(list.array.get(), end, seq));
}

std::uint32_t SequenceLists::make(const Entry& entry) {
  constexpr std::uint32_t room = 4;
  auto array = std::make_unique<std::uint64_t[]>(room);
  array[0] = entry.first;
  array[1] = entry.last;
  auto place = free_;
  if (place == no_place) {
    place = static_cast<std::uint32_t>(lists_.extend(1));
  } else {
    free_ = lists_[place].size;
  }
  auto& list = lists_[place];
  list.array = std::move(array);
  list.size = 2;
  list.room = room;
  list_bytes_ += room * sizeof(std::uint64_t);
  return place;
}

void SequenceLists::release(std::uint32_t place) noexcept {
  auto& list = lists_[place];
  list_bytes_ -= (list.chunks ? list.chunks->size() : list.room) * sizeof(std::uint64_t);
  list = {};
  list.size = free_;
  free_ = place;
}

void SequenceLists::push(List& list, std::uint64_t seq) {
  if (list.chunks) {
    list.chunks->insert(seq);
    list_bytes_ += sizeof seq;
    return;
  }
  if (list.size == list.room && list.room >= array_max) {
    auto chunks = std::make_unique<SortedChunks<std::uint64_t>>();
    for (std::uint32_t i = 0; i < list.size; ++i) chunks->insert(list.array[i]);
    chunks->insert(seq);
    list_bytes_ += (chunks->size() - list.room) * sizeof seq;
    list.chunks = std::move(chunks);
    list.array.reset();
    list.size = list.room = 0;
    return;
  }
  if (list.size == list.room) {
    auto array = std::make_unique<std::uint64_t[]>(list.room * 2);
    std::copy_n(list.array.get(), list.size, array.get());
    list.array = std::move(array);
    list_bytes_ += list.room * sizeof seq;
    list.room *= 2;
  }
  list.array[list.size++] = seq;
}

}  // namespace dunlin::storage
