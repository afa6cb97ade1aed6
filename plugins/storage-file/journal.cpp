#include "journal.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace dunlin::storage_file {
namespace {

constexpr std::string_view magic = "DUNLINMJ";
constexpr std::uint32_t version = 1;
constexpr const char* fresh_suffix = ".new";
constexpr std::size_t head_bytes = 48;
constexpr std::size_t head_summed_bytes = 40;
constexpr std::size_t frame_head_bytes = 24;
constexpr std::size_t frame_summed_bytes = 16;
constexpr std::uint32_t frame_bytes_max = std::uint32_t{1} << 30;
constexpr std::size_t snapshot_piece_bytes = std::size_t{256} << 10;
constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 34;
constexpr std::uint64_t short_bytes = std::uint64_t{4} << 20;
constexpr std::uint64_t long_factor = 4;
// How much of the file is filled with zeros ahead: a sync is faster where no size changes.
constexpr std::uint64_t fill_bytes = std::uint64_t{256} << 10;

enum FrameKind : std::uint32_t { rows = 1, rows_end = 2, commit_of = 3, closed = 4 };

std::uint64_t head_sum(const std::uint8_t* head) noexcept {
  return XXH3_64bits(head, head_summed_bytes);
}

std::uint64_t frame_sum(const std::uint8_t* head, BytesView content, std::uint64_t generation,
                        std::uint64_t offset) noexcept {
  const auto seed = XXH3_64bits_withSeed(head, frame_summed_bytes,
                                         generation ^ (offset * 0x9e3779b97f4a7c15u));
  return XXH3_64bits_withSeed(content.data(), content.size(), seed);
}

void write_head(const StoreId& store, std::uint64_t generation, std::uint8_t* out) noexcept {
  std::memcpy(out, magic.data(), magic.size());
  store_le<std::uint32_t>(out + 8, version);
  store_le<std::uint32_t>(out + 12, 0);
  std::memcpy(out + 16, store.data(), store.size());
  store_le(out + 32, generation);
  store_le(out + head_summed_bytes, head_sum(out));
}

Bytes make_frame(FrameKind kind, std::uint64_t commit, BytesView content,
                 std::uint64_t generation, std::uint64_t offset) {
  Bytes out;
  out.reserve(frame_head_bytes + content.size());
  Writer to(out);
  to.number(static_cast<std::uint32_t>(content.size()));
  to.number(static_cast<std::uint32_t>(kind));
  to.number(commit);
  to.number(frame_sum(out.data(), content, generation, offset));
  to.raw(content);
  return out;
}

struct Frame {
  std::uint32_t kind = 0;
  std::uint64_t commit = 0;
  BytesView content;
  std::size_t bytes = 0;
};

// The frame at `offset`, or nothing when there is none that is whole.
std::optional<Frame> frame_at(BytesView file, std::size_t offset, std::uint64_t generation) {
  if (file.size() - offset < frame_head_bytes) return std::nullopt;
  const auto* const head = file.data() + offset;
  const auto size = load_le<std::uint32_t>(head);
  if (size > file.size() - offset - frame_head_bytes) return std::nullopt;
  Frame frame;
  frame.kind = load_le<std::uint32_t>(head + 4);
  frame.commit = load_le<std::uint64_t>(head + 8);
  frame.content = file.subspan(offset + frame_head_bytes, size);
  frame.bytes = frame_head_bytes + size;
  const auto sum = load_le<std::uint64_t>(head + frame_summed_bytes);
  if (sum != frame_sum(head, frame.content, generation, offset)) return std::nullopt;
  return frame;
}

result<std::vector<Change>> decode_changes(BytesView content) {
  std::vector<Change> out;
  Reader from(content);
  while (from.left() > 0) {
    auto change = decode_change(from);
    if (!change) return change.error();
    out.push_back(std::move(*change));
  }
  return out;
}

// What a frame means after those before it; false when it cannot follow them.
bool follows(const JournalContent& so_far, const Frame& frame) noexcept {
  switch (frame.kind) {
    case rows: return !so_far.has_snapshot;
    case rows_end: return !so_far.has_snapshot;
    case commit_of: return so_far.has_snapshot && frame.commit == so_far.last_commit + 1;
    case closed: return so_far.has_snapshot && frame.commit == so_far.last_commit;
    default: return false;
  }
}

}  // namespace

result<JournalContent> read_journal(BytesView file, const VisitChanges& visit) {
  const auto is_head = file.size() >= head_bytes &&
                       text_of(file.first(magic.size())) == magic &&
                       load_le<std::uint64_t>(file.data() + head_summed_bytes) ==
                           head_sum(file.data());
  if (!is_head) return fail(DUNLIN_E_CORRUPT, "its head is damaged");
  if (load_le<std::uint32_t>(file.data() + 8) != version) {
    return fail(DUNLIN_E_UNSUPPORTED, "it was written by a newer version");
  }
  JournalContent content;
  std::copy_n(file.data() + 16, content.store_id.size(), content.store_id.begin());
  content.generation = load_le<std::uint64_t>(file.data() + 32);
  std::size_t offset = head_bytes;
  while (offset < file.size()) {
    const auto frame = frame_at(file, offset, content.generation);
    if (!frame || !follows(content, *frame)) break;
    if (frame->kind == rows || frame->kind == commit_of) {
      auto changes = decode_changes(frame->content);
      if (!changes) break;
      if (auto ok = visit(frame->commit, std::move(*changes)); !ok) return ok.error();
    }
    if (frame->kind == rows_end) {
      content.has_snapshot = true;
      content.snapshot_commit = frame->commit;
    }
    if (frame->kind != rows) content.last_commit = frame->commit;
    content.is_closed = frame->kind == closed;
    offset += frame->bytes;
  }
  content.bytes = offset;
  const auto rest = file.subspan(offset);
  const bool is_filling = content.has_snapshot && !content.is_closed &&
                          std::all_of(rest.begin(), rest.end(), [](auto b) { return b == 0; });
  if (offset < file.size() && !is_filling) {
    content.damage = "its frame at offset " + std::to_string(offset) + " is damaged or torn";
  } else if (!content.has_snapshot) {
    content.damage = "it is cut off at offset " + std::to_string(offset);
  }
  return content;
}

