// One shard's memory of recent matches, so that hot subjects skip the wildcard trie.
//
// Fixed in size: two entries per set, and a bound on the subscriptions that all kept matches name
// together. An entry holds while its Sublist's generation for the subject stands. A subject is
// admitted on its second sighting (a small bit filter remembers the first), `_INBOX.` subjects
// never, and a cache that rarely hits rests for a while and then tries again. Nothing is allocated
// before the first admission.
//
// Belongs to one shard and is used by its thread only, within a turn (see Quiescence): a reference
// that lookup() gives is good until the next lookup or the end of the turn.

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/subject/sublist.hpp"

namespace dunlin::subject {

struct MatchCacheStats {
  std::uint64_t lookups = 0;  // that looked into the cache
  std::uint64_t hits = 0;
  std::uint64_t bypassed = 0;  // went to the Sublist straight
  std::uint64_t entries = 0;
  std::uint64_t members = 0;  // subscriptions that kept matches name
  std::uint64_t max_fanout = 0, total_fanout = 0;  // of the entries kept now
};

class MatchCache {
 public:
  static constexpr std::size_t default_entries = 16384;
  static constexpr std::size_t default_members = std::size_t{1} << 20;

  // `entries` is rounded up to a power of two; 0 disables the cache.
  explicit MatchCache(std::size_t entries = default_entries,
                      std::size_t members_max = default_members);
  ~MatchCache();
  MatchCache(const MatchCache&) = delete;
  MatchCache& operator=(const MatchCache&) = delete;

  // What `subject` matches now; `hash` is hash_bytes(subject).  [its shard, within a turn]
  const Match& lookup(const Sublist& sublist, std::string_view subject, std::uint64_t hash);
  // Starts loading what lookup() will touch.
  void prefetch(const Sublist& sublist, std::uint64_t hash) const noexcept;
  void clear();
  [[nodiscard]] MatchCacheStats stats() const noexcept;

 private:
  struct Entry;

  bool admit(std::uint64_t hash);
  void end_window();
  const Match& keep(const Sublist& sublist, std::string_view subject, std::uint64_t hash,
                    Entry** set, std::size_t slot, std::uint64_t generation);
  void drop(Entry*& place);
  void make_room(std::size_t members);

  const std::size_t entries_max_;
  const std::size_t members_max_;
  Entry** table_ = nullptr;            // entries_max_ places, on the first admission
  std::unique_ptr<std::uint64_t[]> seen_;  // the filter's bits
  std::size_t seen_count_ = 0;
  std::size_t members_ = 0;
  std::size_t entries_ = 0;
  std::size_t hand_ = 0;  // where make_room() goes on

  std::uint32_t window_lookups_ = 0, window_hits_ = 0;
  std::uint64_t rest_ = 0;         // lookups still to bypass
  std::uint64_t rest_length_ = 0;  // of the last rest
  MatchCacheStats stats_;
  Match scratch_;
};

}  // namespace dunlin::subject
