// A log of the naive backend: the kit's own model answers every question, and a journal of the
// changes is what survives.
//
// Everything is in memory, so that S7 is broken knowingly; it exists to try the kit on, right or
// with one of the faults. Functions of the table, on the log's thread.

#pragma once

#include <dunlin/executor.hpp>
#include <dunlin/ext/storage.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "sdk/testkit/model.hpp"
#include "sdk/testkit/reference/journal.hpp"

namespace dunlin::testkit::reference {

inline constexpr Costs costs{30, 4};

// The records of a group stand as `append_part` in front of the entry that makes them count.
enum Entry : std::uint64_t { append_one, skip_some, remove_some, purge_some, cut_off,
                            move_due, begin, append_part, end_group, drop_group };

class Log {
 public:
  Log(Host host, const std::string& dir, const std::string& file, const dunlin_log_options& options,
      Fault fault, bool deferred, std::function<void()> closed);

  // [control, worker]. Throws Error.
  void open();
  static const dunlin_log_store table;

 private:
  friend struct LogTable;
  struct Sync {
    dunlin_done done;
    void* user;
    std::uint64_t last;
  };
  using Answer = std::function<void()>;

  void use(std::string_view entry);
  void use_record(const Record& record);
  void use_group(std::uint64_t last);
  // Makes a record, or a gap, part of the log, and writes it as an entry of that kind.
  void take(const Record& record, std::uint64_t kind);
  void damage_found(std::uint64_t offset);
  void write(std::string entry) { journal_.add(std::move(entry)); }
  // Runs `body` later on the log's thread.
  void post(std::function<void()> body);
  void post_worker(std::function<void()> body);
  // Answers a query: now with DUNLIN_OK, or later through `finish`, when answers are deferred.
  dunlin_status answer(const std::function<dunlin_status()>& now, Answer later);
  void start_flush();
  void flushed(dunlin_status status);
  dunlin_status refused(dunlin_error* err) const;
  dunlin_status run_read(const dunlin_read& query, dunlin_read_end& end);
  [[nodiscard]] std::uint64_t shown_last() const;

  Host host_;
  Executor executor_;
  dunlin_log_options options_;
  Fault fault_;
  bool deferred_, poisoned_ = false, sync_failed_ = false, flushing_ = false;
  std::function<void()> closed_;
  Journal journal_;
  Model model_;
  std::map<std::uint64_t, Model> snapshots_;
  std::uint64_t snapshot_count_ = 0;
  std::set<std::uint64_t> damaged_;
  std::vector<std::uint64_t> bad_places_;
  std::vector<Record> group_;  // read, and not known to be whole
  std::vector<Sync> waiting_, in_flight_;
  std::uint64_t durable_ = 0;
};

}  // namespace dunlin::testkit::reference
