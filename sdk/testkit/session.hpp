// The tables of ext/storage.h as calls that answer when they are done, each checked for how it was
// answered: completions exactly once, on the right thread, never from inside the call, and nothing
// visited after the end.
//
// A Session is one open store of a world; a Log is one open log. Misbehaviour throws Failure. What
// the backend may legitimately refuse comes back as a status. One thread.

#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "sdk/testkit/model.hpp"
#include "sdk/testkit/sim/world.hpp"

namespace dunlin::testkit {

// How a call ended.
struct Outcome {
  dunlin_status status = DUNLIN_OK;
  std::string text;
  bool queued = false;  // the answer came later
  [[nodiscard]] bool ok() const { return status == DUNLIN_OK; }
};

// One call and its completion. Kept for as long as the session, so that a completion that comes
// too late or twice is noticed.
struct Waiter {
  World* world = nullptr;
  const char* what = "";
  std::uint64_t task = 0;  // the one that made the call
  std::uint32_t thread = DUNLIN_THREAD_SHARD;
  int calls = 0;
  bool answered = false;  // by the call itself: no completion may come
  Outcome outcome;

  virtual ~Waiter() = default;
  void finish(dunlin_status status, const dunlin_error* err);
  // Before a visit; false, and a broken rule, when it comes after the end.
  bool may_visit();
  [[nodiscard]] bool over() const { return calls > 0; }
};

struct AppendOutcome : Outcome {
  std::size_t accepted = 0;
  std::vector<Span> spans;
};

struct ReadQuery {
  std::uint64_t from = 1, to = UINT64_MAX;
  Filters filters;
  std::vector<std::uint64_t> seqs;
  bool by_seqs = false, backward = false, bare = false, gaps = false;
  std::uint64_t records_max = 0, bytes_max = 0, snapshot = 0;
  std::uint64_t stop_after = 0;  // the visitor says no at this visit
};

struct ReadOutcome : Outcome {
  std::vector<Record> records;
  std::uint32_t why = 0;
  std::uint64_t next = 0, visits = 0;
};

struct DueOutcome : Outcome {
  std::vector<std::pair<std::int64_t, std::uint64_t>> items;
  std::vector<std::string> subjects;
  std::int64_t next_ns = 0;
};

struct Damage {
  std::uint64_t first, last, offset;
  std::string file, text;
};

struct LogEvent {
  std::uint32_t kind;
  std::uint64_t first, last;
  std::string text;
};

class Session;

class Log {
 public:
  Log(Session& session, std::string name, void* log, const dunlin_log_store* api)
      : session_(session), name_(std::move(name)), log_(log), api_(api) {}

  AppendOutcome append(const std::vector<Record>& records, bool with_spans = false,
                       std::uint32_t flags = 0);
  Outcome skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns);
  Outcome sync();
  // Calls `sync` and does not wait.
  std::shared_ptr<Waiter> sync_later();
  Outcome remove(const std::vector<std::uint64_t>& seqs, Removed& removed,
                 std::uint32_t flags = 0);
  Outcome purge(const std::string& filter, std::uint64_t below, std::uint64_t keep,
                Removed& removed);
  Outcome truncate(std::uint64_t last, Removed& removed);
  Outcome reschedule(std::uint64_t seq, std::int64_t due_ns);

