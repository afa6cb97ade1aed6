// For those who write a storage backend: three classes to derive from, and what turns them into the
// tables of ext/storage.h.
//
//     class MyLog final : public dunlin::LogBackend { ... };
//     class MyStore final : public dunlin::StoreBackend { ... };
//     class MyStorage final : public dunlin::StorageBackend {
//       dunlin::result<std::unique_ptr<dunlin::StoreBackend>> open(
//           const dunlin_store_options& options) override;
//     };
//     ...
//     MyStorage storage_{{.kind = "mine", .features = DUNLIN_STORE_SUBJECT_INDEX}};
//     registry.offer("storage/1:mine", storage_.table(), &storage_);      // in start()
//
// What each function has to do, on which thread, and at what cost is said in ext/storage.h; what
// differs here: queries arrive complete (a shorter struct of an older caller is filled up), an
// Error is the failing status, and `later()` is the DUNLIN_E_AGAIN with which a query promises to
// complete by itself. What a function throws becomes DUNLIN_E_INTERNAL, or DUNLIN_E_LIMIT when it
// is std::bad_alloc. A log is destroyed by whoever completes its `close`: see LogBackend::close.

#pragma once

#include <dunlin/ext/storage.h>
#include <dunlin/result.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>

namespace dunlin {
inline namespace sdk {

// The answer of a query that goes on by itself.
inline Error later() { return Error{DUNLIN_E_AGAIN, {}, 0}; }
inline Error unsupported(const char* what) {
  return Error{DUNLIN_E_UNSUPPORTED, std::string("this storage does not do ") + what, 0};
}

class LogBackend {
 public:
  LogBackend() = default;
  LogBackend(const LogBackend&) = delete;
  LogBackend& operator=(const LogBackend&) = delete;
  virtual ~LogBackend() = default;

  // `spans` is empty or as long as `records`. `accepted` is set whatever the answer is. The flags
  // are DUNLIN_APPEND_...; what is too large for one atomic append does not come here.
  virtual result<> append(std::span<const dunlin_record> records, std::uint32_t flags,
                          std::size_t& accepted, std::span<dunlin_span> spans) = 0;
  virtual result<> skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) = 0;
  // Completes later, in the order of the calls; an Error refuses, and `done` is left alone then.
  virtual result<> sync(Completion& done) = 0;
  [[nodiscard]] virtual std::uint64_t durable_seq() noexcept = 0;
  [[nodiscard]] virtual dunlin_log_state state() = 0;

  // Sets `end` also when it stops at a damaged record.
  virtual result<> read(const dunlin_read& query, dunlin_read_end& end) = 0;
  virtual result<dunlin_span> count(const dunlin_count& query) = 0;
  virtual result<> subjects(const dunlin_subjects& query) = 0;
  virtual result<> spans(const dunlin_spans& query) = 0;
  virtual result<> last_each(const dunlin_last_each& query) = 0;
  virtual result<std::uint64_t> seq_at(const dunlin_seq_at& query) = 0;
  virtual result<std::int64_t> due(const dunlin_due& query) = 0;
  virtual result<> gaps(std::uint64_t from, std::uint64_t to,
                        bool (*visit)(void* user, const dunlin_range* gap), void* user) = 0;

  virtual result<dunlin_removed> remove(std::span<const std::uint64_t> seqs, std::uint32_t flags,
                                        dunlin_removed_done done, void* user) = 0;
  virtual result<dunlin_removed> purge(const dunlin_purge& query) = 0;
  virtual result<dunlin_removed> truncate(std::uint64_t last, dunlin_removed_done done,
                                          void* user) = 0;
  virtual result<> reschedule(std::uint64_t seq, std::int64_t due_ns) = 0;

  virtual result<std::uint64_t> snapshot_open() { return unsupported("snapshots"); }
  virtual void snapshot_close(std::uint64_t) {}

  // `user` is for `visit`. As `sync`.
  virtual result<> verify(bool (*visit)(void* user, const dunlin_damage* damage), void* user,
                          Completion& done) = 0;
  // The log owns itself from here on: it is destroyed by `delete this` before `done` is completed.
  virtual void close(Completion done) noexcept = 0;
};

class StoreBackend {
 public:
  StoreBackend() = default;
  StoreBackend(const StoreBackend&) = delete;
  StoreBackend& operator=(const StoreBackend&) = delete;
  // This is `close`.
  virtual ~StoreBackend() = default;

