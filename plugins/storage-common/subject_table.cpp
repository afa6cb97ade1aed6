#include "plugins/storage-common/subject_table.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <stdexcept>

namespace dunlin::storage {
namespace {

constexpr std::uint32_t no_name = 0xffffffff;

}  // namespace

std::uint32_t SubjectTable::hash_of(std::string_view subject) const noexcept {
  const auto hash = XXH3_64bits_withSeed(subject.data(), subject.size(), seed_);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

SubjectTable::Id SubjectTable::find(std::string_view subject) const noexcept {
  const auto id = hash_.find(hash_of(subject), [&](Id each) { return name(each) == subject; });
  return id == IdHash::none ? none : id;
}

SubjectTable::Id SubjectTable::insert(std::string_view subject) {
  if (const auto id = find(subject); id != none) return id;
  if (subject.size() > subject_bytes_max) throw std::length_error("the subject is too long");
  if (free_entry_ == none && entries_.size() >= none) {
    throw std::length_error("there are too many subjects");
  }
  const auto name_at = store_name(subject);
  Id id = free_entry_;
  bool is_ordered = false;
  try {
    if (id == none) {
      id = static_cast<Id>(entries_.extend(1));
      // Whatever fails below leaves it to the next insert.
      entries_[id].name_at = none;
      free_entry_ = id;
    }
    const auto next_free = entries_[id].name_at;
    ordered_.insert(id, subject);
    is_ordered = true;
    hash_.insert(hash_of(subject), id);
    free_entry_ = next_free;
  } catch (...) {
    if (is_ordered) ordered_.erase(subject);
    release_name(name_at, subject.size());
    throw;
  }
  Entry entry;
  entry.name_at = name_at;
  entry.name_bytes = static_cast<std::uint16_t>(subject.size());
  entries_[id] = entry;
  return id;
}

void SubjectTable::erase(Id id) noexcept {
  const auto subject = name(id);
  hash_.erase(hash_of(subject), id);
  ordered_.erase(subject);
  release_name(entries_[id].name_at, subject.size());
  entries_[id] = {};
  entries_[id].name_at = free_entry_;
  free_entry_ = id;
}

void SubjectTable::clear() noexcept {
  entries_.clear();
  names_.clear();
  hash_.clear();
  ordered_.clear();
  free_names_.clear();
  free_entry_ = none;
}

std::size_t SubjectTable::memory_bytes() const noexcept {
  return sizeof *this + entries_.memory_bytes() + names_.memory_bytes() + hash_.memory_bytes() +
         ordered_.memory_bytes();
}

std::uint32_t SubjectTable::store_name(std::string_view subject) {
  if (subject.empty()) return no_name;
  const auto needed = grains(subject.size());
  std::uint32_t at = no_name;
  if (const auto free = free_names_.find(needed);
      free != free_names_.end() && free->second != no_name) {
    at = free->second;
    std::memcpy(&free->second, names_[at].text, sizeof free->second);
  } else {
    if (names_.size() + needed > 0xffff0000u) throw std::length_error("the names fill 16 GiB");
    at = static_cast<std::uint32_t>(names_.extend(needed));
  }
  std::memcpy(names_[at].text, subject.data(), subject.size());
  return at;
}

void SubjectTable::release_name(std::uint32_t at, std::size_t bytes) noexcept {
  if (at == no_name) return;
  try {
    auto& head = free_names_.try_emplace(grains(bytes), no_name).first->second;
    std::memcpy(names_[at].text, &head, sizeof head);
    head = at;
  } catch (const std::bad_alloc&) {
    // The place is not used again before the table is cleared.
    return;
  }
}

// The first token that differs decides. All subjects that share what is in front of it lie
// together, so either the wanted token is still to come among them, or all of them are done.
bool SubjectTable::skip_to(std::string_view filter, std::string_view subject, std::string& key) {
  const auto whole = subject;
  for (bool filter_more = true, subject_more = true;;) {
    const auto begin = static_cast<std::size_t>(subject.data() - whole.data());
    const auto wanted = take_token(filter, filter_more);
    const auto token = take_token(subject, subject_more);
    const bool is_wild = wanted == "*" || (wanted == ">" && !filter_more);
    if (is_wild || wanted == token) {
      if (filter_more && subject_more) continue;
      // Either the filter has ended, and nothing that goes on behind this token matches, or the
      // subject has, and the next one is as good a place as any.
      key.assign(whole.substr(0, begin + token.size()));
      key.push_back(filter_more ? '\0' : '.' + 1);
      return true;
    }
    const auto rest = whole.substr(begin);
    std::string target(wanted);
    if (filter_more) target.push_back('.');
    if (rest < target) {
      key.assign(whole.substr(0, begin)).append(target);
      return true;
    }
    if (begin == 0) return false;
    key.assign(whole.substr(0, begin));
    key.back() = '.' + 1;
    return true;
  }
}

}  // namespace dunlin::storage
