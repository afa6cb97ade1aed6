// A log in the store's database.
//
// Changes are checked against what is kept in memory (`Summary`), queued, and answered; the worker
// carries them out in order inside one transaction, which the next sync commits. Queries stand in
// the same queue and answer DUNLIN_E_AGAIN. In memory are one entry for each subject and for each
// run of removed sequences.

#pragma once

#include <dunlin/storage_backend.hpp>

#include <atomic>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core.hpp"

namespace example {

inline constexpr std::uint32_t record_cost = 30, header_cost = 4;

struct Summary {
  std::uint64_t first = 1, last = 0, records = 0, bytes = 0;
  std::int64_t first_time = 0, last_time = 0;
  std::map<std::uint64_t, std::uint64_t> gaps;  // first, last
  std::unordered_map<std::string, std::uint64_t> subjects;

  void add_gap(std::uint64_t from, std::uint64_t to);
  [[nodiscard]] bool is_live(std::uint64_t seq) const;
  // The first live sequence from there on; last + 1 for none.
  [[nodiscard]] std::uint64_t live_from(std::uint64_t seq) const;
};

class Log final : public dunlin::LogBackend {
 public:
  // Loads or makes the log.  [control, worker]. Throws dunlin::Error.
  Log(std::shared_ptr<Core> core, std::string name, const dunlin_log_options& options);
  ~Log() override;

  dunlin::result<> append(std::span<const dunlin_record> records, std::uint32_t flags,
                          std::size_t& accepted, std::span<dunlin_span> spans) override;
  dunlin::result<> skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) override;
  dunlin::result<> sync(dunlin::Completion& done) override;
  std::uint64_t durable_seq() noexcept override { return durable_; }
  dunlin_log_state state() override;

  dunlin::result<> read(const dunlin_read& query, dunlin_read_end& end) override;
  dunlin::result<dunlin_span> count(const dunlin_count& query) override;
  dunlin::result<> subjects(const dunlin_subjects& query) override;
  dunlin::result<> spans(const dunlin_spans& query) override;
  dunlin::result<> last_each(const dunlin_last_each& query) override;
  dunlin::result<std::uint64_t> seq_at(const dunlin_seq_at& query) override;
  dunlin::result<std::int64_t> due(const dunlin_due& query) override;
  dunlin::result<> gaps(std::uint64_t from, std::uint64_t to,
                        bool (*visit)(void* user, const dunlin_range* gap), void* user) override;

  dunlin::result<dunlin_removed> remove(std::span<const std::uint64_t> seqs, std::uint32_t flags,
                                        dunlin_removed_done done, void* user) override;
  dunlin::result<dunlin_removed> purge(const dunlin_purge& query) override;
  dunlin::result<dunlin_removed> truncate(std::uint64_t last, dunlin_removed_done done,
                                          void* user) override;
  dunlin::result<> reschedule(std::uint64_t seq, std::int64_t due_ns) override;
  dunlin::result<> verify(bool (*visit)(void* user, const dunlin_damage* damage), void* user,
                          dunlin::Completion& done) override;
  void close(dunlin::Completion done) noexcept override;

 private:
  struct Row {
    dunlin_record record{};
    std::string subject, header, payload;
  };
  struct Reading;
  // What a removal did to the table.
  struct Effect {
    struct Gone {
      std::uint64_t seq, size;
      std::string subject;
    };
    std::vector<Gone> gone;
    std::uint64_t above = UINT64_MAX;  // everything above is forgotten
    std::uint64_t jump = 0;            // the log goes on here
  };
  using Removal = std::function<Effect(Database&)>;

  [[nodiscard]] Summary load(Database& database) const;
  void post(std::function<void()> body) {
    core_->post(options_.thread, options_.shard, std::move(body));
  }
  void tell(std::uint32_t kind);
  // Why changes are refused, if they are.
  [[nodiscard]] std::optional<dunlin::Error> refused() const;
  // A change: `write` runs in the queue. What it throws ends all changes.
  void change(std::function<void(Database&)> write);
  // A query: `work` runs in the queue, then `end(error or null, value)` on the log's thread.
  template <class Work, class End>
  void ask(Work work, End end);
  dunlin::result<dunlin_removed> take_out(Removal removal, bool moves_end,
                                          dunlin_removed_done done, void* user);
  dunlin_removed apply(const Effect& effect);
  Effect delete_rows(Database& database, const std::string& filter, std::uint64_t below,
                     std::uint64_t keep);
  void note_gone(Database& database, Statement& deleted, Effect& effect);
  // How many of the records may be appended, and why no more.
  [[nodiscard]] std::size_t count_good(std::span<const dunlin_record> records,
                                       dunlin::result<>& outcome) const;
  void insert(Database& database, std::span<const Row> rows);
  void insert_records(Database& database, std::span<const Row> rows);
  void insert_gap(Database& database, std::uint64_t first, std::uint64_t last,
                  std::int64_t time_ns);
  void note_gap(std::uint64_t first, std::uint64_t last, std::int64_t time_ns);
  void go_on(std::shared_ptr<Reading> reading);
  void deliver(const std::shared_ptr<Reading>& reading, const dunlin::Error* error);
  void check_first(Database& database);

  std::shared_ptr<Core> core_;
  std::string name_;
  dunlin_log_options options_;
  std::int64_t id_ = 0;
  Summary summary_;
  std::uint64_t durable_ = 0;
  bool poisoned_ = false, unreadable_ = false;
  int end_moves_ = 0;      // truncations on their way: appends wait for them
  bool room_wanted_ = false;
  std::atomic<std::size_t> queued_bytes_{0};
  // Sequences and times appended while removals are on their way.
  int removals_ = 0;
  std::map<std::uint64_t, std::int64_t> recent_;
};

std::string joined(const dunlin_str* filters, std::size_t n);

}  // namespace example