  virtual result<std::unique_ptr<LogBackend>> open_log(std::string_view name,
                                                       const dunlin_log_options& options) = 0;
  virtual result<> drop_log(std::string_view name) = 0;
  virtual result<> list_logs(std::string_view prefix, bool (*visit)(void* user, dunlin_str name),
                             void* user) = 0;
  // As LogBackend::sync.
  virtual result<> put_meta(std::span<const dunlin_meta> items, std::uint32_t thread,
                            std::uint32_t shard, Completion& done) = 0;
  virtual result<> list_meta(std::string_view prefix, dunlin_visit_meta visit, void* user) = 0;
};

// How a backend describes itself; the members are those of dunlin_storage.
struct StorageTraits {
  const char* kind = nullptr;
  std::uint32_t features = 0;
  std::uint32_t record_cost = 0, header_cost = 0;
};

class StorageBackend {
 public:
  explicit StorageBackend(const StorageTraits& traits) noexcept;
  StorageBackend(const StorageBackend&) = delete;
  StorageBackend& operator=(const StorageBackend&) = delete;
  virtual ~StorageBackend() = default;

  virtual result<std::unique_ptr<StoreBackend>> open(const dunlin_store_options& options) = 0;

  // What to offer, with `this` as its `self`; valid as long as this object is.
  [[nodiscard]] const dunlin_storage* table() const noexcept { return &table_; }

 private:
  dunlin_storage table_{};
};

// Names of logs and paths of metadata, by the rules of ext/storage.h.
inline bool is_storage_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 1024) return false;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::any_of(name.begin(), name.end(), is_control)) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

// Is it no more than what one append with DUNLIN_APPEND_ATOMIC has to take?
inline bool is_atomic_size(std::span<const dunlin_record> records) noexcept {
  std::uint64_t bytes = 0;
  for (const auto& record : records) {
    bytes += record.subject.size + record.header.size + record.payload.size;
  }
  return records.size() <= DUNLIN_ATOMIC_RECORDS_MAX && bytes <= DUNLIN_ATOMIC_MAX;
}
inline Error too_large_to_be_atomic() {
  return Error{DUNLIN_E_LIMIT,
               "an atomic append takes " + std::to_string(DUNLIN_ATOMIC_RECORDS_MAX) +
                   " records and " + std::to_string(DUNLIN_ATOMIC_MAX) + " bytes at most",
               0};
}

namespace detail {

// A struct of the caller, which may be shorter or longer than ours.
template <class T>
T sized(const T* theirs) noexcept {
  T mine{};
  if (theirs == nullptr) return mine;
  const std::size_t size = theirs->struct_size;
  std::memcpy(static_cast<void*>(&mine), theirs, std::min(size, sizeof mine));
  return mine;
}

inline dunlin_status refuse(dunlin_error* err, const Error& error) noexcept {
  if (error.status == DUNLIN_E_AGAIN && error.text.empty()) return DUNLIN_E_AGAIN;
  return put(err, error);
}

// Runs `body`, which answers result<T>, and hands its value to `give`.
template <class Body, class Give>
dunlin_status answer(dunlin_error* err, Body&& body, Give&& give) noexcept {
  try {
    auto outcome = body();
    if (!outcome) return refuse(err, outcome.error());
    give(outcome);
    return DUNLIN_OK;
  } catch (const std::bad_alloc&) {
    return put(err, DUNLIN_E_LIMIT, "out of memory");
  } catch (const std::exception& exception) {
    return put(err, DUNLIN_E_INTERNAL, exception.what());
  } catch (...) {
    return put(err, DUNLIN_E_INTERNAL, "an exception of unknown type was thrown");
  }
}
template <class Body>
dunlin_status answer(dunlin_error* err, Body&& body) noexcept {
  return answer(err, std::forward<Body>(body), [](auto&) {});
}
template <class Body, class T>
dunlin_status answer_into(dunlin_error* err, T* out, Body&& body) noexcept {
  return answer(err, std::forward<Body>(body), [out](auto& outcome) {
    if (out != nullptr) *out = *outcome;
  });
}

// For what ends with a completion: a refusal leaves the completion alone.
template <class Body>
dunlin_status accept(dunlin_error* err, dunlin_done done, void* user, Body&& body) noexcept {
  Completion completion(done, user);
  const auto status = answer(err, [&]() -> result<> { return body(completion); });
  if (status != DUNLIN_OK) completion.dismiss();
  return status;
}

// The rows of dunlin_log_store.
struct LogTable {
  static LogBackend& of(void* log) noexcept { return *static_cast<LogBackend*>(log); }

