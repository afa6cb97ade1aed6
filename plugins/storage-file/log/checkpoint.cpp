#include "plugins/storage-file/log/checkpoint.hpp"

#include <cstdio>

#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/crc32c.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint64_t magic = 0x3350434e4c4e4c44;  // "DLNLNCP3"
constexpr std::uint32_t note_version = 1;
using Out = storage_file::Writer;

void put_segments(const State& state, Out& out) {
  out.number(static_cast<std::uint64_t>(state.view().segments.size()));
  for (const auto& segment : state.view().segments) {
    out.number(segment->number);
    out.number(segment->salt);
    out.number(segment->used);
    out.number(segment->capacity);
    out.number(segment->first_seq);
    out.number(segment->end_seq);
    out.number(segment->first_time_ns);
    out.number(segment->last_time_ns);
    out.number(segment->records);
    out.number(segment->live);
    out.number(segment->live_bytes);
    out.number(segment->first_live);
    out.number(segment->first_live_time_ns);
    out.number(static_cast<std::uint8_t>((segment->is_sealed ? 1 : 0) |
                                         (segment->has_damage ? 2 : 0) |
                                         (segment->has_index_file ? 4 : 0) |
                                         (segment->must_rewrite ? 8 : 0)));
    out.number(segment->key_id);
    out.number(segment->compression);
    out.number(segment->clean_to);
    out.number(segment->kept_bytes);
  }
}

void get_segments(Reader& in, State& state) {
  for (auto left = in.number<std::uint64_t>(); left > 0 && in.ok(); --left) {
    auto segment = std::make_shared<Segment>();
    segment->number = in.number<std::uint64_t>();
    segment->salt = in.number<std::uint64_t>();
    segment->used = in.number<std::uint32_t>();
    segment->capacity = in.number<std::uint32_t>();
    segment->first_seq = in.number<std::uint64_t>();
    segment->end_seq = in.number<std::uint64_t>();
    segment->first_time_ns = in.number<std::int64_t>();
    segment->last_time_ns = in.number<std::int64_t>();
    segment->records = in.number<std::uint64_t>();
    segment->live = in.number<std::uint64_t>();
    segment->live_bytes = in.number<std::uint64_t>();
    segment->first_live = in.number<std::uint64_t>();
    segment->first_live_time_ns = in.number<std::int64_t>();
    const auto flags = in.number<std::uint8_t>();
    segment->is_sealed = segment->is_recorded = (flags & 1) != 0;
    segment->has_damage = (flags & 2) != 0;
    segment->has_index_file = (flags & 4) != 0;
    segment->must_rewrite = (flags & 8) != 0;
    segment->key_id = in.number<std::uint32_t>();
    segment->compression = in.number<std::uint32_t>();
    segment->clean_to = in.number<std::uint64_t>();
    segment->kept_bytes = in.number<std::uint32_t>();
    state.segments().push_back(std::move(segment));
  }
}

void put_ranges(const State& state, Out& out) {
  const auto& view = state.view();
  std::vector<Range> gaps;
  if (view.first <= view.last) {
    view.gaps->each(view.first, view.last, [&](std::uint64_t first, std::uint64_t last) {
      gaps.push_back({first, last});
      return true;
    });
  }
  out.number(static_cast<std::uint64_t>(gaps.size()));
  for (const auto& gap : gaps) {
    out.number(gap.first);
    out.number(gap.last);
  }
  out.number(static_cast<std::uint64_t>(view.damaged.size()));
  for (const auto& [first, last] : view.damaged) {
    out.number(first);
    out.number(last);
  }
}

void get_ranges(Reader& in, State& state) {
  for (auto left = in.number<std::uint64_t>(); left > 0 && in.ok(); --left) {
    const auto first = in.number<std::uint64_t>();
    state.restore_gap(first, in.number<std::uint64_t>());
  }
  for (auto left = in.number<std::uint64_t>(); left > 0 && in.ok(); --left) {
    const auto first = in.number<std::uint64_t>();
    state.restore_damage(first, in.number<std::uint64_t>());
  }
}

// Items whose record is gone are dropped on the occasion.
template <class IsAlive>
void put_due(storage::DueIndex& index, Out& out, IsAlive&& is_alive) {
  std::vector<storage::DueIndex::Item> alive, dead;
  index.each_due(storage::DueIndex::never, [&](const storage::DueIndex::Item& item) {
    (is_alive(item) ? alive : dead).push_back(item);
    return true;
  });
  for (const auto& item : dead) index.erase(item.at_ns, item.seq);
  out.number(static_cast<std::uint64_t>(alive.size()));
  for (const auto& item : alive) {
    out.number(item.at_ns);
    out.number(item.seq);
  }
}

}  // namespace

