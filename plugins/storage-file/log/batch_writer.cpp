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

result<> sync_all(std::span<const Flush> flushes) {
  std::vector<const File*> synced;
  for (const auto& flush : flushes) {
    for (const auto& file : flush.files) {
      if (std::find(synced.begin(), synced.end(), file.get()) != synced.end()) continue;
      if (auto outcome = file->sync(); !outcome) return outcome;
      synced.push_back(file.get());
    }
  }
  return {};
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
    const auto synced = std::find_if(group.rbegin(), group.rend(),
                                     [](const Flush& flush) { return flush.is_sync; });
    const bool is_last = synced == group.rbegin() && group.back().mark_key;
    const auto file = is_last ? group.back().files.back() : nullptr;
    const auto end = group.back().batch.end;
    const auto last_seq = group.back().batch.last_seq;
    const auto key = group.back().mark_key;
    auto outcome = carry_out(std::move(group));
    const bool is_good = !outcome->write_error && !outcome->sync_error;
    done_(std::move(outcome));
    // The log's thread has what it waited for; the mark is not in its way.
    if (is_good && file && !has_more()) leave_mark(file, end, last_seq, *key);
  }
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
  } else if (std::any_of(group.begin(), group.end(), [](const auto& f) { return f.is_sync; })) {
    const auto begin = store_.clock.monotonic_ns();
    auto synced = sync_all(group);
    store_.observer->synced(store_.clock.monotonic_ns() - begin);
    if (!synced) outcome->sync_error = synced.error();
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