  static dunlin_status append(void* log, const dunlin_record* records, std::size_t n,
                              std::uint32_t flags, std::size_t* accepted, dunlin_span* spans,
                              dunlin_error* err) noexcept {
    std::size_t taken = 0;
    const auto status = answer(err, [&]() -> result<> {
      const bool is_atomic = (flags & DUNLIN_APPEND_ATOMIC) != 0;
      if (is_atomic && !is_atomic_size({records, n})) return too_large_to_be_atomic();
      return of(log).append({records, n}, flags, taken, {spans, spans != nullptr ? n : 0});
    });
    if (accepted != nullptr) *accepted = taken;
    return status;
  }
  static dunlin_status skip(void* log, std::uint64_t first, std::uint64_t count,
                            std::int64_t time_ns, dunlin_error* err) noexcept {
    return answer(err, [&] { return of(log).skip(first, count, time_ns); });
  }
  static dunlin_status sync(void* log, dunlin_done done, void* user) noexcept {
    return accept(nullptr, done, user, [&](Completion& on) { return of(log).sync(on); });
  }
  static std::uint64_t durable_seq(void* log) noexcept { return of(log).durable_seq(); }
  static dunlin_status state(void* log, dunlin_log_state* out) noexcept {
    return answer(nullptr, [&]() -> result<> {
      auto state = of(log).state();
      state.struct_size = std::min<std::uint32_t>(out->struct_size, sizeof state);
      std::memcpy(static_cast<void*>(out), &state, state.struct_size);
      return {};
    });
  }
  static dunlin_status read(void* log, const dunlin_read* query, dunlin_read_end* end,
                            dunlin_error* err) noexcept {
    dunlin_read_end value{};
    const auto status = answer(err, [&] { return of(log).read(sized(query), value); });
    if (end != nullptr && (status == DUNLIN_OK || status == DUNLIN_E_CORRUPT)) {
      value.struct_size = std::min<std::uint32_t>(end->struct_size, sizeof value);
      std::memcpy(static_cast<void*>(end), &value, value.struct_size);
    }
    return status;
  }
  static dunlin_status count(void* log, const dunlin_count* query, dunlin_span* out,
                             dunlin_error* err) noexcept {
    return answer_into(err, out, [&] { return of(log).count(sized(query)); });
  }
  static dunlin_status subjects(void* log, const dunlin_subjects* query,
                                dunlin_error* err) noexcept {
    return answer(err, [&] { return of(log).subjects(sized(query)); });
  }
  static dunlin_status spans(void* log, const dunlin_spans* query, dunlin_error* err) noexcept {
    return answer(err, [&] { return of(log).spans(sized(query)); });
  }
  static dunlin_status last_each(void* log, const dunlin_last_each* query,
                                 dunlin_error* err) noexcept {
    return answer(err, [&] { return of(log).last_each(sized(query)); });
  }
  static dunlin_status seq_at(void* log, const dunlin_seq_at* query, std::uint64_t* seq,
                              dunlin_error* err) noexcept {
    return answer_into(err, seq, [&] { return of(log).seq_at(sized(query)); });
  }
  static dunlin_status due(void* log, const dunlin_due* query, std::int64_t* next_ns,
                           dunlin_error* err) noexcept {
    return answer_into(err, next_ns, [&] { return of(log).due(sized(query)); });
  }
  static dunlin_status gaps(void* log, std::uint64_t from, std::uint64_t to,
                            bool (*visit)(void*, const dunlin_range*), void* user,
                            dunlin_error* err) noexcept {
    return answer(err, [&] { return of(log).gaps(from, to, visit, user); });
  }
  static dunlin_status remove(void* log, const std::uint64_t* seqs, std::size_t n,
                              std::uint32_t flags, dunlin_removed* removed,
                              dunlin_removed_done done, void* user, dunlin_error* err) noexcept {
    return answer_into(err, removed,
                       [&] { return of(log).remove({seqs, n}, flags, done, user); });
  }
  static dunlin_status purge(void* log, const dunlin_purge* query, dunlin_removed* removed,
                             dunlin_error* err) noexcept {
    return answer_into(err, removed, [&] { return of(log).purge(sized(query)); });
  }
  static dunlin_status truncate(void* log, std::uint64_t last, dunlin_removed* removed,
                                dunlin_removed_done done, void* user, dunlin_error* err) noexcept {
    return answer_into(err, removed, [&] { return of(log).truncate(last, done, user); });
  }
  static dunlin_status reschedule(void* log, std::uint64_t seq, std::int64_t due_ns,
                                  dunlin_error* err) noexcept {
    return answer(err, [&] { return of(log).reschedule(seq, due_ns); });
  }
  static dunlin_status snapshot_open(void* log, std::uint64_t* out, dunlin_error* err) noexcept {
    return answer_into(err, out, [&] { return of(log).snapshot_open(); });
  }
  static void snapshot_close(void* log, std::uint64_t snapshot) noexcept {
    answer(nullptr, [&]() -> result<> {
      of(log).snapshot_close(snapshot);
      return {};
    });
  }
  static dunlin_status verify(void* log, bool (*visit)(void*, const dunlin_damage*),
                              dunlin_done done, void* user, dunlin_error* err) noexcept {
    return accept(err, done, user,
                  [&](Completion& on) { return of(log).verify(visit, user, on); });
  }
  static void close(void* log, dunlin_done done, void* user) noexcept {
    of(log).close(Completion(done, user));
  }

