#include "plugins/storage-file/log/batch_writer.hpp"

#include <algorithm>
#include <iterator>

namespace dunlin::storage_file::engine {
namespace {

// Pages that are written whole need not be read first, which those of a recycled file would be.
constexpr std::uint32_t page_bytes = 4096;
constexpr std::uint8_t zeros[page_bytes] = {};

// Blocks are encoded here, on the worker: `out` keeps their bytes.
result<> encode_block(const Batch::Piece& piece, std::vector<std::uint8_t>& out) {
  const auto& chunk = *piece.chunk;
  out.assign(entry_head_bytes, 0);
  const std::span<const std::uint8_t> plain(chunk.bytes.get(), piece.to);
  const auto place = chunk.begin + entry_head_bytes;
  if (auto outcome = piece.codec->encode(plain, place, out); !outcome) return outcome;
  const auto bytes = static_cast<std::uint32_t>(out.size());
  if (bytes != entry_head_bytes + piece.codec->bound(piece.to)) {
    return fail(DUNLIN_E_INTERNAL, "a block has not the size that was kept free for it");
  }
  out.resize(padded(bytes));
  seal_entry(out.data(), EntryKind::block, bytes, chunk.begin, piece.key);
  return {};
}

// Gathers what follows one another in a file into one write.
class StretchWriter {
 public:
  explicit StretchWriter(Observer& observer) : observer_(observer) {}

  result<> add(const Batch::Piece& piece) {
    if (piece.to == piece.from) return {};
    const auto& chunk = *piece.chunk;
    dunlin_bytes bytes{chunk.bytes.get() + piece.from, piece.to - piece.from};
    const std::uint64_t offset = chunk.begin + (chunk.is_block ? 0 : piece.from);
    if (chunk.is_block) {
      auto& block = blocks_.emplace_back();
      if (auto outcome = encode_block(piece, block); !outcome) return outcome;
      bytes = {block.data(), block.size()};
    }
    if (file_ != piece.file.get() || offset != end_) {
      if (auto outcome = write(); !outcome) return outcome;
      file_ = piece.file.get();
      capacity_ = piece.capacity;
      begin_ = end_ = offset;
    }
    const bool follows = !parts_.empty() && parts_.back().data + parts_.back().size == bytes.data;
    if (follows) {
      parts_.back().size += bytes.size;
    } else {
      parts_.push_back(bytes);
    }
    end_ += bytes.size;
    return {};
  }

  result<> write() {
    if (parts_.empty()) return {};
    // Nothing that counts stands behind what is written last.
    const auto page_end = std::min<std::uint64_t>(capacity_, (end_ + page_bytes - 1) / page_bytes *
                                                                 page_bytes);
    if (page_end > end_) parts_.push_back({zeros, page_end - end_});
    observer_.wrote(std::max(page_end, end_) - begin_);
    auto outcome = file_->write(begin_, parts_);
    parts_.clear();
    blocks_.clear();
    return outcome;
  }

 private:
  Observer& observer_;
  std::vector<dunlin_bytes> parts_;
  std::deque<std::vector<std::uint8_t>> blocks_;
  std::uint64_t begin_ = 0, end_ = 0;
  std::uint32_t capacity_ = 0;
  const File* file_ = nullptr;
};

result<> write_all(std::span<const Flush> flushes, Observer& observer) {
  StretchWriter writer(observer);
  for (const auto& flush : flushes) {
    for (const auto& piece : flush.batch.pieces) {
      if (auto outcome = writer.add(piece); !outcome) return outcome;
    }
  }
  return writer.write();
}

// What is to be synced, each file once.
std::vector<std::shared_ptr<File>> files_of(std::span<const Flush> flushes) {
  std::vector<std::shared_ptr<File>> files;
  for (const auto& flush : flushes) {
    for (const auto& file : flush.files) {
      if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
  }
  return files;
}

std::optional<Error> sync_all(std::span<const std::shared_ptr<File>> files, StoreContext& store) {
  const auto begin = store.clock.monotonic_ns();
  for (const auto& file : files) {
    if (auto outcome = file->sync(); !outcome) return outcome.error();
  }
  store.observer->synced(store.clock.monotonic_ns() - begin);
  return std::nullopt;
}

}  // namespace

void BatchWriter::push(Flush flush) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(flush));
  if (!is_halted_ && !is_working_) start();
}

