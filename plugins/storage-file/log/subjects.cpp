#include "plugins/storage-file/log/subjects.hpp"

#include <algorithm>
#include <utility>

namespace dunlin::storage_file::engine {

SubjectSpan Subjects::get(Id id) const noexcept {
  const auto& entry = table_[id];
  SubjectSpan span;
  // A change may be negative.
  span.count = static_cast<std::int64_t>(std::uint64_t{entry.count} << 16) >> 16;
  span.first = entry.first;
  span.last = entry.last;
  span.is_first_bound = (entry.extra & first_bound) != 0;
  span.is_last_bound = (entry.extra & last_bound) != 0;
  span.is_change = (entry.extra & change) != 0;
  return span;
}

void Subjects::put(Id id, const SubjectSpan& span) noexcept {
  auto& entry = table_[id];
  entry.count = static_cast<std::uint64_t>(span.count) & count_mask;
  entry.first = span.first;
  entry.last = span.last;
  entry.extra &= ~bounds;
  if (span.is_first_bound) entry.extra |= first_bound;
  if (span.is_last_bound) entry.extra |= last_bound;
}

SubjectSpan Subjects::span(Id id) const noexcept {
  auto span = get(id);
  if (!span.is_change) return span;
  const auto flying = flying_.find(id);
  return flying == flying_.end() ? span : apply_change(flying->second, span);
}

Subjects::Id Subjects::begin(std::string_view name) {
  const auto id = table_.insert(name);
  auto& entry = table_[id];
  if ((entry.extra & known) != 0) return id;
  entry.first = entry.last = 0;
  entry.extra = local_mask | known | used | (is_complete_ ? 0 : change);
  name_bytes_ += name.size();
  return id;
}

void Subjects::mark(Id id) {
  auto& entry = table_[id];
  if ((entry.extra & known) == 0) begin(table_.name(id));
  if ((entry.extra & before_) != 0) copy(id);
  changed_.push_back(id);
  entry.extra |= now_ | used;
}

bool Subjects::may_erase_empty(Id id) const noexcept {
  const auto& entry = table_[id];
  if (copies_ || is_in_flight_ || entry.count != 0 || (entry.extra & change) != 0) return false;
  return runs_.empty() || (entry.extra & now_) == 0;
}

void Subjects::erase(Id id) noexcept {
  name_bytes_ -= table_.name(id).size();
  table_.erase(id);
}

void Subjects::clear() noexcept {
  table_.clear();
  runs_.clear();
  changed_.clear();
  copying_.clear();
  copies_.reset();
  flying_.clear();
  is_complete_ = true;
  is_in_flight_ = false;
  before_ = 0;
  live_ = name_bytes_ = 0;
  hand_ = unsettled_at_ = 0;
  ++version_;
  ++clears_;
}

void Subjects::restore(std::string_view name, const SubjectSpan& span) {
  const auto id = begin(name);
  put(id, span);
}

void Subjects::restore_runs(SubjectRuns runs, std::uint64_t live) {
  runs_ = std::move(runs);
  live_ = live;
  is_complete_ = runs_.empty();
}

std::vector<std::string> Subjects::unsettled(std::size_t max) {
  std::vector<std::string> names;
  auto at = unsettled_at_;
  for (; at < changed_.size() && names.size() < max; ++at) {
    const auto id = changed_[at];
    if (id >= table_.ids() || (table_[id].extra & (known | change)) != (known | change)) {
      if (names.empty()) unsettled_at_ = at + 1;
      continue;
    }
    names.emplace_back(table_.name(id));
  }
  return names;
}

// ---- checkpoints ------------------------------------------------------------------------------

void Subjects::begin_copy() {
  before_ = std::exchange(now_, now_ == even ? odd : even);
  copying_ = std::exchange(changed_, {});
  copied_ = unsettled_at_ = 0;
  copies_ = std::make_shared<SubjectCopies>();
  copies_->items.reserve(copying_.size());
}

void Subjects::copy(Id id) {
  auto& entry = table_[id];
  entry.extra &= ~before_;
  const auto span = get(id);
  if (span == SubjectSpan{0, 0, 0, false, false, true}) return;
  const auto name = table_.name(id);
  copies_->items.push_back({id, static_cast<std::uint32_t>(name.size()), copies_->names.size(),
                            span});
  copies_->names.append(name);
  if (!span.is_change) return;
  flying_.emplace(id, span);
  put(id, {});
}

bool Subjects::copy_some(std::size_t max) {
  for (; max > 0 && copied_ < copying_.size(); --max, ++copied_) {
    const auto id = copying_[copied_];
    if (id < table_.ids() && (table_[id].extra & before_) != 0) copy(id);
  }
  return copied_ < copying_.size();
}

std::shared_ptr<const SubjectCopies> Subjects::take_copies() {
  before_ = 0;
  is_in_flight_ = true;
  copying_ = {};
  return std::exchange(copies_, nullptr);
}

void Subjects::published(SubjectRuns runs, std::int64_t live_change) {
  runs_ = std::move(runs);
  live_ += static_cast<std::uint64_t>(live_change);
  flying_.clear();
  is_in_flight_ = false;
  ++version_;
}

void Subjects::failed(const SubjectCopies& copies) {
  is_in_flight_ = false;
  for (const auto& item : copies.items) {
    if (const auto flying = flying_.find(item.id);
        flying != flying_.end() && !is_whole(item.id)) {
      put(item.id, apply_change(flying->second, get(item.id)));
    }
    touch(item.id);
  }
  flying_.clear();
}

std::size_t Subjects::memory_bytes() const noexcept {
  auto bytes = table_.memory_bytes() + (changed_.capacity() + copying_.capacity()) * sizeof(Id) +
               flying_.size() * (sizeof(SubjectSpan) + 4 * sizeof(void*));
  for (const auto& run : runs_) bytes += run->memory_bytes();
  return bytes;
}

// ---- writing ----------------------------------------------------------------------------------

namespace {

struct Wanted {
  std::string_view name;
  SubjectSpan span;
};

// What changed, in order and whole.
result<std::vector<Wanted>> whole(const SubjectCopies& copies, const SubjectRuns& runs,
                                  std::int64_t& live_change) {
  std::vector<Wanted> wanted;
  wanted.reserve(copies.items.size());
  for (const auto& item : copies.items) wanted.push_back({copies.name(item), item.span});
  std::sort(wanted.begin(), wanted.end(),
            [](const Wanted& a, const Wanted& b) { return a.name < b.name; });
  RunsReader reader(runs);
  for (auto& each : wanted) {
    if (!each.span.is_change) continue;
    auto below = reader.find(each.name);
    if (!below) return below.error();
    each.span = apply_change(*below, each.span);
    live_change += (each.span.count > 0 ? 1 : 0) - (*below && (*below)->count > 0 ? 1 : 0);
  }
  return wanted;
}

result<> merge(RunWriter& writer, const std::vector<Wanted>& wanted, const SubjectRuns& runs,
               bool is_oldest) {
  RunsReader reader(runs);
  if (auto outcome = reader.seek({}); !outcome) return outcome;
  const auto put = [&](std::string_view name, const SubjectSpan& span) -> result<> {
    // What is gone must be said only as long as an older run has it.
    return span.count == 0 && is_oldest ? result<>() : writer.add(name, span);
  };
  const auto put_below = [&](std::string_view limit) -> result<> {
    while (!reader.at_end() && (limit.empty() || reader.name() < limit)) {
      if (auto outcome = put(reader.name(), reader.span()); !outcome) return outcome;
      if (auto outcome = reader.next(); !outcome) return outcome;
    }
    return {};
  };
  for (const auto& each : wanted) {
    if (auto outcome = put_below(each.name); !outcome) return outcome;
    if (!reader.at_end() && reader.name() == each.name) {
      if (auto outcome = reader.next(); !outcome) return outcome;
    }
    if (auto outcome = put(each.name, each.span); !outcome) return outcome;
  }
  return put_below({});
}

}  // namespace

result<SubjectsWritten> write_subjects(const Directory& directory, std::uint64_t log,
                                       std::uint64_t number, std::uint64_t salt,
                                       const SubjectCopies& copies, const SubjectRuns& runs) {
  // A run is written again when something grew to a quarter of it: a subject is written a few
  // times in all, and there are few runs to look into.
  constexpr std::uint64_t growth = 4;
  SubjectsWritten written;
  auto wanted = whole(copies, runs, written.live_change);
  if (!wanted) return wanted.error();
  std::size_t merged = 0;
  for (std::uint64_t entries = wanted->size();
       merged < runs.size() && runs[merged]->note().entries <= growth * entries; ++merged) {
    entries += runs[merged]->note().entries;
  }
  const auto rest = runs.begin() + static_cast<std::ptrdiff_t>(merged);
  const bool is_oldest = rest == runs.end();
  written.runs.assign(rest, runs.end());
  if (wanted->empty()) return written;
  auto writer = RunWriter::create(directory, log, number, salt);
  if (!writer) return writer.error();
  const auto outcome = merge(*writer, *wanted, SubjectRuns(runs.begin(), rest), is_oldest);
  if (!outcome) return outcome.error();
  if (writer->entries() == 0) return written;
  auto note = writer->finish();
  if (!note) return note.error();
  auto run = SubjectRun::open(directory, log, *note);
  if (!run) return run.error();
  written.runs.insert(written.runs.begin(), *run);
  written.bytes = note->bytes;
  return written;
}

}  // namespace dunlin::storage_file::engine