  static constexpr dunlin_log_store table = {
      sizeof(dunlin_log_store), 0, append, skip,   sync,          durable_seq,    state,  read,
      count, subjects, spans,      last_each, seq_at, due,        gaps,           remove, purge,
      truncate, reschedule, snapshot_open, snapshot_close, verify, close};
};

// The rows of dunlin_store_api.
struct StoreTable {
  static StoreBackend& of(void* store) noexcept { return *static_cast<StoreBackend*>(store); }

  static dunlin_status open_log(void* store, dunlin_str name, const dunlin_log_options* options,
                                void** log, const dunlin_log_store** api,
                                dunlin_error* err) noexcept {
    return answer(
        err,
        [&]() -> result<std::unique_ptr<LogBackend>> {
          if (!is_storage_name(view(name))) return fail(DUNLIN_E_INVALID, "not a log's name");
          return of(store).open_log(view(name), sized(options));
        },
        [&](auto& outcome) {
          *log = std::move(*outcome).release();
          *api = &LogTable::table;
        });
  }
  static dunlin_status drop_log(void* store, dunlin_str name, dunlin_error* err) noexcept {
    return answer(err, [&] { return of(store).drop_log(view(name)); });
  }
  static dunlin_status list_logs(void* store, dunlin_str prefix, bool (*visit)(void*, dunlin_str),
                                 void* user, dunlin_error* err) noexcept {
    return answer(err, [&] { return of(store).list_logs(view(prefix), visit, user); });
  }
  static dunlin_status put_meta(void* store, const dunlin_meta* items, std::size_t n,
                                std::uint32_t thread, std::uint32_t shard, dunlin_done done,
                                void* user) noexcept {
    return accept(nullptr, done, user, [&](Completion& on) -> result<> {
      for (std::size_t i = 0; i < n; ++i) {
        if (!is_storage_name(view(items[i].path))) return fail(DUNLIN_E_INVALID, "not a path");
      }
      return of(store).put_meta({items, n}, thread, shard, on);
    });
  }
  static dunlin_status list_meta(void* store, dunlin_str prefix, dunlin_visit_meta visit,
                                 void* user, dunlin_error* err) noexcept {
    return answer(err, [&] { return of(store).list_meta(view(prefix), visit, user); });
  }
  static void close(void* store) noexcept { delete &of(store); }

  static constexpr dunlin_store_api table = {
      sizeof(dunlin_store_api), 0, open_log, drop_log, list_logs, put_meta, list_meta, close};
};

inline dunlin_status open_storage(void* self, const dunlin_store_options* options, void** store,
                                  const dunlin_store_api** api, dunlin_error* err) noexcept {
  return answer(
      err, [&] { return static_cast<StorageBackend*>(self)->open(sized(options)); },
      [&](auto& outcome) {
        *store = std::move(*outcome).release();
        *api = &StoreTable::table;
      });
}

}  // namespace detail

inline StorageBackend::StorageBackend(const StorageTraits& traits) noexcept {
  table_.struct_size = sizeof table_;
  table_.features = traits.features;
  table_.kind = traits.kind;
  table_.record_cost = traits.record_cost;
  table_.header_cost = traits.header_cost;
  table_.open = detail::open_storage;
}

}  // namespace sdk
}  // namespace dunlin
