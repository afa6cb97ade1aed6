// Log: one open log. Takes what callers ask, keeps State and Journal in step, and lets workers do
// what needs the disk.
//
// Threads: every function is called on the log's thread (or by whoever the caller serialises with
// it); completions, visits and events come there. Workers get copies and shared, unchanging parts,
// and hand their results back to the log's thread. Nothing here waits for a worker.
//
// Made by `open_log` (engine.hpp); deletes itself when it was closed.

#pragma once

#include <dunlin/storage_backend.hpp>

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugins/storage-file/engine.hpp"
#include "plugins/storage-file/log/batch_writer.hpp"
#include "plugins/storage-file/log/checkpoint.hpp"
#include "plugins/storage-file/log/index_loader.hpp"
#include "plugins/storage-file/log/journal.hpp"
#include "plugins/storage-file/log/question.hpp"
#include "plugins/storage-file/log/recovery.hpp"
#include "plugins/storage-file/log/rewrite.hpp"
#include "plugins/storage-file/log/segment_maker.hpp"
#include "plugins/storage-file/log/state.hpp"

namespace dunlin::storage_file::engine {

class Log final : public LogBackend {
 public:
  static result<std::unique_ptr<LogBackend>> open(StoreContext& store, OpenLog&& open);
  ~Log() override;

  // ---- LogBackend ---------------------------------------------------------------------------
  result<> append(std::span<const dunlin_record> records, std::uint32_t flags,
                  std::size_t& accepted, std::span<dunlin_span> spans) override;
  result<> skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) override;
  result<> sync(Completion& done) override;
  [[nodiscard]] std::uint64_t durable_seq() noexcept override { return durable_seq_; }
  [[nodiscard]] dunlin_log_state state() override;
  result<> read(const dunlin_read& query, dunlin_read_end& end) override;
  result<dunlin_span> count(const dunlin_count& query) override;
  result<> subjects(const dunlin_subjects& query) override;
  result<> spans(const dunlin_spans& query) override;
  result<> last_each(const dunlin_last_each& query) override;
  result<std::uint64_t> seq_at(const dunlin_seq_at& query) override;
  result<std::int64_t> due(const dunlin_due& query) override;
  result<> gaps(std::uint64_t from, std::uint64_t to,
                bool (*visit)(void* user, const dunlin_range* gap), void* user) override;
  result<dunlin_removed> remove(std::span<const std::uint64_t> seqs, std::uint32_t flags,
                                dunlin_removed_done done, void* user) override;
  result<dunlin_removed> purge(const dunlin_purge& query) override;
  result<dunlin_removed> truncate(std::uint64_t last, dunlin_removed_done done,
                                  void* user) override;
  result<> reschedule(std::uint64_t seq, std::int64_t due_ns) override;
  result<std::uint64_t> snapshot_open() override;
  void snapshot_close(std::uint64_t snapshot) override;
  result<> verify(bool (*visit)(void* user, const dunlin_damage* damage), void* user,
                  Completion& done) override;
  void close(Completion done) noexcept override;

