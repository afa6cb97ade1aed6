// Permission verdicts of one connection, by subject: the check that a publish pays is a look-up
// here.
//
// 128 places of fixed size, allocated at the first store and found by open addressing; a cache that
// is full empties itself. Text is compared, not just the hash; of subjects too long for their place
// a second, independently salted hash is compared instead.
//
// Owned by one connection, on its shard. Holds verdicts of one generation of permissions at a time:
// asking about another empties it.

#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace dunlin::auth {

class VerdictCache {
 public:
  static constexpr unsigned capacity = 128;

  // What was stored for `subject` under this generation. `hash` is hash_bytes(subject).
  [[nodiscard]] std::optional<bool> find(std::uint64_t generation, std::uint64_t hash,
                                         std::string_view subject) const noexcept {
    if (!table_ || table_->generation != generation) return std::nullopt;
    for (unsigned slot = first_slot(hash); table_->hashes[slot] != 0; slot = next_slot(slot)) {
      if (table_->hashes[slot] != hash) continue;
      const Place& place = table_->places[table_->place_of[slot]];
      if (place.holds(subject)) return place.verdict;
    }
    return std::nullopt;
  }

  // To be called after find() found nothing.
  void store(std::uint64_t generation, std::uint64_t hash, std::string_view subject, bool verdict);

 private:
  static constexpr unsigned slots = 2 * capacity;  // always half free, so that probing ends soon

  struct Place {
    static constexpr std::size_t text_max = 60;

    std::uint16_t size;
    bool verdict;
    char text[text_max + 1];

    [[nodiscard]] bool holds(std::string_view subject) const noexcept {
      if (size != subject.size()) return false;
      if (__builtin_expect(size <= text_max, 1))
        return std::memcmp(text, subject.data(), size) == 0;
      return holds_long(subject);
    }
    [[nodiscard]] bool holds_long(std::string_view subject) const noexcept;
    void set(std::string_view subject, bool verdict_now) noexcept;
  };
  static_assert(sizeof(Place) == 64);

  struct Table {
    std::uint64_t generation = 0;
    unsigned size = 0;
    std::uint64_t hashes[slots] = {};  // 0 for a free slot
    std::uint8_t place_of[slots];
    Place places[capacity];
  };

  // The low bits of the hash are used up by the tables that share it, and the weaker ones.
  static unsigned first_slot(std::uint64_t hash) noexcept {
    static_assert(slots == 256);
    return static_cast<unsigned>(hash * 0x9e3779b97f4a7c15ull >> 56);
  }
  static unsigned next_slot(unsigned slot) noexcept { return (slot + 1) % slots; }

  std::unique_ptr<Table> table_;
};

}  // namespace dunlin::auth
