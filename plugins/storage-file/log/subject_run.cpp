#include "plugins/storage-file/log/subject_run.hpp"

#include <algorithm>
#include <cstdio>

#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/crc32c.hpp"
#include "plugins/storage-file/log/entry.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint64_t magic = 0x31425553444e4c44;  // "DLNDSUB1"
constexpr std::size_t block_bytes = 4096;
constexpr std::size_t sum_bytes = 4;
constexpr std::size_t end_bytes = 6 * 8 + sum_bytes;
constexpr std::size_t write_bytes = 1u << 20;

std::uint32_t block_sum(std::uint64_t salt, std::uint64_t offset,
                        std::span<const std::uint8_t> content) noexcept {
  std::uint8_t seed[16];
  store_le(seed, salt);
  store_le(seed + 8, offset);
  return crc32c(crc32c(0, seed, sizeof seed), content.data(), content.size());
}

Error corrupt(const std::string& what) { return fail(DUNLIN_E_CORRUPT, what); }

// It can be made again, whatever the disk has against it.
Error of_reading(const Error& why) {
  if (why.status != DUNLIN_E_IO) return why;
  return corrupt("an index of subjects cannot be read: " + why.text);
}

}  // namespace

std::string run_file_name(std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%016llx.sub", static_cast<unsigned long long>(number));
  return name;
}

// ---- coding -----------------------------------------------------------------------------------

result<bool> RunEntries::next() {
  has_entry_ = false;
  if (at_ >= bytes_.size()) return false;
  auto in = std::span<const std::uint8_t>(bytes_).subspan(at_);
  std::uint64_t shared = 0, own = 0, head = 0, first = 0, distance = 0;
  const auto nonsense = corrupt("an index of subjects makes no sense");
  if (!get_varint(in, shared) || !get_varint(in, own) || shared > name_.size() ||
      own > in.size()) {
    return nonsense;
  }
  name_.resize(shared);
  name_.append(text_of(in.first(own)));
  in = in.subspan(own);
  if (!get_varint(in, head)) return nonsense;
  span_ = {};
  span_.count = static_cast<std::int64_t>(head >> 2);
  if (span_.count != 0) {
    if (!get_varint(in, first) || !get_varint(in, distance) || distance > UINT64_MAX - first) {
      return nonsense;
    }
    span_.first = first;
    span_.last = first + distance;
    span_.is_first_bound = (head & 1) != 0;
    span_.is_last_bound = (head & 2) != 0;
  }
  at_ = bytes_.size() - in.size();
  has_entry_ = true;
  return true;
}

void put_run_entry(std::string_view before, std::string_view name, const SubjectSpan& span,
                   std::vector<std::uint8_t>& out) {
  std::size_t shared = 0;
  const auto end = std::min(name.size(), before.size());
  while (shared < end && name[shared] == before[shared]) ++shared;
  put_varint(out, shared);
  put_varint(out, name.size() - shared);
  out.insert(out.end(), name.begin() + static_cast<std::ptrdiff_t>(shared), name.end());
  put_varint(out, static_cast<std::uint64_t>(span.count) << 2 |
                      std::uint64_t{span.is_last_bound} << 1 | span.is_first_bound);
  if (span.count == 0) return;
  put_varint(out, span.first);
  put_varint(out, span.last - span.first);
}

bool RunFences::read(std::span<const std::uint8_t> bytes) {
  std::uint64_t offset = 0;
  while (!bytes.empty()) {
    std::uint64_t distance = 0, size = 0;
    if (!get_varint(bytes, distance) || !get_varint(bytes, size) || size > bytes.size()) {
      return false;
    }
    const bool is_behind = fences_.empty() ? distance == 0 : distance != 0;
    if (!is_behind || distance > UINT64_MAX - offset) return false;
    offset += distance;
    fences_.push_back({offset, static_cast<std::uint32_t>(names_.size()),
                       static_cast<std::uint32_t>(size)});
    names_.append(text_of(bytes.first(size)));
    bytes = bytes.subspan(size);
  }
  fences_.shrink_to_fit();
  names_.shrink_to_fit();
  return true;
}

