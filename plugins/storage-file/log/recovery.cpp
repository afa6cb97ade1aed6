#include "plugins/storage-file/log/recovery.hpp"

#include <algorithm>

#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/crc32c.hpp"

namespace dunlin::storage_file::engine {

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
  for (const auto& [number, size] : files_) {
    out_.next_number = std::max(out_.next_number, number_behind(number));
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
  for (const auto& item : *items) {
    if (const auto number = segment_number(item.name)) files_[*number] = item.size;
  }
  auto rows = store_.catalogue->segments(row_.id);
  if (!rows) return rows.error();
  for (const auto& row : *rows) rows_[row.number] = row.epoch;
  return {};
}

result<> Recovery::load_checkpoint() {
  if (row_.must_scan) return {};
  auto blob = store_.catalogue->checkpoint(row_.id);
  if (!blob) return blob.error();
  if (!blob->has_value()) return {};
  const auto note = decode_note(**blob);
  const auto complain = [&](const std::string& why) {
    DamageRow row;
    row.file = row_.directory + "/" + (note ? checkpoint_file_name(note->number) : "checkpoint");
    row.text = why + "; everything was read again";
    out_.damage.push_back(std::move(row));
  };
  if (!note) {
    complain("what the catalogue says of the last checkpoint makes no sense");
    return {};
  }
  out_.checkpoint = note->number;
  out_.next_number = note->next_number;
  auto file = directory_.open(checkpoint_file_name(note->number), DUNLIN_FS_READ);
  if (!file) {
    if (file.error().status != DUNLIN_E_NOT_FOUND) return file.error();
    note_ = note;
    complain("the checkpoint is gone");
    return {};
  }
  auto size = (*file)->size();
  if (!size) return size.error();
  std::vector<std::uint8_t> bytes(*size == note->bytes ? note->bytes : 0);
  const auto got = (*file)->read(0, bytes);
  // It can be made again, whatever the disk has against it.
  if (!got && got.error().status != DUNLIN_E_IO) return got.error();
  note_ = note;
  if (!got || bytes.size() != note->bytes || crc32c(0, bytes.data(), bytes.size()) != note->sum) {
    complain("the checkpoint is damaged");
    return {};
  }
  auto state = decode_state(bytes, row_.has_subjects, store_.random.below(0));
  if (!state) {
    complain(state.error().text);
    return {};
  }
  out_.state = std::move(*state);
  position_ = note->position;
  out_.checkpointed_place = place_in_journal(position_.segment);
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
  return {};
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

}  // namespace dunlin::storage_file::engine
