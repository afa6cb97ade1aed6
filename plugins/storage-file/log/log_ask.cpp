// Answering questions: at once when memory has it all, else step by step with a worker.

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {
namespace {

// Sealed segments whose index and file stay open, at most.
constexpr std::size_t indexes_max = 128;

}  // namespace

const View* Log::view(std::uint64_t snapshot) const {
  if (snapshot == 0) return &state_->view();
  const auto found = snapshots_.find(snapshot);
  return found == snapshots_.end() ? nullptr : &found->second;
}

SegmentRef Log::ref(const Segment& segment) const {
  return {row_.id, segment.number, segment.salt, segment.used, row_.has_subjects,
          segment.has_index_file, segment.file};
}

std::shared_ptr<const BlockCodec> Log::codec(std::uint64_t segment) const {
  return std::make_shared<BlockCodec>(
      store_.keys->codec(row_.id, segment, DUNLIN_COMPRESS_NONE));
}

result<> Log::ask(std::shared_ptr<Question> question) {
  if (closing_) return fail(DUNLIN_E_CLOSED, row_.name + " is closed");
  const auto next = question->step(*this);
  if (next == Question::Next::done) {
    if (question->failure) return *question->failure;
    return {};
  }
  question->is_now = false;
  asked_.push_back(question);
  pursue(std::move(question), next);
  return later();
}

void Log::finish(const std::shared_ptr<Question>& question) {
  const auto found = std::find(asked_.begin(), asked_.end(), question);
  if (found == asked_.end()) return;
  asked_.erase(found);
  if (std::exchange(question->owns_snapshot, false)) snapshot_close(question->snapshot);
  question->complete();
}

void Log::go_on(const std::shared_ptr<Question>& question) {
  if (std::find(asked_.begin(), asked_.end(), question) == asked_.end()) return;  // cancelled
  if (question->failure) {
    finish(question);
    return;
  }
  pursue(question, question->step(*this));
}

void Log::pursue(std::shared_ptr<Question> question, Question::Next next) {
  switch (next) {
    case Question::Next::done:
      finish(question);
      return;
    case Question::Next::index:
      fetch_index(std::move(question));
      return;
    case Question::Next::subjects:
      fetch_subjects(std::move(question));
      return;
    case Question::Next::work:
      run_on_worker([question] { question->work(); }, [this, question] { go_on(question); });
      return;
    case Question::Next::room:
      waiting_for_room_.push_back(std::move(question));
      wants_room_ = true;
      prepare();
      return;
    case Question::Next::durable:
      when_durable([this, question](const result<>& outcome) {
        if (!outcome) question->failure = outcome.error();
        post([this, question] { go_on(question); });
      });
      return;
    case Question::Next::turn:
      post([this, question] { go_on(question); });
      return;
    case Question::Next::quiet:
      waiting_for_quiet_.push_back(std::move(question));
      settle_files();
      return;
  }
}

// ---- indexes ----------------------------------------------------------------------------------

std::shared_ptr<Segment> Log::segment_of(const Question& question, std::uint64_t number) const {
  if (question.snapshot == 0) return state_->find_segment(number);
  const auto* seen = view(question.snapshot);
  if (seen == nullptr) return nullptr;
  for (const auto& segment : seen->segments) {
    if (segment->number == number) return segment;
  }
  return nullptr;
}

void Log::fetch_index(std::shared_ptr<Question> question) {
  const auto number = question->wanted;
  const auto segment = segment_of(*question, number);
  const bool is_here = segment && segment->index &&
                       (segment->file || segment->index->size() == 0);
  if (!segment || is_here) {
    // It went, or came, in the meantime.
    post([this, question] { go_on(question); });
    return;
  }
  auto& waiting = fetching_[{question->snapshot, number}];
  waiting.push_back(question);
  if (waiting.size() > 1) return;
  auto loaded = std::make_shared<result<LoadedIndex>>(fail(DUNLIN_E_INTERNAL, "not loaded"));
  const auto snapshot = question->snapshot;
  run_on_worker(
      [this, loaded, reference = ref(*segment), block_codec = codec(number)] {
        *loaded = load_index(directory_, reference, block_codec.get());
      },
      [this, loaded, segment, snapshot, number] {
        auto asked = std::move(fetching_[{snapshot, number}]);
        fetching_.erase({snapshot, number});
        std::optional<Error> failure;
        if (snapshot == 0 && state_->find_segment(number) != segment) {
          // Another took its place in the meantime: they look again.
          for (const auto& each : asked) go_on(each);
          return;
        }
        if (*loaded) {
          fetched_index(*segment, **loaded, snapshot == 0);
        } else {
          const auto& error = loaded->error();
          if (error.status == DUNLIN_E_CORRUPT || error.status == DUNLIN_E_NOT_FOUND) {
            LoadedIndex nothing;
            nothing.index = std::make_shared<SegmentIndex>(row_.has_subjects);
            nothing.is_rebuilt = true;
            nothing.why = error.text;
            fetched_index(*segment, nothing, snapshot == 0);
          } else {
            failure = error;
          }
        }
        touch(segment);
        for (const auto& each : asked) {
          each->failure = failure;
          each->held.push_back(segment->index);
        }
        for (const auto& each : asked) go_on(each);
        let_go();
      });
}

void Log::fetched_index(Segment& segment, LoadedIndex& loaded, bool is_current) {
  segment.index = loaded.index;
  segment.file = loaded.file;
  if (!loaded.is_rebuilt || !is_current) return;
  // Only a rebuilt index can tell that something is missing.
  const auto offset = loaded.bad.empty() ? segment_header_bytes : loaded.bad.front().begin;
  const auto lost = state_->lose_missing(segment, *loaded.index, UINT64_MAX);
  for (const auto& range : lost) {
    announce_damage(range.first, range.last, segment.number, offset, loaded.why);
  }
  if (segment.has_index_file && lost.empty()) {
    announce_damage(0, 0, segment.number, 0, "its index was made again: " + loaded.why);
  }
  segment.has_index_file = false;
  if (!is_read_only_ && loaded.file) {
    store_index(state_->find_segment(segment.number));
  }
}

void Log::lose_missing(Segment& segment, const LoadedIndex& loaded, std::uint64_t last) {
  const auto offset = loaded.bad.empty() ? segment_header_bytes : loaded.bad.front().begin;
  for (const auto& range : state_->lose_missing(segment, *loaded.index, last)) {
    announce_damage(range.first, range.last, segment.number, offset, loaded.why);
  }
}

void Log::touch(const std::shared_ptr<Segment>& segment) {
  const auto found = std::find(used_lately_.begin(), used_lately_.end(), segment);
  if (found != used_lately_.end()) used_lately_.erase(found);
  used_lately_.push_front(segment);
}

void Log::let_go() {
  auto& memory = *store_.index_memory;
  const auto share = memory.share(store_.settings.index_cache_bytes, counted_index_bytes_);
  std::uint64_t bytes = 0;
  std::size_t kept = 0;
  std::vector<std::shared_ptr<File>> closing;
  for (auto it = used_lately_.begin(); it != used_lately_.end();) {
    auto& segment = **it;
    if (segment.index) bytes += segment.index->memory_bytes();
    const bool is_held = segment.index && segment.index.use_count() > 1;
    const bool may_go = segment.is_sealed && !is_held &&
                        (segment.has_index_file || is_read_only_ || !segment.index);
    const bool is_wanted = kept < indexes_max && bytes <= share;
    if (is_wanted || !may_go) {
      ++kept;
      ++it;
      continue;
    }
    bytes -= segment.index ? segment.index->memory_bytes() : 0;
    segment.index.reset();
    if (segment.file) closing.push_back(std::move(segment.file));
    it = used_lately_.erase(it);
  }
  memory.count(counted_index_bytes_, bytes);
  if (closing.empty()) return;
  // Files are closed on a worker.
  auto files = std::make_shared<std::vector<std::shared_ptr<File>>>(std::move(closing));
  run_on_worker([files] { files->clear(); }, [] {});
}

void Log::announce_damage(std::uint64_t first, std::uint64_t last, std::uint64_t segment,
                          std::uint64_t offset, const std::string& why) {
  DamageRow row;
  row.first = first;
  row.last = last;
  row.file = row_.directory + "/" + segment_file_name(segment);
  row.offset = offset;
  row.text = why;
  announce_damage(std::move(row));
}

void Log::announce_damage(DamageRow row) {
  const auto text = row.file + " at " + std::to_string(row.offset) + ": " + row.text;
  store_.observer->damaged(row_.name, row.first, row.last, text);
  emit(DUNLIN_LOG_DAMAGED, row.first, row.last, text);
  if (!is_read_only_) {
    CatalogueBatch batch;
    batch.add_damage(row_.id, row);
    static_cast<void>(store_.catalogue->commit(std::move(batch), [](const result<>&) {}));
  }
  damage_.push_back(std::move(row));
}

void Log::lose(std::uint64_t seq, std::uint64_t segment, std::uint64_t offset,
               const std::string& why) {
  if (!state_->view().is_live(seq) || state_->view().is_damaged(seq)) return;
  state_->restore_damage(seq, seq);
  if (const auto found = state_->find_segment(segment)) found->has_damage = true;
  announce_damage(seq, seq, segment, offset, why);
}

}  // namespace dunlin::storage_file::engine