  // ---- for questions ------------------------------------------------------------------------
  // Runs it now, or later when it needs the disk: an error of DUNLIN_E_AGAIN then.
  result<> ask(std::shared_ptr<Question> question);
  [[nodiscard]] State& now() noexcept { return *state_; }
  // Of a snapshot, or of the log as it is for 0; nothing when there is no such snapshot.
  [[nodiscard]] const View* view(std::uint64_t snapshot) const;
  [[nodiscard]] const Journal& journal() const noexcept { return journal_; }
  [[nodiscard]] const LogRow& row() const noexcept { return row_; }
  // Sequences may have been used again since this was less.
  [[nodiscard]] std::uint64_t truncations() const noexcept { return truncations_; }
  [[nodiscard]] const Directory& directory() const noexcept { return directory_; }
  [[nodiscard]] SegmentRef ref(const Segment& segment) const;
  [[nodiscard]] std::shared_ptr<const BlockCodec> codec(std::uint64_t segment) const;
  [[nodiscard]] Observer& observer() const noexcept { return *store_.observer; }
  [[nodiscard]] BlockCache& blocks() const noexcept { return *store_.blocks; }
  // May the log be changed?
  [[nodiscard]] result<> may_change() const;
  // Takes a change into the journal. Removals may use what records leave free.
  result<> put(EntryKind kind, std::vector<std::uint8_t>& entry);
  // A record turned out to be unreadable.
  void lose(std::uint64_t seq, std::uint64_t segment, std::uint64_t offset,
            const std::string& why);
  // After records were removed: segments that hold none any more are given back.
  void after_removal() {
    settle_subjects();
    maybe_checkpoint();
    after_change();
  }
  // A truncation: what is on its way is durable only up to here.
  void truncated(std::uint64_t last) noexcept;
  // Calls `then` on the log's thread once everything accepted is durable.
  void when_durable(std::function<void(const result<>&)> then);
  // `work` on a worker, then `then` on the log's thread.
  void run_on_worker(std::function<void()> work, std::function<void()> then);
  // Up to which entry and record a segment can be read from its file.
  [[nodiscard]] Position flushed_end() const noexcept { return flushed_; }
  [[nodiscard]] std::uint64_t flushed_seq() const noexcept { return flushed_seq_; }
  // Damage of a whole segment, found by reading it again.
  void lose_missing(Segment& segment, const LoadedIndex& loaded, std::uint64_t last);
  // A run of subjects cannot be read: it is made again, and Question::Next::subjects waits for it.
  void distrust_subjects(const Error& why) { rebuild_subjects(why); }
  [[nodiscard]] bool distrusts_subjects() const noexcept { return distrust_.has_value(); }
  [[nodiscard]] const std::vector<DamageRow>& damage() const noexcept { return damage_; }

  // For erasures: as long as it is held no segment is rewritten, and no file of one goes.
  [[nodiscard]] std::shared_ptr<void> hold_files();
  // Nothing is being rewritten, and what was is gone.
  [[nodiscard]] bool is_quiet() const noexcept;
  // Nothing marked with Segment::must_rewrite is left.
  [[nodiscard]] bool has_erased_all() const noexcept;
  void press_erasures();

 private:
  struct Waiter {
    std::uint64_t batch;
    Completion done;
    void answer(const result<>& outcome);
  };
  struct DurableWaiter {
    std::uint64_t batch;
    std::function<void(const result<>&)> then;
  };
  struct UnderWay {  // a batch that the writer has
    std::uint64_t number;
    bool is_sync;
    Position end;
    std::uint64_t last_seq;
  };
  struct PendingCheckpoint;
  struct Rewrite;
  // A segment another took the place of.
  struct Replaced {
    std::shared_ptr<Segment> segment;
    bool has_damage = false;
  };
  // Why a segment is rewritten, the least urgent first.
  enum class Worth { nothing, company, compression, space, key, erasure };
  struct Rebuild;
  using Asked = std::vector<std::shared_ptr<Question>>;

  Log(StoreContext& store, OpenLog&& open, const Journal::Limits& limits);

  // opening (log_open.cpp)
  result<> start();
  result<> go_on(const Recovered& recovered);
  result<> remove_left_behind(const std::vector<std::string>& needed);
  result<> sync_recovered(const Recovered& recovered);
  void announce_recovery(const Recovered& recovered);

  // threads
  void post(std::function<void()> task);
  void post_raw(std::function<void()> task) const;
  // An event, at once; only from a task of the log's thread.
  void tell(std::uint32_t kind, std::uint64_t first, std::uint64_t last,
            std::string_view text) const;
  // An event, from anywhere on the log's thread.
  void emit(std::uint32_t kind, std::uint64_t first, std::uint64_t last, std::string_view text);

  // writing (log_write.cpp)
  // `before`: the record in front of it, when that is not in the log yet.
  [[nodiscard]] result<> check(const dunlin_record& record,
                               const dunlin_record* before = nullptr) const;
  [[nodiscard]] result<> room_for(std::uint32_t bytes, bool is_record, std::uint32_t blocks = 1);
  result<> begin_group(std::span<const dunlin_record> records);
  result<> put_now(EntryKind kind, std::vector<std::uint8_t>& entry);
  void write(const dunlin_record& record, std::uint32_t bytes, dunlin_span* span);
  void begin_segment(MadeSegment made, bool is_first);
  void prepare();
  void prepared(result<MadeSegment> made);
  void stock();
  [[nodiscard]] std::uint32_t segment_bytes_limit() const;
  [[nodiscard]] std::uint32_t next_capacity() const;
  void tell_room();
  void space_changed(bool is_full);