void BatchWriter::resume() {
  const std::lock_guard lock(mutex_);
  is_halted_ = false;
  if (!is_working_ && !waiting_.empty()) start();
}

bool BatchWriter::has_more() {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

void BatchWriter::end(std::function<void()> last) {
  const std::lock_guard lock(mutex_);
  is_halted_ = true;
  last_ = std::move(last);
  if (!is_working_) start();
}

// Refused only when the server has stopped the plugin; everything was closed before that.
void BatchWriter::start() {
  is_working_ = true;
  static_cast<void>(store_.executor.post_worker([self = shared_from_this()] { self->work(); }));
}

void BatchWriter::work() {
  for (auto group = take(); !group.empty(); group = take()) {
    const auto& last = group.back();
    const auto file = last.is_sync && last.mark_key ? last.files.back() : nullptr;
    const auto end = last.batch.end;
    const auto last_seq = last.batch.last_seq;
    const auto key = last.mark_key;
    std::uint64_t synced = 0;
    for (const auto& flush : group) synced = flush.is_sync ? flush.number : synced;
    auto files = syncs_apart_ ? files_of(group) : std::vector<std::shared_ptr<File>>();
    auto outcome = carry_out(std::move(group));
    const bool is_good = !outcome->write_error && !outcome->sync_error;
    if (is_good && !syncs_apart_) outcome->synced = synced;
    done_(std::move(outcome));
    if (!is_good) continue;
    if (syncs_apart_) {
      if (synced != 0) sync_apart(std::move(files), synced);
    } else if (file && !has_more()) {
      // The log's thread has what it waited for; the mark is not in its way.
      leave_mark(file, end, last_seq, *key);
    }
  }
}

void BatchWriter::sync_apart(std::vector<std::shared_ptr<File>> files, std::uint64_t number) {
  static_cast<void>(store_.executor.post_worker(
      [self = shared_from_this(), files = std::move(files), number]() mutable {
        auto outcome = std::make_shared<Outcome>();
        outcome->is_apart = true;
        outcome->sync_error = sync_all(files, self->store_);
        if (!outcome->sync_error) outcome->synced = number;
        files.clear();
        self->done_(std::move(outcome));
      }));
}

BatchWriter::Group BatchWriter::take() {
  std::function<void()> last;
  Group given_up;
  {
    const std::lock_guard lock(mutex_);
    if (!is_halted_ && !waiting_.empty()) return std::exchange(waiting_, {});
    is_working_ = false;
    last = std::exchange(last_, nullptr);
    if (last) given_up = std::exchange(waiting_, {});
  }
  given_up.clear();
  if (last) last();
  return {};
}

std::shared_ptr<BatchWriter::Outcome> BatchWriter::carry_out(Group group) {
  auto outcome = std::make_shared<Outcome>();
  auto written = write_all(group, *store_.observer);
  if (!written && written.error().status == DUNLIN_E_NO_SPACE) {
    store_.space->report_full();
    written = write_all(group, *store_.observer);
  }
  if (!written) {
    outcome->write_error = written.error();
  } else if (const auto files = files_of(group); !syncs_apart_ && !files.empty()) {
    outcome->sync_error = sync_all(files, store_);
  }
  if (!outcome->write_error && !outcome->sync_error) {
    outcome->flushes = std::move(group);
    return outcome;
  }
  const std::lock_guard lock(mutex_);
  is_halted_ = true;
  // Nothing of it was synced yet: what was written is written again when there is room.
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(group));
  waiting_ = std::move(group);
  return outcome;
}

// Says of what was just synced that it was, should nothing follow that says so; the next batch is
// written over it.
void BatchWriter::leave_mark(const std::shared_ptr<File>& file, Position end,
                             std::uint64_t last_seq, SegmentKey key) const {
  std::vector<std::uint8_t> mark;
  put_last_mark(mark, end.offset, last_seq);
  seal_entry(mark.data(), EntryKind::mark, last_mark_bytes, end.offset, key);
  static_cast<void>(file->write(end.offset, mark));
}

}  // namespace dunlin::storage_file::engine
