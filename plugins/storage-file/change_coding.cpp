#include "change_coding.hpp"

namespace dunlin::storage_file {
namespace {

enum class Kind : std::uint8_t {
  put_segment = 1,
  erase_segment = 2,
  put_checkpoint = 3,
  add_damage = 4,
  clear_damage = 5,
  set_epoch = 6,
  scanned = 7,
  put_log = 8,
  erase_log = 9,
  put_meta = 10,
  erase_meta = 11,
  next_log = 12,
};

constexpr std::uint8_t flag_subjects = 1;
constexpr std::uint8_t flag_must_scan = 2;

class Encoder {
 public:
  explicit Encoder(Bytes& out) : to_(out) {}

  void operator()(const change::PutSegment& change) {
    begin(Kind::put_segment, change.log);
    const auto& row = change.row;
    to_.number(row.number);
    to_.text(row.file);
    to_.number(static_cast<std::uint8_t>(row.state));
    to_.number(row.epoch);
    to_.number(row.first_seq);
    to_.number(row.last_seq);
    to_.number(row.first_time_ns);
    to_.number(row.last_time_ns);
    to_.number(row.bytes);
    to_.number(row.key_id);
    Bytes indexes;
    encode_indexes(row.indexes, indexes);
    to_.text(text_of(indexes));
    to_.text(row.extra);
  }
  void operator()(const change::EraseSegment& change) {
    begin(Kind::erase_segment, change.log);
    to_.number(change.number);
  }
  void operator()(const change::PutCheckpoint& change) {
    begin(Kind::put_checkpoint, change.log);
    to_.text(change.blob);
  }
  void operator()(const change::AddDamage& change) {
    begin(Kind::add_damage, change.log);
    to_.number(change.row.first);
    to_.number(change.row.last);
    to_.text(change.row.file);
    to_.number(change.row.offset);
    to_.text(change.row.text);
  }
  void operator()(const change::ClearDamage& change) { begin(Kind::clear_damage, change.log); }
  void operator()(const change::SetEpoch& change) {
    begin(Kind::set_epoch, change.log);
    to_.number(change.epoch);
  }
  void operator()(const change::Scanned& change) { begin(Kind::scanned, change.log); }
  void operator()(const change::PutLog& change) {
    const auto& row = change.row;
    begin(Kind::put_log, row.id);
    to_.text(row.name);
    to_.text(row.directory);
    to_.number(row.first_seq);
    to_.number(static_cast<std::uint8_t>((row.has_subjects ? flag_subjects : 0) |
                                         (row.must_scan ? flag_must_scan : 0)));
    to_.number(row.epoch);
  }
  void operator()(const change::EraseLog& change) { begin(Kind::erase_log, change.log); }
  void operator()(const change::PutMeta& change) {
    to_.number(static_cast<std::uint8_t>(Kind::put_meta));
    to_.text(change.item.path);
    to_.text(change.item.blob);
  }
  void operator()(const change::EraseMeta& change) {
    to_.number(static_cast<std::uint8_t>(Kind::erase_meta));
    to_.text(change.path);
  }
  void operator()(const change::NextLog& change) { begin(Kind::next_log, change.next); }

 private:
  void begin(Kind kind, LogId log) {
    to_.number(static_cast<std::uint8_t>(kind));
    to_.number(log);
  }
  Writer to_;
};

SegmentRow decode_segment(Reader& in, bool& is_good) {
  SegmentRow row;
  row.number = in.number<std::uint64_t>();
  row.file = in.text();
  const auto state = in.number<std::uint8_t>();
  row.state = static_cast<SegmentState>(state);
  row.epoch = in.number<std::uint64_t>();
  row.first_seq = in.number<std::uint64_t>();
  row.last_seq = in.number<std::uint64_t>();
  row.first_time_ns = in.number<std::int64_t>();
  row.last_time_ns = in.number<std::int64_t>();
  row.bytes = in.number<std::uint64_t>();
  row.key_id = in.number<std::uint32_t>();
  const auto raw = in.text();
  auto indexes = decode_indexes(bytes_of(raw));
  is_good = indexes && state >= 1 && state <= static_cast<std::uint8_t>(SegmentState::to_wipe);
  if (indexes) row.indexes = std::move(*indexes);
  row.extra = in.text();
  return row;
}

LogRow decode_log(Reader& in, LogId id) {
  LogRow row;
  row.id = id;
  row.name = in.text();
  row.directory = in.text();
  row.first_seq = in.number<std::uint64_t>();
  const auto flags = in.number<std::uint8_t>();
  row.has_subjects = (flags & flag_subjects) != 0;
  row.must_scan = (flags & flag_must_scan) != 0;
  row.epoch = in.number<std::uint64_t>();
  return row;
}

DamageRow decode_damage(Reader& in) {
  DamageRow row;
  row.first = in.number<std::uint64_t>();
  row.last = in.number<std::uint64_t>();
  row.file = in.text();
  row.offset = in.number<std::uint64_t>();
  row.text = in.text();
  return row;
}

Error corrupt() { return fail(DUNLIN_E_CORRUPT, "this is not a change of the catalogue"); }

}  // namespace

void encode_change(const Change& change, Bytes& out) { std::visit(Encoder(out), change); }

result<Change> decode_change(Reader& in) {
  const auto kind = static_cast<Kind>(in.number<std::uint8_t>());
  Change change;
  bool is_good = true;
  if (kind == Kind::put_meta) {
    auto path = in.text();
    change = change::PutMeta{{std::move(path), in.text()}};
  } else if (kind == Kind::erase_meta) {
    change = change::EraseMeta{in.text()};
  } else {
    const auto log = in.number<LogId>();
    switch (kind) {
      case Kind::put_segment: change = change::PutSegment{log, decode_segment(in, is_good)}; break;
      case Kind::erase_segment:
        change = change::EraseSegment{log, in.number<std::uint64_t>()};
        break;
      case Kind::put_checkpoint: change = change::PutCheckpoint{log, in.text()}; break;
      case Kind::add_damage: change = change::AddDamage{log, decode_damage(in)}; break;
      case Kind::clear_damage: change = change::ClearDamage{log}; break;
      case Kind::set_epoch: change = change::SetEpoch{log, in.number<std::uint64_t>()}; break;
      case Kind::scanned: change = change::Scanned{log}; break;
      case Kind::put_log: change = change::PutLog{decode_log(in, log)}; break;
      case Kind::erase_log: change = change::EraseLog{log}; break;
      case Kind::next_log: change = change::NextLog{log}; break;
      default: return corrupt();
    }
  }
  if (!in.ok() || !is_good) return corrupt();
  return change;
}

void encode_indexes(const std::vector<FileSum>& indexes, Bytes& out) {
  Writer to(out);
  for (const auto& index : indexes) {
    to.text(index.file);
    to.number(index.bytes);
    to.number(index.sum);
  }
}

result<std::vector<FileSum>> decode_indexes(BytesView in) {
  std::vector<FileSum> out;
  Reader from(in);
  while (from.left() > 0) {
    FileSum index;
    index.file = from.text();
    index.bytes = from.number<std::uint64_t>();
    index.sum = from.number<std::uint64_t>();
    if (!from.ok()) return corrupt();
    out.push_back(std::move(index));
  }
  return out;
}

}  // namespace dunlin::storage_file
