#include "core/auth/verdict_cache.hpp"

#include <algorithm>
#include <iterator>

#include "core/base/hash.hpp"

namespace dunlin::auth {
namespace {

// Separates the second hash of long subjects from the first.
constexpr std::uint64_t long_subject_salt = 0x6475'6e6c'696e'0001;

std::uint64_t second_hash(std::string_view subject) noexcept {
  return hash_bytes(subject, long_subject_salt);
}

}  // namespace

bool VerdictCache::Place::holds_long(std::string_view subject) const noexcept {
  const std::uint64_t hash = second_hash(subject);
  return std::memcmp(text, &hash, sizeof hash) == 0;
}

void VerdictCache::Place::set(std::string_view subject, bool verdict_now) noexcept {
  size = static_cast<std::uint16_t>(subject.size());
  verdict = verdict_now;
  if (subject.size() <= text_max) {
    subject.copy(text, subject.size());
  } else {
    const std::uint64_t hash = second_hash(subject);
    std::memcpy(text, &hash, sizeof hash);
  }
}

void VerdictCache::store(std::uint64_t generation, std::uint64_t hash, std::string_view subject,
                         bool verdict) {
  if (hash == 0 || subject.size() > UINT16_MAX) return;  // 0 marks a free slot
  if (!table_) table_.reset(new Table);
  Table& table = *table_;
  if (table.generation != generation || table.size == capacity) {
    std::fill(std::begin(table.hashes), std::end(table.hashes), 0);
    table.generation = generation;
    table.size = 0;
  }
  unsigned slot = first_slot(hash);
  while (table.hashes[slot] != 0) slot = next_slot(slot);
  table.hashes[slot] = hash;
  table.place_of[slot] = static_cast<std::uint8_t>(table.size);
  table.places[table.size++].set(subject, verdict);
}

}  // namespace dunlin::auth
