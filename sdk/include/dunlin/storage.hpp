// Storage, Store and StoredLog: for those who keep records in a storage backend.
//
//     auto offer = registry.find("storage/1:file");
//     dunlin::Storage storage(*offer);
//     auto store = storage.open(options);
//     auto log = store->open_log("streams/ORDERS", log_options);
//     log->read(query, [](const dunlin_record& record) { ...; return true; },
//               [](const dunlin::result<>& outcome, const dunlin_read_end& end) { ... });
//
// A query takes a visitor and what to do at the end. The end is called exactly once: before the
// function returns when all was in memory, else later, on the thread the log was opened for. Both
// must not throw, and what the query points to must stay until the end. Records and subjects are
// valid until the visitor returns. Costs, promises and threads are those of ext/storage.h; for
// those who write a backend there is storage_backend.hpp.

#pragma once

#include <dunlin/ext/registry.h>
#include <dunlin/ext/storage.h>
#include <dunlin/result.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dunlin {
inline namespace sdk {

namespace detail {

// What a query needs until its end.
template <class Visit, class End>
struct PendingQuery {
  Visit visit;
  End end;
};

struct NoVisit {};

inline result<> outcome_of(dunlin_status status, const dunlin_error* err) {
  if (status == DUNLIN_OK) return {};
  if (err != nullptr && err->text[0] != '\0') return take(status, *err);
  return take(status, "a storage operation");
}

// A completion that calls `end(const result<>&)` once.
template <class End>
struct PendingEnd {
  End end;
  static void run(void* user, dunlin_status status, const dunlin_error* err) noexcept {
    const std::unique_ptr<PendingEnd> self(static_cast<PendingEnd*>(user));
    self->end(outcome_of(status, err));
  }
};

// Calls `post(done, user)`, which either refuses or completes later.
template <class End, class Post>
void complete_with(End&& end, Post&& post) {
  using Pending = PendingEnd<std::decay_t<End>>;
  auto pending = std::make_unique<Pending>(Pending{std::forward<End>(end)});
  const dunlin_status status = post(&Pending::run, static_cast<void*>(pending.get()));
  if (status == DUNLIN_OK) {
    static_cast<void>(pending.release());
  } else {
    pending->end(outcome_of(status, nullptr));
  }
}

}  // namespace detail

class StoredLog {
 public:
  StoredLog() = default;
  StoredLog(void* log, const dunlin_log_store* api) noexcept : log_(log), api_(api) {}
  explicit operator bool() const noexcept { return api_ != nullptr; }
  [[nodiscard]] const dunlin_log_store& raw() const noexcept { return *api_; }
  [[nodiscard]] void* handle() const noexcept { return log_; }

  // `accepted` of the records were taken, whatever the answer is. `spans` is empty or as long;
  // `flags` are DUNLIN_APPEND_...
  result<> append(std::span<const dunlin_record> records, std::size_t& accepted,
                  std::span<dunlin_span> spans = {}, std::uint32_t flags = 0) const {
    auto err = detail::fresh_error();
    accepted = 0;
    auto* const out = spans.empty() ? nullptr : spans.data();
    return detail::take(
        api_->append(log_, records.data(), records.size(), flags, &accepted, out, &err), err);
  }
  result<> skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns = 0) const {
    auto err = detail::fresh_error();
    return detail::take(api_->skip(log_, first, count, time_ns, &err), err);
  }
  // `end(const result<>&)`
  template <class End>
  void sync(End&& end) const {
    detail::complete_with(std::forward<End>(end), [this](dunlin_done done, void* user) {
      return api_->sync(log_, done, user);
    });
  }
  [[nodiscard]] std::uint64_t durable_seq() const noexcept { return api_->durable_seq(log_); }
  [[nodiscard]] dunlin_log_state state() const noexcept {
    dunlin_log_state out{};
    out.struct_size = sizeof out;
    api_->state(log_, &out);
    return out;
  }

  // `visit(const dunlin_record&)` answers whether to go on;
  // `end(const result<>&, const dunlin_read_end&)`.
  template <class Visit, class End>
  void read(dunlin_read query, Visit&& visit, End&& end) const {
    dunlin_read_end at{};
    at.struct_size = sizeof at;
    using Pending = detail::PendingQuery<std::decay_t<Visit>, std::decay_t<End>>;
    query.visit = [](void* user, const dunlin_record* record) noexcept -> bool {
      return static_cast<Pending*>(user)->visit(*record);
    };
    query.done = done_of<Pending, dunlin_read_end>();
    ask<Pending>(query, api_->read, at, std::forward<Visit>(visit), std::forward<End>(end));
  }
  // `end(const result<>&, const dunlin_span&)`
  template <class End>
  void count(dunlin_count query, End&& end) const {
    dunlin_span span{};
    using Pending = detail::PendingQuery<detail::NoVisit, std::decay_t<End>>;
    query.done = done_of<Pending, dunlin_span>();
    ask<Pending>(query, api_->count, span, detail::NoVisit{}, std::forward<End>(end));
  }
  // `visit(std::string_view, const dunlin_span&)`, `end(const result<>&)`
  template <class Visit, class End>
  void subjects(dunlin_subjects query, Visit&& visit, End&& end) const {
    using Pending = detail::PendingQuery<std::decay_t<Visit>, std::decay_t<End>>;
    query.visit = [](void* user, dunlin_str subject, const dunlin_span* span) noexcept -> bool {
      return static_cast<Pending*>(user)->visit(detail::view(subject), *span);
    };
    query.done = plain_done_of<Pending>();
    ask_plain<Pending>(query, api_->subjects, std::forward<Visit>(visit), std::forward<End>(end));
  }
  // Fills `out`, which is as long as `wanted`; `end(const result<>&)`.
  template <class End>
  void spans(std::span<const dunlin_str> wanted, std::span<dunlin_span> out, End&& end) const {
    dunlin_spans query{};
    query.subjects = wanted.data();
    query.count = wanted.size();
    query.out = out.data();
    using Pending = detail::PendingQuery<detail::NoVisit, std::decay_t<End>>;
    query.done = plain_done_of<Pending>();
    ask_plain<Pending>(query, api_->spans, detail::NoVisit{}, std::forward<End>(end));
  }
  // `visit(std::uint64_t)`, `end(const result<>&)`
  template <class Visit, class End>
  void last_each(dunlin_last_each query, Visit&& visit, End&& end) const {
    using Pending = detail::PendingQuery<std::decay_t<Visit>, std::decay_t<End>>;
    query.visit = [](void* user, std::uint64_t seq) noexcept -> bool {
      return static_cast<Pending*>(user)->visit(seq);
    };
    query.done = plain_done_of<Pending>();
    ask_plain<Pending>(query, api_->last_each, std::forward<Visit>(visit), std::forward<End>(end));
  }
  // `end(const result<>&, std::uint64_t)`
  template <class End>
  void seq_at(std::int64_t time_ns, End&& end) const {
    dunlin_seq_at query{};
    query.time_ns = time_ns;
    std::uint64_t seq = 0;
    using Pending = detail::PendingQuery<detail::NoVisit, std::decay_t<End>>;
    query.done = number_done_of<Pending, std::uint64_t>();
    ask<Pending>(query, api_->seq_at, seq, detail::NoVisit{}, std::forward<End>(end));
  }
  // `visit(const dunlin_due_item&)`, `end(const result<>&, std::int64_t)`
  template <class Visit, class End>
  void due(dunlin_due query, Visit&& visit, End&& end) const {
    std::int64_t next_ns = 0;
    using Pending = detail::PendingQuery<std::decay_t<Visit>, std::decay_t<End>>;
    query.visit = [](void* user, const dunlin_due_item* item) noexcept -> bool {
      return static_cast<Pending*>(user)->visit(*item);
    };
    query.done = number_done_of<Pending, std::int64_t>();
    ask<Pending>(query, api_->due, next_ns, std::forward<Visit>(visit), std::forward<End>(end));
  }
  // `visit(const dunlin_range&)`; at once.
  template <class Visit>
  result<> gaps(std::uint64_t from, std::uint64_t to, Visit&& visit) const {
    auto err = detail::fresh_error();
    const auto run = [](void* user, const dunlin_range* gap) noexcept -> bool {
      return (*static_cast<std::remove_reference_t<Visit>*>(user))(*gap);
    };
    auto* const user = const_cast<void*>(static_cast<const void*>(&visit));
    return detail::take(api_->gaps(log_, from, to, run, user, &err), err);
  }

  // The three that remove: `end(const result<>&, const dunlin_removed&)`.
  template <class End>
  void remove(std::span<const std::uint64_t> seqs, std::uint32_t flags, End&& end) const {
    change(std::forward<End>(end), [&](auto removed, auto done, auto user, auto err) {
      return api_->remove(log_, seqs.data(), seqs.size(), flags, removed, done, user, err);
    });
  }
  template <class End>
  void purge(dunlin_purge query, End&& end) const {
    query.struct_size = sizeof query;
    change(std::forward<End>(end), [&](auto removed, auto done, auto user, auto err) {
      query.done = done;
      query.user = user;
      return api_->purge(log_, &query, removed, err);
    });
  }
  template <class End>
  void truncate(std::uint64_t last, End&& end) const {
    change(std::forward<End>(end), [&](auto removed, auto done, auto user, auto err) {
      return api_->truncate(log_, last, removed, done, user, err);
    });
  }
  result<> reschedule(std::uint64_t seq, std::int64_t due_ns) const {
    auto err = detail::fresh_error();
    return detail::take(api_->reschedule(log_, seq, due_ns, &err), err);
  }

  [[nodiscard]] result<std::uint64_t> snapshot_open() const {
    if (!DUNLIN_HAS(api_, snapshot_open)) return fail(DUNLIN_E_UNSUPPORTED, "no snapshots");
    auto err = detail::fresh_error();
    std::uint64_t out = 0;
    const auto outcome = detail::take(api_->snapshot_open(log_, &out, &err), err);
    if (!outcome) return outcome.error();
    return out;
  }
  void snapshot_close(std::uint64_t snapshot) const { api_->snapshot_close(log_, snapshot); }

  // The log must not be used any more. `end(const result<>&)`
  template <class End>
  void close(End&& end) {
    const auto* const api = std::exchange(api_, nullptr);
    detail::complete_with(std::forward<End>(end), [&](dunlin_done done, void* user) {
      api->close(log_, done, user);
      return DUNLIN_OK;
    });
  }

 private:
  template <class Pending, class Value>
  static auto done_of() noexcept {
    return +[](void* user, dunlin_status status, const Value* value,
               const dunlin_error* err) noexcept {
      const std::unique_ptr<Pending> self(static_cast<Pending*>(user));
      self->end(detail::outcome_of(status, err), value != nullptr ? *value : Value{});
    };
  }
  template <class Pending, class Number>
  static auto number_done_of() noexcept {
    return +[](void* user, dunlin_status status, Number number,
               const dunlin_error* err) noexcept {
      const std::unique_ptr<Pending> self(static_cast<Pending*>(user));
      self->end(detail::outcome_of(status, err), number);
    };
  }
  template <class Pending>
  static auto plain_done_of() noexcept {
    return +[](void* user, dunlin_status status, const dunlin_error* err) noexcept {
      const std::unique_ptr<Pending> self(static_cast<Pending*>(user));
      self->end(detail::outcome_of(status, err));
    };
  }

  // Asks; what is not answered later is at its end now.
  template <class Pending, class Query, class Function, class Value, class Visit, class End>
  void ask(Query& query, Function function, Value& value, Visit&& visit, End&& end) const {
    std::unique_ptr<Pending> pending(
        new Pending{std::forward<Visit>(visit), std::forward<End>(end)});
    query.struct_size = sizeof query;
    query.user = pending.get();
    auto err = detail::fresh_error();
    const dunlin_status status = function(log_, &query, &value, &err);
    if (status == DUNLIN_E_AGAIN) {
      static_cast<void>(pending.release());
    } else {
      pending->end(detail::outcome_of(status, &err), std::as_const(value));
    }
  }
  template <class Pending, class Query, class Function, class Visit, class End>
  void ask_plain(Query& query, Function function, Visit&& visit, End&& end) const {
    std::unique_ptr<Pending> pending(
        new Pending{std::forward<Visit>(visit), std::forward<End>(end)});
    query.struct_size = sizeof query;
    query.user = pending.get();
    auto err = detail::fresh_error();
    const dunlin_status status = function(log_, &query, &err);
    if (status == DUNLIN_E_AGAIN) {
      static_cast<void>(pending.release());
    } else {
      pending->end(detail::outcome_of(status, &err));
    }
  }
  template <class End, class Call>
  void change(End&& end, Call&& call) const {
    using Pending = detail::PendingQuery<detail::NoVisit, std::decay_t<End>>;
    std::unique_ptr<Pending> pending(new Pending{{}, std::forward<End>(end)});
    auto err = detail::fresh_error();
    dunlin_removed removed{};
    const dunlin_status status =
        call(&removed, done_of<Pending, dunlin_removed>(), static_cast<void*>(pending.get()), &err);
    if (status == DUNLIN_E_AGAIN) {
      static_cast<void>(pending.release());
    } else {
      pending->end(detail::outcome_of(status, &err), std::as_const(removed));
    }
  }

  void* log_ = nullptr;
  const dunlin_log_store* api_ = nullptr;
};