  dunlin_log_state state();
  std::uint64_t durable_seq();
  ReadOutcome read(const ReadQuery& query);
  Outcome count(std::uint64_t from, const Filters& filters, std::uint32_t flags, Span& result);
  Outcome subjects(const std::string& filter, const std::string& after, std::uint64_t max,
                   std::vector<std::pair<std::string, Span>>& found);
  Outcome spans(const std::vector<std::string>& subjects, std::vector<Span>& found);
  Outcome last_each(const Filters& filters, std::uint64_t below, std::uint64_t max,
                    std::vector<std::uint64_t>& found);
  Outcome seq_at(std::int64_t time_ns, std::uint64_t& seq);
  DueOutcome due(std::uint32_t index, std::int64_t now_ns, std::uint64_t max = 0);
  Outcome gaps(std::uint64_t from, std::uint64_t to, std::vector<Span>& found);
  Outcome snapshot_open(std::uint64_t& snapshot);
  void snapshot_close(std::uint64_t snapshot);
  Outcome verify(std::vector<Damage>& found);
  Outcome close();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const dunlin_log_store& api() const { return *api_; }
  [[nodiscard]] void* handle() const { return log_; }
  std::vector<LogEvent> events;

 private:
  friend class Session;
  Outcome ask(const char* what, const std::shared_ptr<Waiter>& waiter,
              const std::function<dunlin_status(dunlin_error*)>& call);
  Scheduler& scheduler();

  Session& session_;
  std::string name_;
  void* log_;
  const dunlin_log_store* api_;
};

struct MetaItem {
  std::string path, blob;
  bool erase = false;
  bool operator==(const MetaItem&) const = default;
};

struct OpenLog {
  std::uint32_t flags = DUNLIN_LOG_CREATE;
  std::uint32_t sync = DUNLIN_SYNC_ALWAYS, compression = DUNLIN_COMPRESS_DEFAULT;
  std::uint64_t first_seq = 0;
};

class Session {
 public:
  // Of the logs that are synced by time.
  static constexpr std::uint64_t sync_interval_ns = 1'000'000'000;

  // Opens the store at `dir`. Throws Failure when it cannot, unless `outcome` is given.
  Session(World& world, std::string dir, std::uint32_t flags = DUNLIN_LOG_CREATE,
          Outcome* outcome = nullptr);
  // Closes what is still open.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Throws Failure when it cannot, unless `outcome` is given; then null.
  Log* open_log(const std::string& name, const OpenLog& options = {}, Outcome* outcome = nullptr);
  Outcome close_log(Log*& log);
  Outcome drop_log(const std::string& name);
  Outcome list_logs(const std::string& prefix, std::vector<std::string>& names,
                    std::size_t stop_after = 0);
  Outcome put_meta(const std::vector<MetaItem>& items);
  std::shared_ptr<Waiter> put_meta_later(const std::vector<MetaItem>& items);
  Outcome list_meta(const std::string& prefix, std::vector<MetaItem>& items);
  void close();

  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] bool has(std::uint32_t feature) const {
    return (world_.storage().features & feature) != 0;
  }
  [[nodiscard]] Costs costs() const {
    return {world_.storage().record_cost, world_.storage().header_cost};
  }
  // Makes a call as a task of `thread` would. `waits` is the answer that promises a completion:
  // DUNLIN_E_AGAIN of queries, DUNLIN_OK of the others; then it waits for it if `await_it`.
  Outcome make(const char* what, std::uint32_t thread, const std::shared_ptr<Waiter>& waiter,
               dunlin_status waits, bool await_it,
               const std::function<dunlin_status(dunlin_error*)>& call);
  // Waits; throws when the completion never comes, or when a rule was broken on the way.
  void await(Waiter& waiter);
  void check_rules();

 private:
  World& world_;
  std::string dir_;
  void* store_ = nullptr;
  const dunlin_store_api* api_ = nullptr;
  std::vector<std::unique_ptr<Log>> logs_;
  std::deque<std::shared_ptr<Waiter>> kept_;
};

// Everything a log holds, for comparing with a model.
struct Dump {
  std::uint64_t first = 0, last = 0;
  std::vector<Record> records;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unreadable;  // first, last
  std::vector<std::pair<std::int64_t, std::uint64_t>> schedule;
  [[nodiscard]] std::uint64_t digest() const;
};
// Reads a whole log, going on behind what is damaged.
Dump dump(Log& log, bool schedule);

}  // namespace dunlin::testkit
