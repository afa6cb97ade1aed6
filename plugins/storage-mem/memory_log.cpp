// The functions of a log: who may call what, and the completions.

#include <utility>

#include "plugins/storage-mem/log_queries.hpp"
#include "plugins/storage-mem/memory_store.hpp"

namespace dunlin::storage_mem {

MemoryLog::MemoryLog(MemoryStore& store, LogData& data, Tally& tally, std::string name,
                     bool is_read_only, std::shared_ptr<Completions> completions)
    : store_(store),
      data_(data),
      tally_(tally),
      name_(std::move(name)),
      is_read_only_(is_read_only),
      completions_(std::move(completions)) {}

template <class T, class Change>
result<T> MemoryLog::change(Change&& body) {
  if (is_read_only_) return fail(DUNLIN_E_DENIED, "the log was opened to be read only");
  auto outcome = body();
  tally_.show(data_);
  return outcome;
}

result<> MemoryLog::append(std::span<const dunlin_record> records, std::uint32_t flags,
                           std::size_t& accepted, std::span<dunlin_span> spans) {
  const bool is_atomic = (flags & DUNLIN_APPEND_ATOMIC) != 0;
  return change<void>([&]() -> result<> {
    try {
      auto outcome = is_atomic ? data_.append_atomic(records, accepted, spans)
                               : data_.append(records, accepted, spans);
      tally_.figures().accepted();
      return outcome;
    } catch (const std::bad_alloc&) {
      tally_.show(data_);
      tally_.figures().refused(name_);
      throw;
    }
  });
}

result<> MemoryLog::skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) {
  return change<void>([&] { return data_.skip(first, count, time_ns); });
}

result<> MemoryLog::sync(Completion& done) {
  completions_->add(std::move(done));
  return {};
}

result<> MemoryLog::read(const dunlin_read& query, dunlin_read_end& end) {
  return storage_mem::read(data_, query, end);
}
result<dunlin_span> MemoryLog::count(const dunlin_count& query) {
  return storage_mem::count(data_, query);
}
result<> MemoryLog::subjects(const dunlin_subjects& query) {
  return storage_mem::subjects(data_, query);
}
result<> MemoryLog::spans(const dunlin_spans& query) { return storage_mem::spans(data_, query); }
result<> MemoryLog::last_each(const dunlin_last_each& query) {
  return storage_mem::last_each(data_, query);
}
result<std::uint64_t> MemoryLog::seq_at(const dunlin_seq_at& query) {
  return storage_mem::seq_at(data_, query.time_ns);
}
result<std::int64_t> MemoryLog::due(const dunlin_due& query) {
  return storage_mem::due(data_, query);
}
result<> MemoryLog::gaps(std::uint64_t from, std::uint64_t to,
                         bool (*visit)(void* user, const dunlin_range* gap), void* user) {
  storage_mem::gaps(data_, from, to, visit, user);
  return {};
}

result<dunlin_removed> MemoryLog::remove(std::span<const std::uint64_t> seqs, std::uint32_t flags,
                                         dunlin_removed_done, void*) {
  return change<dunlin_removed>([&]() -> result<dunlin_removed> {
    return data_.remove(seqs, (flags & DUNLIN_REMOVE_ERASE) != 0);
  });
}

result<dunlin_removed> MemoryLog::purge(const dunlin_purge& query) {
  return change<dunlin_removed>([&]() -> result<dunlin_removed> {
    if (query.filter.size != 0 && !data_.has_subjects()) {
      return fail(DUNLIN_E_UNSUPPORTED, "the log keeps no subjects");
    }
    return data_.purge(detail::view(query.filter), query.below, query.keep);
  });
}

result<dunlin_removed> MemoryLog::truncate(std::uint64_t last, dunlin_removed_done, void*) {
  return change<dunlin_removed>(
      [&]() -> result<dunlin_removed> { return data_.truncate(last); });
}

result<> MemoryLog::reschedule(std::uint64_t seq, std::int64_t due_ns) {
  return change<void>([&] { return data_.reschedule(seq, due_ns); });
}

// Memory does not rot in a way that could be found here.
result<> MemoryLog::verify(bool (*)(void* user, const dunlin_damage* damage), void*,
                           Completion& done) {
  completions_->add(std::move(done));
  return {};
}

void MemoryLog::close(Completion done) noexcept {
  const auto completions = completions_;
  data_.close_snapshots();
  store_.release(data_);
  delete this;
  // Without memory the completion reports itself as dropped: the log is closed all the same.
  try {
    completions->add(std::move(done));
  } catch (const std::bad_alloc&) {
    return;
  }
}

}  // namespace dunlin::storage_mem