// An open store. Closed when it is destroyed: every log must be closed before.
class Store {
 public:
  Store() = default;
  Store(void* store, const dunlin_store_api* api) noexcept : store_(store, Closer{api}) {}
  explicit operator bool() const noexcept { return store_ != nullptr; }

  [[nodiscard]] result<StoredLog> open_log(std::string_view name,
                                           dunlin_log_options options) const {
    options.struct_size = sizeof options;
    auto err = detail::fresh_error();
    void* log = nullptr;
    const dunlin_log_store* log_api = nullptr;
    const auto outcome = detail::take(
        api().open_log(store_.get(), detail::str(name), &options, &log, &log_api, &err), err);
    if (!outcome) return outcome.error();
    return StoredLog(log, log_api);
  }
  result<> drop_log(std::string_view name) const {
    auto err = detail::fresh_error();
    return detail::take(api().drop_log(store_.get(), detail::str(name), &err), err);
  }
  [[nodiscard]] result<std::vector<std::string>> list_logs(std::string_view prefix = {}) const {
    std::vector<std::string> names;
    auto err = detail::fresh_error();
    const auto visit = [](void* user, dunlin_str name) {
      static_cast<std::vector<std::string>*>(user)->emplace_back(detail::view(name));
      return true;
    };
    const auto outcome = detail::take(
        api().list_logs(store_.get(), detail::str(prefix), visit, &names, &err), err);
    if (!outcome) return outcome.error();
    return names;
  }
  // `end(const result<>&)`, on the thread given.
  template <class End>
  void put_meta(std::span<const dunlin_meta> items, std::uint32_t thread, std::uint32_t shard,
                End&& end) const {
    detail::complete_with(std::forward<End>(end), [&](dunlin_done done, void* user) {
      return api().put_meta(store_.get(), items.data(), items.size(), thread, shard, done, user);
    });
  }
  // `visit(std::string_view path, std::string_view blob)`
  template <class Visit>
  result<> list_meta(std::string_view prefix, Visit&& visit) const {
    auto err = detail::fresh_error();
    const auto run = [](void* user, const dunlin_meta* item) noexcept {
      (*static_cast<std::remove_reference_t<Visit>*>(user))(detail::view(item->path),
                                                            detail::view(item->blob));
      return true;
    };
    auto* const user = const_cast<void*>(static_cast<const void*>(&visit));
    return detail::take(api().list_meta(store_.get(), detail::str(prefix), run, user, &err), err);
  }