std::size_t RunFences::block_of(std::string_view wanted) const noexcept {
  std::size_t low = 0, high = fences_.size();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (name(middle) <= wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? 0 : low - 1;
}

// ---- SubjectRun -------------------------------------------------------------------------------

result<std::shared_ptr<const SubjectRun>> SubjectRun::open(const Directory& directory,
                                                           std::uint64_t log,
                                                           const RunNote& note) {
  std::shared_ptr<SubjectRun> run(new SubjectRun());
  run->note_ = note;
  auto file = directory.open(run_file_name(note.number), DUNLIN_FS_READ);
  if (!file) {
    if (file.error().status != DUNLIN_E_NOT_FOUND) return file.error();
    return corrupt("an index of subjects is gone");
  }
  run->file_ = *file;
  auto size = run->file_->size();
  if (!size) return size.error();
  const auto damaged = corrupt("an index of subjects is damaged");
  if (*size != note.bytes || note.bytes < end_bytes) return damaged;
  std::vector<std::uint8_t> end(end_bytes);
  if (auto got = run->file_->read(note.bytes - end_bytes, end); !got) {
    return of_reading(got.error());
  }
  Reader in(end);
  const bool is_it = in.number<std::uint64_t>() == magic && in.number<std::uint64_t>() == log &&
                     in.number<std::uint64_t>() == note.number &&
                     in.number<std::uint64_t>() == note.salt &&
                     in.number<std::uint64_t>() == note.entries;
  run->fences_at_ = in.number<std::uint64_t>();
  if (!is_it || run->fences_at_ > note.bytes - end_bytes) return damaged;
  std::vector<std::uint8_t> bytes(note.bytes - run->fences_at_);
  if (auto got = run->file_->read(run->fences_at_, bytes); !got) return of_reading(got.error());
  const auto sum = crc32c(0, bytes.data(), bytes.size() - sum_bytes);
  if (sum != note.sum || sum != in.number<std::uint32_t>()) return damaged;
  if (!run->fences_.read(std::span(bytes).first(bytes.size() - end_bytes))) return damaged;
  return std::shared_ptr<const SubjectRun>(std::move(run));
}

result<> SubjectRun::read_block(std::size_t block, std::vector<std::uint8_t>& out) const {
  const auto begin = fences_.offset(block);
  const auto end = block + 1 < fences_.size() ? fences_.offset(block + 1) : fences_at_;
  if (end <= begin + sum_bytes || end > fences_at_) return corrupt("a fence makes no sense");
  out.resize(end - begin);
  if (auto got = file_->read(begin, out); !got) return of_reading(got.error());
  const auto content = std::span<const std::uint8_t>(out).subspan(sum_bytes);
  if (load_le<std::uint32_t>(out.data()) != block_sum(note_.salt, begin, content)) {
    return corrupt("an index of subjects is damaged");
  }
  return {};
}

// ---- RunReader --------------------------------------------------------------------------------

result<> RunReader::load(std::size_t block) {
  block_ = no_block;
  last_read_ = {run_->note().number, run_->fences().offset(block)};
  if (auto outcome = run_->read_block(block, entries_.bytes()); !outcome) return outcome;
  block_ = block;
  entries_.begin(sum_bytes);
  return {};
}

result<> RunReader::approach(std::string_view name) {
  const auto block = run_->fences().block_of(name);
  if (block != block_) return load(block);
  if (!entries_.has_entry() || entries_.name() > name) entries_.begin(sum_bytes);
  return {};
}

result<> RunReader::next() {
  for (;;) {
    auto found = entries_.next();
    if (!found) return found.error();
    is_at_end_ = !*found && block_ + 1 >= run_->fences().size();
    if (*found || is_at_end_) return {};
    if (auto outcome = load(block_ + 1); !outcome) return outcome;
  }
}

result<> RunReader::seek(std::string_view key) {
  is_at_end_ = true;
  if (run_->fences().size() == 0) return {};
  if (auto outcome = approach(key); !outcome) return outcome;
  is_at_end_ = false;
  while (!is_at_end_ && (!entries_.has_entry() || entries_.name() < key)) {
    if (auto outcome = next(); !outcome) return outcome;
  }
  return {};
}

result<std::optional<SubjectSpan>> RunReader::find(std::string_view name) {
  const std::optional<SubjectSpan> nothing;
  if (run_->fences().size() == 0) return nothing;
  if (auto outcome = approach(name); !outcome) return outcome.error();
  while (!entries_.has_entry() || entries_.name() < name) {
    auto found = entries_.next();
    if (!found) return found.error();
    if (!*found) return nothing;
  }
  return entries_.name() == name ? std::optional(entries_.span()) : nothing;
}

// ---- RunsReader -------------------------------------------------------------------------------

RunsReader::RunsReader(const SubjectRuns& runs) {
  for (const auto& run : runs) readers_.emplace_back(run);
}

void RunsReader::choose() {
  now_ = nullptr;
  for (auto& reader : readers_) {
    if (!reader.at_end() && (now_ == nullptr || reader.name() < now_->name())) now_ = &reader;
  }
}

result<> RunsReader::seek(std::string_view key) {
  for (auto& reader : readers_) {
    auto outcome = reader.seek(key);
    last_read_ = reader.last_read();
    if (!outcome) return outcome;
  }
  choose();
  return {};
}

result<> RunsReader::next() {
  for (auto& reader : readers_) {
    if (&reader == now_ || reader.at_end() || reader.name() != now_->name()) continue;
    auto outcome = reader.next();
    last_read_ = reader.last_read();
    if (!outcome) return outcome;
  }
  auto outcome = now_->next();
  last_read_ = now_->last_read();
  if (!outcome) return outcome;
  choose();
  return {};
}

result<std::optional<SubjectSpan>> RunsReader::find(std::string_view name) {
  for (auto& reader : readers_) {
    auto found = reader.find(name);
    last_read_ = reader.last_read();
    if (!found || found->has_value()) return found;
  }
  return std::optional<SubjectSpan>();
}

// ---- RunWriter --------------------------------------------------------------------------------

result<RunWriter> RunWriter::create(const Directory& directory, std::uint64_t log,
                                    std::uint64_t number, std::uint64_t salt) {
  RunWriter writer;
  auto file = directory.open(run_file_name(number), DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
  if (!file) return file.error();
  writer.file_ = *file;
  writer.log_ = log;
  writer.note_.number = number;
  writer.note_.salt = salt;
  return writer;
}

result<> RunWriter::add(std::string_view name, const SubjectSpan& span) {
  if (block_.empty()) {
    const auto offset = note_.bytes + out_.size();
    put_varint(fences_, offset - last_fence_);
    last_fence_ = offset;
    put_varint(fences_, name.size());
    fences_.insert(fences_.end(), name.begin(), name.end());
    block_.resize(sum_bytes);
    last_name_.clear();
  }
  put_run_entry(last_name_, name, span, block_);
  last_name_.assign(name);
  ++note_.entries;
  if (block_.size() >= block_bytes) end_block();
  return out_.size() >= write_bytes ? write() : result<>();
}

void RunWriter::end_block() {
  if (block_.empty()) return;
  const auto content = std::span<const std::uint8_t>(block_).subspan(sum_bytes);
  store_le(block_.data(), block_sum(note_.salt, note_.bytes + out_.size(), content));
  out_.insert(out_.end(), block_.begin(), block_.end());
  block_.clear();
}

result<> RunWriter::write() {
  if (auto outcome = file_->write(note_.bytes, out_); !outcome) return outcome;
  note_.bytes += out_.size();
  out_.clear();
  return {};
}

result<RunNote> RunWriter::finish() {
  end_block();
  if (auto outcome = write(); !outcome) return outcome.error();
  const auto fences_at = note_.bytes;
  out_ = std::move(fences_);
  storage_file::Writer end(out_);
  end.number(magic);
  end.number(log_);
  end.number(note_.number);
  end.number(note_.salt);
  end.number(note_.entries);
  end.number(fences_at);
  note_.sum = crc32c(0, out_.data(), out_.size());
  end.number(note_.sum);
  if (auto outcome = write(); !outcome) return outcome.error();
  if (auto outcome = file_->resize(note_.bytes); !outcome) return outcome.error();
  if (auto outcome = file_->sync(); !outcome) return outcome.error();
  return note_;
}

}  // namespace dunlin::storage_file::engine
