#include "core/subject/match_cache.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <string>

#include "core/base/ensure.hpp"
#include "core/base/hash.hpp"

namespace dunlin::subject {
namespace {

constexpr std::size_t filter_bits = 1u << 16;
constexpr std::size_t filter_full = filter_bits / 4;  // then it is emptied
constexpr std::uint32_t window = 4096;                // lookups after which the hit rate is judged
constexpr std::uint32_t hits_min = window / 5;        // fewer do not pay for the lookups
constexpr std::uint64_t rest_first = 8 * window;
constexpr std::uint64_t rest_max = 64 * window;
constexpr std::string_view one_shot_prefix = "_INBOX.";

std::size_t members_of(const Match& match) noexcept {
  return match.plain.size() + match.members.size() + match.groups.size();
}

}  // namespace

struct MatchCache::Entry {
  std::uint64_t hash;
  std::uint64_t generation;
  std::uint64_t sublist;
  std::size_t slot;
  std::string subject;
  Match match;
};

MatchCache::MatchCache(std::size_t entries, std::size_t members_max)
    : entries_max_(entries == 0 ? 0 : std::bit_ceil(std::max<std::size_t>(entries, 2))),
      members_max_(members_max) {}

MatchCache::~MatchCache() {
  clear();
  std::free(table_);
}

void MatchCache::clear() {
  if (table_ == nullptr) return;
  for (std::size_t i = 0; i < entries_max_; ++i) drop(table_[i]);
}

void MatchCache::drop(Entry*& place) {
  if (place == nullptr) return;
  members_ -= members_of(place->match);
  --entries_;
  delete place;
  place = nullptr;
}

void MatchCache::prefetch(const Sublist& sublist, std::uint64_t hash) const noexcept {
  if (table_ != nullptr && rest_ == 0 && sublist.worth_caching())
    __builtin_prefetch(&table_[hash & (entries_max_ - 1) & ~std::size_t{1}]);
  else
    sublist.prefetch(hash);
}

const Match& MatchCache::lookup(const Sublist& sublist, std::string_view subject,
                                std::uint64_t hash) {
  if (entries_max_ == 0 || rest_ != 0 || !sublist.worth_caching() ||
      subject.starts_with(one_shot_prefix)) {
    rest_ -= rest_ != 0;
    ++stats_.bypassed;
    sublist.match(subject, hash, scratch_);
    return scratch_;
  }
  if (++window_lookups_ == window) end_window();
  ++stats_.lookups;
  Entry** const set =
      table_ == nullptr ? nullptr : &table_[hash & (entries_max_ - 1) & ~std::size_t{1}];
  for (int way = 0; set != nullptr && way < 2; ++way) {
    const Entry* const entry = set[way];
    if (entry == nullptr || entry->hash != hash || entry->sublist != sublist.id() ||
        entry->subject != subject)
      continue;
    if (way == 1) std::swap(set[0], set[1]);
    if (entry->generation == sublist.generation_at(entry->slot)) {
      ++window_hits_;
      ++stats_.hits;
      return entry->match;
    }
    return keep(sublist, subject, hash, set, entry->slot,
                sublist.generation_at(entry->slot));
  }
  if (!admit(hash)) {
    sublist.match(subject, hash, scratch_);
    return scratch_;
  }
  if (table_ == nullptr) {
    table_ = static_cast<Entry**>(std::calloc(entries_max_, sizeof(Entry*)));
    ensure(table_ != nullptr);
  }
  const auto slot = Sublist::generation_slot(subject);
  return keep(sublist, subject, hash, &table_[hash & (entries_max_ - 1) & ~std::size_t{1}], slot,
              sublist.generation_at(slot));
}

// Computes a match and keeps it in the set's first place, unless it is too large. `generation`
// was read before, so that a change during the match shows afterwards.
const Match& MatchCache::keep(const Sublist& sublist, std::string_view subject,
                              std::uint64_t hash, Entry** set, std::size_t slot,
                              std::uint64_t generation) {
  sublist.match(subject, hash, scratch_);
  const bool known =
      set[0] != nullptr && set[0]->hash == hash && set[0]->sublist == sublist.id() &&
      set[0]->subject == subject;
  if (!known) {
    drop(set[1]);
    set[1] = set[0];
    set[0] = nullptr;
  }
  const std::size_t members = members_of(scratch_);
  if (members > members_max_ / 2) {
    drop(set[0]);
    return scratch_;
  }
  if (set[0] == nullptr) {
    set[0] = new Entry{hash, generation, sublist.id(), slot, std::string(subject), {}};
    ++entries_;
  } else {
    members_ -= members_of(set[0]->match);
    set[0]->match.clear();
  }
  Entry* const entry = set[0];
  if (members_ + members > members_max_) {
    set[0] = nullptr;  // not to be dropped itself
    make_room(members);
    set[0] = entry;
  }
  entry->generation = generation;
  entry->match = scratch_;
  members_ += members;
  return entry->match;
}

void MatchCache::make_room(std::size_t members) {
  for (std::size_t i = 0; i < entries_max_ && members_ + members > members_max_; ++i) {
    drop(table_[hand_]);
    hand_ = (hand_ + 1) & (entries_max_ - 1);
  }
}

// True from the second sighting on.
bool MatchCache::admit(std::uint64_t hash) {
  if (!seen_) seen_ = std::make_unique<std::uint64_t[]>(filter_bits / 64);
  const std::uint64_t bit = (hash >> 20) % filter_bits;
  std::uint64_t& word = seen_[bit / 64];
  const std::uint64_t mask = std::uint64_t{1} << bit % 64;
  if ((word & mask) != 0) return true;
  if (++seen_count_ > filter_full) {
    std::fill_n(seen_.get(), filter_bits / 64, 0);
    seen_count_ = 1;
  }
  word |= mask;
  return false;
}

void MatchCache::end_window() {
  if (window_hits_ < hits_min) {
    rest_length_ = rest_length_ == 0 ? rest_first : std::min(rest_length_ * 2, rest_max);
    rest_ = rest_length_;
  } else {
    rest_length_ = 0;
  }
  window_lookups_ = 0;
  window_hits_ = 0;
}

MatchCacheStats MatchCache::stats() const noexcept {
  MatchCacheStats stats = stats_;
  stats.entries = entries_;
  stats.members = members_;
  for (std::size_t i = 0; table_ != nullptr && i < entries_max_; ++i) {
    if (table_[i] == nullptr) continue;
    const std::uint64_t fanout = table_[i]->match.plain.size() + table_[i]->match.groups.size();
    stats.total_fanout += fanout;
    stats.max_fanout = std::max(stats.max_fanout, fanout);
  }
  return stats;
}

}  // namespace dunlin::subject
