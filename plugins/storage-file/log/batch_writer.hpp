// BatchWriter: puts the batches of one log on the disk in the order they were handed over, with one
// write for each stretch of a file and one sync for all that wait.
//
// What is handed over while a sync runs goes out together with the next. The worker that ends a
// sync takes it along itself: no thread has to be woken in between. A write that finds no space
// keeps what it had to write and stops; any other failure stops for good.
//
// Where nobody waits for syncs they are made apart, by another worker: writes go on meanwhile.
// There must be one of them at a time.
//
// Threads: everything but the work is for the log's thread; at any moment one worker works, at
// most. `done` is called on it, in order; what it gets belongs to whoever takes it.

#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "plugins/storage-file/engine.hpp"
#include "plugins/storage-file/log/journal.hpp"

namespace dunlin::storage_file::engine {

// A batch on its way.
struct Flush {
  Batch batch;
  std::uint64_t number = 0;  // ascending
  bool is_sync = false;
  std::vector<std::shared_ptr<File>> files;  // to be synced: of this batch and of those before
  // Room for a mark behind the batch, in the last of `files`; not when there is none.
  std::optional<SegmentKey> mark_key;
};

class BatchWriter : public std::enable_shared_from_this<BatchWriter> {
 public:
  struct Outcome {
    std::vector<Flush> flushes;  // those that were written
    std::uint64_t synced = 0;    // up to this number everything is durable; 0: no news
    bool is_apart = false;       // of a sync alone
    std::optional<Error> write_error, sync_error;
  };
  using Done = std::function<void(std::shared_ptr<Outcome>)>;

  BatchWriter(StoreContext& store, bool syncs_apart, Done done)
      : store_(store), syncs_apart_(syncs_apart), done_(std::move(done)) {}
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;

  void push(Flush flush);
  // Tries again what found no space.
  void resume();
  // Runs `last` on a worker when no other works; nothing is pushed or resumed any more.
  void end(std::function<void()> last);

 private:
  using Group = std::vector<Flush>;
  void start();  // with `mutex_` held
  void work();
  [[nodiscard]] bool has_more();
  [[nodiscard]] Group take();  // empty: this worker is through
  [[nodiscard]] std::shared_ptr<Outcome> carry_out(Group group);
  void sync_apart(std::vector<std::shared_ptr<File>> files, std::uint64_t number);
  void leave_mark(const std::shared_ptr<File>& file, Position end, std::uint64_t last_seq,
                  SegmentKey key) const;

  StoreContext& store_;
  const bool syncs_apart_;
  const Done done_;
  std::mutex mutex_;  // of everything below
  Group waiting_;
  std::function<void()> last_;
  bool is_working_ = false;
  bool is_halted_ = false;  // by a failure
};

}  // namespace dunlin::storage_file::engine