  // commit (log_commit.cpp)
  void flush();
  [[nodiscard]] bool syncs_apart() const noexcept { return options_.sync != DUNLIN_SYNC_ALWAYS; }
  [[nodiscard]] std::uint64_t awaited_batch() const noexcept {
    return journal_.has_open() ? taken_ + 1 : taken_;
  }
  void answer_all(const Error& why);
  void flushed(BatchWriter::Outcome& outcome);
  void wait_for_space(const Error& why);
  void try_stalled();
  void poison(const Error& why);
  void answer_waiters();
  void tick();
  void store_index(const std::shared_ptr<Segment>& segment);

  // questions (log_ask.cpp)
  void pursue(std::shared_ptr<Question> question, Question::Next next);
  void go_on(const std::shared_ptr<Question>& question);
  void fetch_index(std::shared_ptr<Question> question);
  void fetched_index(Segment& segment, LoadedIndex& loaded, bool is_current);
  void announce_damage(std::uint64_t first, std::uint64_t last, std::uint64_t segment,
                       std::uint64_t offset, const std::string& why);
  void announce_damage(DamageRow row);
  void touch(const std::shared_ptr<Segment>& segment);
  void let_go();
  void finish(const std::shared_ptr<Question>& question);
  [[nodiscard]] std::shared_ptr<Segment> segment_of(const Question& question,
                                                    std::uint64_t number) const;

  // checkpoints (log_checkpoint.cpp)
  void maybe_checkpoint();
  [[nodiscard]] bool may_checkpoint() const noexcept {
    return !is_checkpointing_ && !distrust_ && !poison_ && !closing_ && !is_read_only_;
  }
  void checkpoint(bool is_clean, std::function<void()> then);
  void copy_subjects(const std::shared_ptr<PendingCheckpoint>& pending);
  result<> write_files(PendingCheckpoint& pending);
  void write_checkpoint(const std::shared_ptr<PendingCheckpoint>& pending);
  void finish_checkpoint(const std::shared_ptr<PendingCheckpoint>& pending);
  bool carry_forward();
  std::vector<std::uint64_t> unneeded_runs(std::vector<std::uint64_t> needed);
  void sweep_subjects(const std::shared_ptr<PendingCheckpoint>& pending, std::size_t at);

  // subjects (log_subjects.cpp)
  void look_up(std::vector<std::string> names, std::function<void(std::optional<Error>)> then);
  void fetch_subjects(std::shared_ptr<Question> question);
  void settle_subjects();
  void limit_subjects();
  [[nodiscard]] std::uint64_t subject_share() const;
  void count_subject_memory();
  void rebuild_subjects(const Error& why);
  void go_on_rebuild();
  static void copy_subjects_of(const SegmentIndex& index, std::uint64_t end_seq,
                               const View& view, SubjectCopies& copies);
  void run_rebuild(Rebuild& rebuild);
  void rebuilt(const std::shared_ptr<Rebuild>& rebuild);
  void fail_subject_questions(const Error& why);

  // background work and erasures (log_rewrite.cpp)
  [[nodiscard]] Worth worth_of(const Segment& segment) const;
  [[nodiscard]] std::vector<std::uint64_t> choose_rewrite(bool& is_urgent,
                                                          bool& needs_checkpoint) const;
  void maybe_rewrite();
  void maybe_index();
  void after_change();
  void plan_rewrite();
  void go_on_rewrite();
  void work_on_rewrite();
  void wake_rewrite();
  void adopt_rewritten();
  void lose_unreadable(const std::vector<RewrittenFile::Unreadable>& lost);
  void end_rewrite(bool is_adopted);
  void fail_erasures(const Error& why);
  void settle_files();
  result<> retire_replaced(const Replaced& replaced);
  result<> wipe(std::uint64_t number);

  // closing (log_open.cpp)
  void go_on_closing();
  void finish_close();

