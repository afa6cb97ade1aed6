// dunlin_log_store.verify: reads every segment again, one after the other, and its index file; then
// the runs of subjects.

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {

class Verify final : public Question {
 public:
  Verify(bool (*visit)(void*, const dunlin_damage*), void* user, Completion done)
      : visit_(visit), user_(user), done_(std::move(done)) {}

  Next step(Log& log) override {
    if (!has_begun_) {
      has_begun_ = true;
      return Next::durable;
    }
    // Only what is gone or makes no sense is lost: anything else may work the next time.
    const bool is_loss = !missing_ || missing_->status == DUNLIN_E_NOT_FOUND ||
                         missing_->status == DUNLIN_E_CORRUPT;
    if (!is_loss) {
      failure = *missing_;
      return Next::done;
    }
    judge(log);
    // What is rewritten meanwhile has the number behind.
    for (const auto& segment : log.now().segments()) {
      if (segment->number < next_) continue;
      if (is_first_) last_ = log.now().segments().back()->number;
      is_first_ = false;
      if (segment->number > (last_ | generation_mask)) break;
      directory_ = &log.directory();
      segment_ = log.ref(*segment);
      if (!segment->is_sealed && log.flushed_end().segment == segment->number) {
        segment_.used = log.flushed_end().offset;
      }
      seen_ = log.flushed_seq();
      codec_ = log.codec(segment->number);
      next_ = segment->number + 1;
      return Next::work;
    }
    if (!has_read_runs_) {
      has_read_runs_ = true;
      runs_ = log.now().subjects().runs();
      return Next::work;
    }
    if (run_trouble_) {
      run_trouble_->file = log.row().directory + "/" + run_trouble_->file;
      extra_.push_back(std::move(*std::exchange(run_trouble_, std::nullopt)));
    }
    tell(log);
    return Next::done;
  }

  void read_runs() {
    RunsReader reader(runs_);
    auto outcome = reader.seek({});
    while (outcome && !reader.at_end()) outcome = reader.next();
    if (!outcome) {
      const auto place = reader.last_read();
      run_trouble_ = DamageRow{0, 0, run_file_name(place.run), place.offset, outcome.error().text};
    }
    runs_.clear();
  }

  void work() override {
    if (has_read_runs_) {
      read_runs();
      return;
    }
    loaded_.reset();
    missing_.reset();
    auto opened = open_segment_file(*directory_, segment_, DUNLIN_FS_READ);
    if (!opened) {
      missing_ = opened.error();
      return;
    }
    segment_.file = opened->file;
    trouble_ = opened->trouble;
    if (segment_.has_index_file && trouble_.empty()) {
      auto stored = load_index(*directory_, segment_, codec_.get());
      if (stored && stored->is_rebuilt) trouble_ = "the index of the segment: " + stored->why;
    }
    auto scanned = scan_index(segment_, codec_.get());
    if (scanned) {
      loaded_ = std::move(*scanned);
    } else {
      missing_ = scanned.error();
    }
    segment_.file.reset();
    if (loaded_) loaded_->file.reset();
  }

  void complete() noexcept override {
    failure ? done_.fail(*failure) : done_.succeed();
  }

 private:
  // What the segment read last has to say.
  void judge(Log& log) {
    if (!trouble_.empty()) {
      extra_.push_back({0, 0, log.row().directory + "/" + segment_file_name(segment_.number), 0,
                        std::exchange(trouble_, {})});
    }
    if (!loaded_ && !missing_) return;
    const auto segment = log.now().find_segment(segment_.number);
    if (segment) {
      LoadedIndex nothing;
      nothing.why = missing_ ? missing_->text : "a checksum is wrong";
      nothing.index = std::make_shared<SegmentIndex>(segment_.has_subjects);
      if (loaded_) {
        loaded_->why = nothing.why;
        for (const auto& bad : loaded_->bad) {
          extra_.push_back({0, 0, log.row().directory + "/" + segment_file_name(segment->number),
                            bad.begin, "an entry cannot be read"});
        }
      }
      log.lose_missing(*segment, loaded_ ? *loaded_ : nothing, seen_);
    }
    loaded_.reset();
    missing_.reset();
  }

  void show(const DamageRow& row) {
    dunlin_damage damage{};
    damage.first = row.first;
    damage.last = row.last;
    damage.file = detail::str(row.file);
    damage.offset = row.offset;
    damage.text = detail::str(row.text);
    wants_more_ = wants_more_ && visit_(user_, &damage);
  }

  void tell(Log& log) {
    const auto& view = log.now().view();
    const auto is_told = [&](const DamageRow& bad) {
      return std::any_of(log.damage().begin(), log.damage().end(), [&](const DamageRow& row) {
        return row.file == bad.file && row.offset == bad.offset;
      });
    };
    for (const auto& row : log.damage()) {
      // What was removed since is no loss any more.
      if (row.first == 0 || view.first_damaged(row.first, row.last) != 0) show(row);
    }
    for (const auto& row : extra_) {
      if (!is_told(row)) show(row);
    }
  }

  bool (*visit_)(void*, const dunlin_damage*);
  void* user_;
  Completion done_;
  bool has_begun_ = false, wants_more_ = true;
  std::uint64_t next_ = 0, last_ = 0;  // numbers of segments
  bool is_first_ = true;
  const Directory* directory_ = nullptr;
  SegmentRef segment_;
  std::uint64_t seen_ = 0;
  std::shared_ptr<const BlockCodec> codec_;
  std::optional<LoadedIndex> loaded_;
  std::optional<Error> missing_;
  std::string trouble_;
  std::vector<DamageRow> extra_;
  bool has_read_runs_ = false;
  SubjectRuns runs_;
  std::optional<DamageRow> run_trouble_;
};

result<> Log::verify(bool (*visit)(void* user, const dunlin_damage* damage), void* user,
                     Completion& done) {
  if (closing_) return fail(DUNLIN_E_CLOSED, row_.name + " is closed");
  const auto question = std::make_shared<Verify>(visit, user, std::move(done));
  question->is_now = false;
  asked_.push_back(question);
  post([this, question] { go_on(question); });
  return {};
}

}  // namespace dunlin::storage_file::engine