 private:
  struct Closer {
    const dunlin_store_api* api;
    void operator()(void* store) const noexcept { api->close(store); }
  };
  [[nodiscard]] const dunlin_store_api& api() const noexcept {
    return *store_.get_deleter().api;
  }
  std::unique_ptr<void, Closer> store_;
};

// A backend that was found in the registry.
class Storage {
 public:
  explicit Storage(const dunlin_offer& offer) noexcept
      : api_(static_cast<const dunlin_storage*>(offer.table)), self_(offer.self) {}

  [[nodiscard]] bool has(std::uint32_t feature) const noexcept {
    return (api_->features & feature) != 0;
  }
  [[nodiscard]] std::string_view kind() const noexcept { return api_->kind; }
  // What a record counts as beside its subject, header and payload.
  [[nodiscard]] std::uint32_t record_cost() const noexcept { return api_->record_cost; }
  [[nodiscard]] std::uint32_t header_cost() const noexcept { return api_->header_cost; }

  [[nodiscard]] result<Store> open(dunlin_store_options options) const {
    options.struct_size = sizeof options;
    auto err = detail::fresh_error();
    void* store = nullptr;
    const dunlin_store_api* store_api = nullptr;
    const auto outcome =
        detail::take(api_->open(self_, &options, &store, &store_api, &err), err);
    if (!outcome) return outcome.error();
    return Store(store, store_api);
  }

 private:
  const dunlin_storage* api_;
  void* self_;
};

}  // namespace sdk
}  // namespace dunlin
