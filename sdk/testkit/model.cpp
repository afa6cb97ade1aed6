#include "sdk/testkit/model.hpp"

#include <algorithm>
#include <dunlin/subject.hpp>
#include <set>

namespace dunlin::testkit {

std::uint64_t Record::hash() const {
  std::uint64_t hash = hash_number(hash_start, seq);
  hash = hash_number(hash, static_cast<std::uint64_t>(time_ns));
  hash = hash_number(hash, static_cast<std::uint64_t>(expires_ns));
  for (const auto* part : {&subject, &header, &payload}) {
    hash = hash_number(hash_bytes(hash, *part), part->size());
  }
  return hash;
}

std::string Record::text() const {
  return cat("{seq ", seq, ", time ", time_ns, ", expires ", expires_ns, ", due ", due_ns, ", \"",
             subject, "\", header ", header.size(), " B, payload ", payload.size(), " B, hash ",
             std::hex, hash(), "}");
}

bool matches_any(const Filters& filters, const std::string& subject) {
  if (filters.empty()) return true;
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) {
    return subject_matches(filter, subject);
  });
}

Model::Model(Costs costs, std::uint64_t first_seq)
    : costs_(costs), last_(first_seq == 0 ? 0 : first_seq - 1) {}

std::uint64_t Model::size_of(const Record& record) const {
  return record.subject.size() + record.header.size() + record.payload.size() + costs_.record +
         (record.header.empty() ? 0 : costs_.header);
}

void Model::append(const Record& record) {
  live_[record.seq] = record;
  hashes_[record.seq] = record.hash();
  last_ = record.seq;
  last_time_ = record.time_ns;
  last_time_known_ = true;
  bytes_ += size_of(record);
}

void Model::skip(std::uint64_t count, std::int64_t time_ns) {
  last_ += count;
  if (time_ns == 0) return;
  last_time_ = time_ns;
  last_time_known_ = true;
}

void Model::erase(std::map<std::uint64_t, Record>::iterator at, Removed& removed) {
  ++removed.records;
  removed.bytes += size_of(at->second);
  bytes_ -= size_of(at->second);
  hashes_.erase(at->first);
  live_.erase(at);
}

Removed Model::remove(const std::vector<std::uint64_t>& seqs) {
  Removed removed;
  for (const auto seq : seqs) {
    if (const auto at = live_.find(seq); at != live_.end()) erase(at, removed);
  }
  return removed;
}

Removed Model::purge(const std::string& filter, std::uint64_t below, std::uint64_t keep) {
  Removed removed;
  std::vector<std::uint64_t> chosen;
  for (const auto& [seq, record] : live_) {
    if (seq < below && matches_any(filter.empty() ? Filters{} : Filters{filter}, record.subject)) {
      chosen.push_back(seq);
    }
  }
  chosen.resize(chosen.size() - std::min<std::uint64_t>(keep, chosen.size()));
  removed = remove(chosen);
  if (filter.empty() && below != UINT64_MAX && below > last_ + 1) last_ = below - 1;
  return removed;
}

Removed Model::truncate(std::uint64_t last) {
  Removed removed;
  if (last >= last_) return removed;
  while (!live_.empty() && live_.rbegin()->first > last) {
    erase(std::prev(live_.end()), removed);
  }
  last_ = last;
  last_time_known_ = false;
  return removed;
}

void Model::reschedule(std::uint64_t seq, std::int64_t due_ns) { live_.at(seq).due_ns = due_ns; }

std::uint64_t Model::first() const { return live_.empty() ? last_ + 1 : live_.begin()->first; }

std::uint64_t Model::deleted() const {
  return live_.empty() ? 0 : last_ - first() + 1 - live_.size();
}

std::uint64_t Model::subjects() const {
  std::set<std::string> all;
  for (const auto& [seq, record] : live_) {
    if (!record.subject.empty()) all.insert(record.subject);
  }
  return all.size();
}

std::vector<const Record*> Model::matching(std::uint64_t from, std::uint64_t to,
                                           const Filters& filters) const {
  std::vector<const Record*> out;
  for (auto at = live_.lower_bound(from); at != live_.end() && at->first <= to; ++at) {
    if (matches_any(filters, at->second.subject)) out.push_back(&at->second);
  }
  return out;
}

Span Model::count(std::uint64_t from, const Filters& filters, bool last_only) const {
  Span out;
  for (const auto* record : matching(from, UINT64_MAX, filters)) {
    if (last_only && span(record->subject).last != record->seq) continue;
    if (out.count++ == 0) out.first = record->seq;
    out.last = record->seq;
  }
  return out;
}

std::map<std::string, Span> Model::spans(const std::string& filter) const {
  std::map<std::string, Span> out;
  for (const auto& [seq, record] : live_) {
    if (!filter.empty() && !matches_any({filter}, record.subject)) continue;
    Span& span = out[record.subject];
    if (span.count++ == 0) span.first = seq;
    span.last = seq;
  }
  return out;
}

Span Model::span(const std::string& subject) const {
  Span out;
  for (const auto& [seq, record] : live_) {
    if (record.subject != subject) continue;
    if (out.count++ == 0) out.first = seq;
    out.last = seq;
  }
  return out;
}

std::vector<std::uint64_t> Model::last_each(const Filters& filters, std::uint64_t below) const {
  std::map<std::string, std::uint64_t> newest;
  for (const auto* record : matching(0, below, filters)) newest[record->subject] = record->seq;
  std::vector<std::uint64_t> out;
  for (const auto& [subject, seq] : newest) out.push_back(seq);
  std::sort(out.begin(), out.end());
  return out;
}

std::uint64_t Model::seq_at(std::int64_t time_ns) const {
  for (const auto& [seq, record] : live_) {
    if (record.time_ns >= time_ns) return seq;
  }
  return last_ + 1;
}

std::vector<std::pair<std::int64_t, std::uint64_t>> Model::due(std::uint32_t index) const {
  std::vector<std::pair<std::int64_t, std::uint64_t>> out;
  for (const auto& [seq, record] : live_) {
    const auto at = index == DUNLIN_DUE_EXPIRY ? record.expires_ns : record.due_ns;
    if (at != 0) out.emplace_back(at, seq);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Span> Model::gaps(std::uint64_t from, std::uint64_t to) const {
  std::vector<Span> out;
  if (live_.empty()) return out;
  std::uint64_t next = std::max(from, first());
  const std::uint64_t end = std::min(to, last_);
  for (auto at = live_.lower_bound(next); next <= end; ++at) {
    const std::uint64_t live = at == live_.end() ? end + 1 : std::min(at->first, end + 1);
    if (live > next) out.push_back({live - next, next, live - 1});
    if (at == live_.end()) break;
    next = at->first + 1;
  }
  return out;
}

std::uint64_t digest_of(std::uint64_t first, std::uint64_t last,
                        const std::vector<std::pair<std::uint64_t, std::uint64_t>>& seq_hashes,
                        const std::vector<std::pair<std::int64_t, std::uint64_t>>& schedule) {
  std::uint64_t hash = hash_number(hash_number(hash_start, first), last);
  for (const auto& [seq, record] : seq_hashes) hash = hash_number(hash_number(hash, seq), record);
  for (const auto& [at, seq] : schedule) {
    hash = hash_number(hash_number(hash, static_cast<std::uint64_t>(at)), seq);
  }
  return hash;
}

std::uint64_t Model::digest() const {
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> hashes(hashes_.begin(),
                                                                    hashes_.end());
  return digest_of(first(), last_, hashes, due(DUNLIN_DUE_SCHEDULE));
}

}  // namespace dunlin::testkit