  StoreContext& store_;
  LogRow row_;
  dunlin_log_options options_;
  std::function<void()> closed_;
  bool is_read_only_;
  Directory directory_;
  std::unique_ptr<State> state_;
  Journal journal_;
  SegmentMaker maker_;

  // commit
  std::deque<Waiter> waiters_;
  std::deque<DurableWaiter> durable_waiters_;
  std::uint64_t taken_ = 0, written_ = 0, synced_ = 0;  // batches
  std::shared_ptr<BatchWriter> writer_;
  std::deque<UnderWay> under_way_;
  std::deque<UnderWay> syncing_;     // written, and on their way to be durable
  bool is_syncing_apart_ = false;
  bool is_stalled_ = false;  // the writer found no space, and tries again
  bool wants_sync_ = false;  // whatever the mode
  std::vector<std::shared_ptr<File>> unsynced_;
  Position durable_, flushed_;      // ends of batches
  std::uint64_t flushed_seq_ = 0;   // written, durable or not
  std::uint64_t durable_seq_ = 0;
  std::optional<Error> poison_;
  bool wants_room_ = false, is_full_ = false;
  std::uint64_t space_watch_ = 0;
  Timer timer_;
  Timer retry_, stall_timer_;  // of the next segment, of what found no space
  std::vector<std::shared_ptr<Segment>> unindexed_;  // sealed, without an index file

  // segments
  std::optional<MadeSegment> next_;
  bool is_preparing_ = false, is_stocking_ = false;
  int failed_makes_ = 0;  // of the next segment, one after the other
  std::uint64_t begun_ns_ = 0;  // the active segment
  bool grows_fast_ = false;
  std::uint32_t wanted_capacity_ = 0, last_capacity_ = 0;
  Position previous_;                  // where the segment in front of the active one ended
  // Files of segments that nothing was written to, or nothing that counts: number and bytes.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unused_;
  std::uint64_t next_number_ = first_segment_number;
  std::list<std::shared_ptr<Segment>> used_lately_;  // those in front were used last
  std::map<std::pair<std::uint64_t, std::uint64_t>, Asked> fetching_;  // snapshot, segment
  std::list<std::shared_ptr<Question>> asked_;
  Asked waiting_for_room_;

  // checkpoints
  std::uint64_t checkpoint_number_ = 0, checkpoint_bytes_ = 0;
  std::uint64_t written_since_checkpoint_ = 0;
  bool is_checkpointing_ = false;
  std::uint64_t named_checkpoint_ = 0;     // the last one: others are numbers of runs
  std::vector<std::uint64_t> named_runs_;  // of the last checkpoint, or on their way into the next
  std::vector<DamageRow> damage_;

  // rewriting
  std::shared_ptr<Rewrite> rewrite_;
  std::vector<Replaced> replaced_;       // go with the next checkpoint
  std::set<std::uint64_t> given_up_;     // could not be rewritten
  std::map<std::uint64_t, std::uint64_t> last_rewritten_;  // by place: the highest number so far
  std::uint64_t checkpointed_place_ = 0; // what is in front is sealed in the last checkpoint
  std::uint64_t changes_since_choice_ = 0, rewrite_not_before_ns_ = 0;
  Timer rewrite_timer_;
  std::size_t erasers_ = 0;
  bool is_indexing_ = false;
  Asked waiting_for_quiet_;

  // subjects
  bool is_counted_ = false;                  // among the logs that share the store's memory
  std::uint64_t counted_subject_bytes_ = 0, counted_index_bytes_ = 0;
  std::size_t looked_at_ = 0;                // entries, since eviction began
  bool is_evicting_ = false, is_settling_ = false, is_rebuilding_ = false;
  std::uint64_t rebuild_not_before_ns_ = 0;
  std::optional<Error> distrust_;  // why: until the runs were made again
  std::uint64_t rebuild_snapshot_ = 0;
  Asked waiting_for_subjects_;

  std::map<std::uint64_t, View> snapshots_;
  std::uint64_t snapshot_count_ = 0, truncations_ = 0;

  std::uint64_t jobs_ = 0;  // on workers, or posted
  std::optional<Completion> closing_;
  bool is_checkpointed_ = false;  // for closing
  bool is_finishing_ = false;     // nothing but the last task of closing comes any more
};

}  // namespace dunlin::storage_file::engine