result<JournalContent> Journal::read(const VisitChanges& visit) const {
  auto file = files_.read_file(path_, file_bytes_max);
  if (!file) return file.error();
  return read_journal(*file, visit);
}

result<> Journal::rewrite(const StoreId& store, std::uint64_t commit, const EachRow& each_row) {
  // The old file stays in use, and in place, if the new one does not come about.
  Journal fresh(files_, path_);
  // Any number no file of this store had before: frames of those are not taken for ours.
  fresh.generation_ = generation_ + 1 + commit;
  if (auto ok = fresh.build(store, commit, each_row); !ok) {
    fresh.file_.close();
    static_cast<void>(files_.remove(path_ + fresh_suffix));
    return ok;
  }
  *this = std::move(fresh);
  return files_.sync_dir(parent_of(path_));
}

result<> Journal::build(const StoreId& store, std::uint64_t commit, const EachRow& each_row) {
  auto opened = files_.open(path_ + fresh_suffix, DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
  if (!opened) return opened.error();
  file_ = std::move(*opened);
  if (auto ok = file_.resize(0); !ok) return ok;
  std::uint8_t head[head_bytes];
  write_head(store, generation_, head);
  if (auto ok = file_.write_at(0, head); !ok) return ok;
  end_ = head_bytes;

  Bytes piece;
  const auto put_piece = [&]() -> result<> {
    if (piece.empty()) return {};
    auto ok = write_frame(rows, commit, piece);
    piece.clear();
    return ok;
  };
  auto walked = each_row([&](const Change& change) -> result<> {
    encode_change(change, piece);
    return piece.size() < snapshot_piece_bytes ? result<>{} : put_piece();
  });
  if (!walked) return walked;
  if (auto ok = put_piece(); !ok) return ok;
  if (auto ok = write_frame(rows_end, commit, {}); !ok) return ok;
  if (auto ok = file_.sync(); !ok) return ok;
  snapshot_bytes_ = before_last_ = end_;
  return files_.rename(path_ + fresh_suffix, path_);
}

result<> Journal::resume(const JournalContent& content) {
  auto opened = files_.open(path_, DUNLIN_FS_WRITE);
  if (!opened) return opened.error();
  file_ = std::move(*opened);
  generation_ = content.generation;
  end_ = before_last_ = content.bytes;
  // The mark of a clean stop would stand in the middle.
  if (content.is_closed) end_ = before_last_ = content.bytes - frame_head_bytes;
  snapshot_bytes_ = filled_ = end_;
  return file_.resize(end_);
}

result<> Journal::write_frame(std::uint32_t kind, std::uint64_t commit, BytesView content) {
  if (content.size() > frame_bytes_max) {
    return fail(DUNLIN_E_LIMIT, "a change of " + std::to_string(content.size()) +
                                    " bytes is too large for the catalogue");
  }
  const auto frame =
      make_frame(static_cast<FrameKind>(kind), commit, content, generation_, end_);
  if (auto ok = file_.write_at(end_, frame); !ok) return ok;
  end_ += frame.size();
  filled_ = std::max(filled_, end_);
  return {};
}

// A disk without room for more has it for what is written: then the size changes with each frame.
result<> Journal::fill_ahead(std::uint64_t bytes) {
  if (filled_ >= end_ + bytes) return {};
  const Bytes zeros(fill_bytes + bytes);
  auto ok = file_.write_at(end_, zeros);
  if (ok) filled_ = end_ + zeros.size();
  return !ok && ok.error().status == DUNLIN_E_NO_SPACE ? result<>() : ok;
}

result<> Journal::append(std::uint64_t commit, const std::vector<Change>& changes) {
  if (is_broken_ || !file_) {
    return fail(DUNLIN_E_IO, path_ + " cannot be written any more: close the store and open it "
                                     "again");
  }
  Bytes content;
  for (const auto& change : changes) encode_change(change, content);
  before_last_ = end_;
  auto ok = fill_ahead(frame_head_bytes + content.size());
  if (ok) ok = write_frame(commit_of, commit, content);
  if (ok) return ok;
  if (auto undone = withdraw(); !undone) is_broken_ = true;
  return ok;
}

result<> Journal::withdraw() {
  end_ = filled_ = before_last_;
  auto ok = file_.resize(end_);
  // What is left over will be written over. A crash before that makes the commit happen, whose
  // caller was told that it did not: all of it, so that nothing is half done.
  if (!ok && ok.error().status == DUNLIN_E_NO_SPACE) return {};
  if (!ok) is_broken_ = true;
  return ok;
}

result<> Journal::sync() { return file_ ? file_.sync() : result<>{}; }

result<> Journal::close(std::uint64_t commit) {
  if (!file_) return {};
  result<> ok;
  if (!is_broken_) ok = write_frame(closed, commit, {});
  if (ok && !is_broken_) ok = file_.resize(end_);
  if (ok && !is_broken_) ok = file_.sync();
  file_.close();
  return ok;
}

bool Journal::is_long() const noexcept {
  return end_ > std::max(short_bytes, long_factor * snapshot_bytes_);
}

}  // namespace dunlin::storage_file
