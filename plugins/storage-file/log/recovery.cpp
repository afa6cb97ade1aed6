#include "plugins/storage-file/log/recovery.hpp"

#include <algorithm>
#include <utility>

#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/crc32c.hpp"

namespace dunlin::storage_file::engine {
namespace {

// Indexes of sealed segments kept in memory while the journal is read.
constexpr std::size_t indexes_max = 16;

}  // namespace

Recovery::Recovery(StoreContext& store, const LogRow& row, const Directory& directory,
                   bool is_read_only)
    : store_(store), row_(row), directory_(directory), is_read_only_(is_read_only) {}

BlockCodec Recovery::codec(std::uint64_t number) const {
  return store_.keys->codec(row_.id, number, DUNLIN_COMPRESS_NONE);
}

SegmentRef Recovery::ref(const Segment& segment) const {
  return {row_.id, segment.number, segment.salt, segment.used, row_.has_subjects,
          segment.has_index_file, segment.file};
}

void Recovery::report(std::uint64_t first, std::uint64_t last, std::uint64_t segment,
                      std::uint64_t offset, std::string text) {
  DamageRow row;
  row.first = first;
  row.last = last;
  row.file = row_.directory + "/" + segment_file_name(segment);
  row.offset = offset;
  row.text = std::move(text);
  out_.damage.push_back(std::move(row));
}

result<Recovered> Recovery::run() {
  if (auto outcome = list_files(); !outcome) return outcome.error();
  if (auto outcome = load_checkpoint(); !outcome) return outcome.error();
  if (!out_.state) {
    out_.state = std::make_unique<State>(row_.first_seq, row_.has_subjects,
                                         store_.random.below(0));
  }
  find_left_behind();
  if (auto outcome = check_sealed(); !outcome) return outcome.error();
  if (auto outcome = read_tail(); !outcome) return outcome.error();
  ahead_.reset();
  for (const auto& [number, size] : files_) {
    out_.next_number = std::max(out_.next_number, number_behind(number));
  }
  for (const auto& segment : std::exchange(held_, {})) {
    if (!is_read_only_ && segment->live != 0 && segment->index && !segment->has_index_file) {
      out_.unindexed.push_back(segment);
      continue;
    }
    segment->index.reset();
    segment->file.reset();
  }
  if (note_ && out_.state->last_seq() < note_->last_seq && !is_cut_) {
    // The checkpoint knows of more than the segments still have.
    const auto first = out_.state->last_seq() + 1;
    out_.state->lose(first, note_->last_seq);
    report(first, note_->last_seq, position_.segment, position_.offset,
           "the end of the log is missing");
  }
  // What was missed and turned out to have been removed is no loss.
  std::erase_if(out_.damage, [&](const DamageRow& row) {
    return row.first != 0 && out_.state->view().first_damaged(row.first, row.last) == 0;
  });
  return std::move(out_);
}

result<> Recovery::list_files() {
  auto items = directory_.list();
  if (!items) return items.error();
  std::uint64_t runs_end = 0;
  for (const auto& item : *items) {
    if (const auto number = segment_number(item.name)) files_[*number] = item.size;
    if (const auto number = file_number(item.name, run_suffix)) {
      runs_end = std::max(runs_end, *number);
    }
  }
  auto rows = store_.catalogue->segments(row_.id);
  if (!rows) return rows.error();
  for (const auto& row : *rows) {
    if (row.state != SegmentState::to_wipe) {
      rows_[row.number] = row.epoch;
      continue;
    }
    out_.to_wipe.push_back(row.number);
    out_.next_number = std::max(out_.next_number, number_behind(row.number));
    files_.erase(row.number);
  }
  // Numbers of runs are not used again while a file has them.
  out_.checkpoint = runs_end;
  return {};
}

result<> Recovery::load_checkpoint() {
  if (row_.must_scan) return {};
  auto blob = store_.catalogue->checkpoint(row_.id);
  if (!blob) return blob.error();
  if (!blob->has_value()) return {};
  const auto note = decode_note(**blob);
  const auto complain = [&](DamageRow trouble) {
    trouble.file = row_.directory + "/" + trouble.file;
    trouble.text += "; everything was read again";
    out_.damage.push_back(std::move(trouble));
  };
  if (!note) {
    complain({0, 0, "checkpoint", 0,
              "what the catalogue says of the last checkpoint makes no sense"});
    return {};
  }
  out_.named_checkpoint = note->number;
  out_.checkpoint = std::max(out_.checkpoint, note->number);
  out_.next_number = note->next_number;
  note_ = note;
  DamageRow trouble;
  auto loaded = load_state(*note, trouble);
  if (!loaded) return loaded.error();
  if (!*loaded) complain(std::move(trouble));
  return {};
}

result<bool> Recovery::load_state(const CheckpointNote& note, DamageRow& trouble) {
  const auto name = checkpoint_file_name(note.number);
  trouble.file = name;
  auto file = directory_.open(name, DUNLIN_FS_READ);
  if (!file) {
    if (file.error().status != DUNLIN_E_NOT_FOUND) return file.error();
    trouble.text = "the checkpoint is gone";
    return false;
  }
  auto size = (*file)->size();
  if (!size) return size.error();
  std::vector<std::uint8_t> bytes(*size == note.bytes ? note.bytes : 0);
  const auto got = (*file)->read(0, bytes);
  // It can be made again, whatever the disk has against it.
  if (!got && got.error().status != DUNLIN_E_IO) return got.error();
  trouble.text = "the checkpoint is damaged";
  if (!got || bytes.size() != note.bytes) return false;
  if (crc32c(0, bytes.data(), bytes.size()) != note.sum) return false;
  auto decoded = decode_state(bytes, row_.has_subjects, store_.random.below(0));
  if (!decoded) return false;
  auto loaded = load_subjects(*decoded->state, *decoded, trouble);
  if (!loaded || !*loaded) return loaded;
  out_.needed_files.push_back(name);
  for (const auto& run : decoded->runs) {
    out_.runs.push_back(run.number);
    out_.needed_files.push_back(run_file_name(run.number));
  }
  out_.state = std::move(decoded->state);
  position_ = out_.durable = note.position;
  out_.checkpointed_place = place_in_journal(position_.segment);
  return true;
}

result<bool> Recovery::load_subjects(State& state, const DecodedState& decoded,
                                     DamageRow& trouble) {
  // Few enough to be in memory from the beginning; of others nothing is read.
  constexpr std::uint64_t entries_max = 10'000, bytes_max = 1u << 20;
  SubjectRuns runs;
  std::uint64_t entries = 0, bytes = 0;
  for (const auto& note : decoded.runs) {
    auto run = SubjectRun::open(directory_, row_.id, note);
    if (!run && run.error().status == DUNLIN_E_CORRUPT) {
      trouble = {0, 0, run_file_name(note.number), note.bytes, run.error().text};
      return false;
    }
    if (!run) return run.error();
    runs.push_back(std::move(*run));
    entries += note.entries;
    bytes += note.bytes;
  }
  state.subjects().restore_runs(runs, decoded.live);
  // One that may not be written must be right as it is.
  const bool is_small = is_read_only_ ||
                        (entries <= entries_max && bytes <= bytes_max &&
                         entries * 64 + bytes <= store_.settings.subject_memory_bytes / 2);
  return is_small ? read_subjects(state, runs, trouble) : true;
}

result<bool> Recovery::read_subjects(State& state, const SubjectRuns& runs, DamageRow& trouble) {
  auto& subjects = state.subjects();
  subjects.set_complete();
  RunsReader reader(runs);
  auto outcome = reader.seek({});
  while (outcome && !reader.at_end()) {
    if (reader.span().count != 0) subjects.restore(reader.name(), reader.span());
    outcome = reader.next();
  }
  if (outcome) return true;
  if (outcome.error().status != DUNLIN_E_CORRUPT) return outcome.error();
  const auto place = reader.last_read();
  trouble = {0, 0, run_file_name(place.run), place.offset, outcome.error().text};
  return false;
}

result<> Recovery::limit_subjects() {
  auto& subjects = out_.state->subjects();
  // Each round reads and writes what all the rounds before it made: few large ones, therefore.
  constexpr std::uint64_t factor = 4;
  if (is_read_only_ || subjects.used_bytes() / factor <= store_.settings.subject_memory_bytes) {
    return {};
  }
  subjects.begin_copy();
  while (subjects.copy_some(SIZE_MAX)) {
  }
  const auto copies = subjects.take_copies();
  const auto number = ++out_.checkpoint;
  auto written = write_subjects(directory_, row_.id, number, store_.random.below(0), *copies,
                                subjects.runs());
  if (!written) {
    subjects.failed(*copies);
    // Without room for it they stay in memory, and what cannot be read is met again.
    const auto status = written.error().status;
    const bool may_stay = status == DUNLIN_E_NO_SPACE || status == DUNLIN_E_CORRUPT;
    return may_stay ? result<>() : written.error();
  }
  subjects.published(std::move(written->runs), written->live_change);
  // Some were used lately: those go in the second round.
  out_.state->evict_subjects(2 * subjects.table().ids());
  return {};
}

// Files of segments that a checkpoint gave back, when the crash came before they were removed.
void Recovery::find_left_behind() {
  for (const auto& [number, size] : files_) {
    if (number >= position_.segment) break;
    if (!out_.state->find_segment(number)) out_.unused.emplace_back(number, size);
  }
}

// ---- sealed segments --------------------------------------------------------------------------

void Recovery::lose_missing(Segment& segment, const LoadedIndex& loaded) {
  const SegmentIndex nothing(row_.has_subjects);
  const auto& index = loaded.index ? *loaded.index : nothing;
  for (const auto& range : out_.state->lose_missing(segment, index, UINT64_MAX)) {
    report(range.first, range.last, segment.number,
           loaded.bad.empty() ? segment_header_bytes : loaded.bad.front().begin,
           loaded.why.empty() ? "these records cannot be read" : loaded.why);
  }
}

result<> Recovery::check_sealed() {
  // Reading one of them changes nothing in the list.
  for (const auto& segment : out_.state->segments()) {
    if (!segment->is_sealed) continue;
    if (auto outcome = check_sealed(*segment); !outcome) return outcome;
  }
  return {};
}

result<> Recovery::check_sealed(Segment& segment) {
  const auto found = files_.find(segment.number);
  if (found == files_.end()) {
    LoadedIndex nothing;
    nothing.why = "the file is gone";
    segment.has_index_file = false;
    lose_missing(segment, nothing);
    return {};
  }
  if (found->second >= segment.used) return {};
  auto reference = ref(segment);
  auto opened = open_segment_file(directory_, reference, DUNLIN_FS_READ);
  if (!opened) return opened.error();
  reference.file = opened->file;
  const auto block_codec = codec(segment.number);
  auto loaded = scan_index(reference, &block_codec);
  if (!loaded) return loaded.error();
  segment.index = loaded->index;
  segment.file = opened->file;
  segment.has_index_file = false;
  loaded->why = "the file was cut off";
  lose_missing(segment, *loaded);
  return {};
}

result<> Recovery::load(Segment& segment) {
  if (segment.index) return {};
  const auto block_codec = codec(segment.number);
  auto loaded = load_index(directory_, ref(segment), &block_codec);
  if (!loaded) {
    const auto status = loaded.error().status;
    if (status != DUNLIN_E_CORRUPT && status != DUNLIN_E_NOT_FOUND) return loaded.error();
    LoadedIndex nothing;
    nothing.why = loaded.error().text;
    nothing.index = std::make_shared<SegmentIndex>(row_.has_subjects);
    loaded = nothing;
  }
  segment.index = loaded->index;
  segment.file = loaded->file;
  if (loaded->is_rebuilt || !loaded->file) lose_missing(segment, *loaded);
  if (loaded->file) hold(out_.state->find_segment(segment.number));
  return {};
}

// Indexes of sealed segments are let go when others are needed; they can be made again.
void Recovery::hold(const std::shared_ptr<Segment>& segment) {
  if (!segment) return;
  held_.push_back(segment);
  if (held_.size() <= indexes_max) return;
  held_.front()->index.reset();
  held_.front()->file.reset();
  held_.erase(held_.begin());
}

result<> Recovery::need(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  out_.state->missing_for(first, last, numbers);
  for (const auto number : numbers) {
    const auto segment = out_.state->find_segment(number);
    if (auto outcome = load(*segment); !outcome) return outcome;
  }
  return {};
}

// Segment by segment, so that memory holds few of their indexes at a time.
result<> Recovery::remove(Range range) {
  auto& state = *out_.state;
  range.first = std::max(range.first, state.first_seq());
  range.last = std::min(range.last, state.last_seq());
  std::vector<std::uint64_t> ends;
  for (const auto& segment : state.segments()) {
    if (segment->end_seq > range.first && segment->first_seq <= range.last) {
      ends.push_back(segment->end_seq - 1);
    }
  }
  ends.push_back(range.last);
  for (const auto end : ends) {
    const Range part{range.first, std::min(end, range.last)};
    if (part.first > part.last) continue;
    if (auto outcome = need(part.first, part.last); !outcome) return outcome;
    state.remove(std::span(&part, 1));
    range.first = part.last + 1;
  }
  return {};
}

result<> Recovery::purge_below(std::uint64_t below) {
  auto& state = *out_.state;
  if (below <= state.last_seq()) {
    return below > state.first_seq() ? remove({state.first_seq(), below - 1}) : result<>();
  }
  state.purge_below(below);
  return {};
}

result<> Recovery::truncate(std::uint64_t last) {
  auto& state = *out_.state;
  if (last >= state.last_seq()) return {};
  if (auto outcome = remove({last + 1, state.last_seq()}); !outcome) return outcome;
  if (auto outcome = need(last, last); !outcome) return outcome;
  state.truncate(last);
  return {};
}

}  // namespace dunlin::storage_file::engine
