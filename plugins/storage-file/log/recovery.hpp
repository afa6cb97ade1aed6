// Recovery: opens what is on the disk. The last checkpoint gives the state up to a place in the
// journal; what was written behind it is read entry by entry. Without a checkpoint that can be
// believed everything is read.
//
// Where an entry cannot be believed there are two cases. If something written later says that the
// place was durable (a mark, the checkpoint, a segment that was begun behind it), it is damage: it
// is reported, what is behind it is kept, and nothing is deleted. If nothing does, it is what the
// crash cut off: the log ends there, and goes on in a new segment. The same holds for a segment in
// which nothing arrived, although one behind it was begun.
//
// When everything is read, workers help (scan_ahead.hpp). Indexes of segments are not written here:
// they are made again in the background, or when somebody asks for them.
//
// Threads: control or a worker; it may block. Writes nothing but runs of subjects, when there are
// more than memory may hold.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugins/storage-file/engine.hpp"
#include "plugins/storage-file/log/checkpoint.hpp"
#include "plugins/storage-file/log/index_loader.hpp"
#include "plugins/storage-file/log/scan.hpp"
#include "plugins/storage-file/log/scan_ahead.hpp"
#include "plugins/storage-file/log/state.hpp"

namespace dunlin::storage_file::engine {

struct Recovered {
  std::unique_ptr<State> state;
  std::uint64_t next_number = first_segment_number;
  std::uint64_t checkpoint = 0;       // number of the last one, and of any run; 0 for none
  std::uint64_t named_checkpoint = 0;  // number of the last one alone
  std::uint64_t checkpointed_place = 0;  // what is in front is sealed in the checkpoint
  // Files of the last checkpoint, and of runs that were made now.
  std::vector<std::string> needed_files;
  std::vector<std::uint64_t> runs;    // that the last checkpoint names
  std::vector<std::shared_ptr<Segment>> unindexed;  // with their index in memory and in no file
  bool goes_on = false;               // the active segment may be written to from `end` on
  Position end;                       // of what is there
  std::vector<std::uint64_t> tail;    // segments of which not all was known to be durable
  Position durable;                   // what stands in front is, as later entries say
  std::uint64_t read_bytes = 0;       // of the journal behind that
  std::vector<DamageRow> damage;      // found now
  std::vector<std::uint64_t> to_wipe;  // segments that went for an erasure, and hold it still
  // Segment files that are no part of the log: number and bytes.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unused;
};

class Recovery {
 public:
  Recovery(StoreContext& store, const LogRow& row, const Directory& directory,
           bool is_read_only);

  [[nodiscard]] result<Recovered> run();

 private:
  struct Tail {  // a segment behind the checkpoint
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    std::optional<SegmentHeader> header;
    std::optional<Start> start;
    bool is_unused = false;
    std::uint32_t first_mark = 0;  // what its first mark calls durable
    std::shared_ptr<File> file;
  };
  // What lies behind a place where nothing can be believed.
  struct Behind {
    bool was_durable = false;
    std::optional<std::uint32_t> next;  // where it goes on
  };

  result<> load_checkpoint();
  // False when something of it cannot be believed, and `trouble` tells what.
  result<bool> load_state(const CheckpointNote& note, DamageRow& trouble);
  result<bool> load_subjects(State& state, const DecodedState& decoded, DamageRow& trouble);
  result<bool> read_subjects(State& state, const SubjectRuns& runs, DamageRow& trouble);
  result<> list_files();
  result<> check_sealed();
  result<> check_sealed(Segment& segment);
  result<> read_active();
  result<> read_tail();
  result<> peek(Tail& tail);
  void find_left_behind();
  void choose_rewritten();
  result<> find_chain();
  result<> cut_chain(const std::set<std::uint64_t>& empty);
  void find_gone();
  result<> read_segment(const Tail& tail, std::size_t place);
  [[nodiscard]] std::vector<std::optional<ScanJob>> scan_jobs();
  // Of a segment that was read as a whole.
  result<> apply_content(std::size_t place, SegmentContent& content);
  void hold(const std::shared_ptr<Segment>& segment);
  // Writes subjects to a run when there are too many for memory.
  result<> limit_subjects();
  result<> read_entries(Segment& segment, std::size_t place, std::uint32_t begin);
  [[nodiscard]] result<Behind> look_behind(const Segment& segment, std::size_t place,
                                           std::uint32_t bad);
  [[nodiscard]] result<bool> has_durable_mark(const Tail& tail);
  result<> apply(const Scanned& scanned);
  void see_durable(std::uint64_t segment, std::uint32_t offset);
  result<> apply_record(const Scanned& scanned);
  result<> apply_start(const Start& start);
  void must_rewrite(const Range& range);
  result<> apply_rewritten(const Entry& entry);
  void skip_holes(std::uint64_t next_seq);
  result<> fill_hole(std::uint64_t next_seq);
  result<> close_hole(std::uint64_t next_seq);
  result<> begin_group(const Range& group);
  result<> end_group(EntryKind kind);
  result<> cut_group();
  result<> need(std::uint64_t first, std::uint64_t last);
  result<> remove(Range range);
  result<> purge_below(std::uint64_t below);
  result<> truncate(std::uint64_t last);
  result<> load(Segment& segment);
  void lose_missing(Segment& segment, const LoadedIndex& loaded);
  void report(std::uint64_t first, std::uint64_t last, std::uint64_t segment, std::uint64_t offset,
              std::string text);
  [[nodiscard]] SegmentRef ref(const Segment& segment) const;
  [[nodiscard]] BlockCodec codec(std::uint64_t number) const;

  StoreContext& store_;
  const LogRow& row_;
  const Directory& directory_;
  Recovered out_;
  std::optional<CheckpointNote> note_;
  std::map<std::uint64_t, std::uint64_t> files_;  // number to size
  std::map<std::uint64_t, std::uint64_t> rows_;   // number to salt, as the catalogue knows them
  std::vector<Tail> tails_;                       // in the order of the journal
  Position position_;        // of the entry that is applied
  std::shared_ptr<Segment> pending_;  // becomes part of the log with its start entry
  std::vector<std::shared_ptr<Segment>> held_;  // whose indexes are in memory, the oldest first
  std::unique_ptr<ScanAhead> ahead_;
  bool is_read_only_;
  bool is_cut_ = false;
  bool has_remains_ = false;  // behind the cut, or behind a segment nothing arrived in
  bool is_ended_ = false;     // the last entry says that the journal goes on in another segment
  // Of the rewritten segment that is read: sequences it has not on purpose, and where it ends.
  std::deque<Range> holes_;
  std::uint64_t rewritten_end_ = 0;
  std::optional<Range> group_;  // appended together, and not all of it was read yet
  bool is_group_whole_ = false; // some of it is damaged, so that it was durable
  bool has_bad_place_ = false;  // something was lost since the last sequence known
  BadPlace bad_place_;
};

}  // namespace dunlin::storage_file::engine