std::string checkpoint_file_name(std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%016llx.ckp", static_cast<unsigned long long>(number));
  return name;
}

std::string encode_note(const CheckpointNote& note) {
  std::vector<std::uint8_t> bytes;
  Out out(bytes);
  out.number(note_version);
  out.number(note.number);
  out.number(note.bytes);
  out.number(note.sum);
  out.number(note.position.segment);
  out.number(note.position.offset);
  out.number(note.last_seq);
  out.number(note.next_number);
  out.number(static_cast<std::uint8_t>(note.is_clean));
  return std::string(text_of(bytes));
}

std::optional<CheckpointNote> decode_note(std::string_view blob) {
  Reader in(bytes_of(blob));
  if (in.number<std::uint32_t>() != note_version) return std::nullopt;
  CheckpointNote note;
  note.number = in.number<std::uint64_t>();
  note.bytes = in.number<std::uint64_t>();
  note.sum = in.number<std::uint32_t>();
  note.position.segment = in.number<std::uint64_t>();
  note.position.offset = in.number<std::uint32_t>();
  note.last_seq = in.number<std::uint64_t>();
  note.next_number = in.number<std::uint64_t>();
  note.is_clean = in.number<std::uint8_t>() != 0;
  return in.ok() ? std::optional(note) : std::nullopt;
}

std::vector<std::uint8_t> encode_state(State& state) {
  std::vector<std::uint8_t> bytes;
  Out out(bytes);
  out.number(magic);
  out.number(state.first_seq());
  out.number(state.last_seq());
  out.number(state.bytes());
  out.number(state.last_time_ns());
  put_segments(state, out);
  put_ranges(state, out);
  const auto& view = state.view();
  put_due(state.expiries(), out, [&](const auto& item) { return view.is_live(item.seq); });
  put_due(state.schedules(), out, [&](const auto& item) {
    return view.is_live(item.seq) && state.is_scheduled(item.seq, item.at_ns);
  });
  out.number(static_cast<std::uint8_t>(state.has_truncated()));
  return bytes;
}

void put_runs(const std::vector<RunNote>& runs, std::uint64_t live,
              std::vector<std::uint8_t>& bytes) {
  Out out(bytes);
  out.number(live);
  out.number(static_cast<std::uint64_t>(runs.size()));
  for (const auto& note : runs) {
    out.number(note.number);
    out.number(note.salt);
    out.number(note.bytes);
    out.number(note.entries);
    out.number(note.sum);
  }
}

result<DecodedState> decode_state(std::span<const std::uint8_t> bytes, bool has_subjects,
                                  std::uint64_t seed) {
  Reader in(bytes);
  const auto corrupt = fail(DUNLIN_E_CORRUPT, "the checkpoint is damaged");
  if (in.number<std::uint64_t>() != magic) return corrupt;
  State::Sums sums;
  sums.first = in.number<std::uint64_t>();
  sums.last = in.number<std::uint64_t>();
  sums.bytes = in.number<std::uint64_t>();
  sums.last_time_ns = in.number<std::int64_t>();
  DecodedState decoded;
  decoded.state = std::make_unique<State>(1, has_subjects, seed);
  auto& state = *decoded.state;
  state.restore(sums);
  get_segments(in, state);
  get_ranges(in, state);
  for (auto left = in.number<std::uint64_t>(); left > 0 && in.ok(); --left) {
    const auto at_ns = in.number<std::int64_t>();
    state.expiries().insert(at_ns, in.number<std::uint64_t>());
  }
  for (auto left = in.number<std::uint64_t>(); left > 0 && in.ok(); --left) {
    const auto at_ns = in.number<std::int64_t>();
    state.restore_schedule(in.number<std::uint64_t>(), at_ns);
  }
  if (in.number<std::uint8_t>() != 0) state.restore_truncated();
  decoded.live = in.number<std::uint64_t>();
  for (auto left = in.number<std::uint64_t>(); left > 0 && in.ok(); --left) {
    RunNote note;
    note.number = in.number<std::uint64_t>();
    note.salt = in.number<std::uint64_t>();
    note.bytes = in.number<std::uint64_t>();
    note.entries = in.number<std::uint64_t>();
    note.sum = in.number<std::uint32_t>();
    decoded.runs.push_back(note);
  }
  if (!in.ok() || in.left() != 0) return corrupt;
  return decoded;
}

}  // namespace dunlin::storage_file::engine
