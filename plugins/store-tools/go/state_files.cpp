#include "plugins/store-tools/go/state_files.hpp"

#include <dunlin/deleted_blocks.hpp>

#include <algorithm>

namespace dunlin::store_tools {
namespace {

constexpr std::uint8_t index_magic = 11;
constexpr std::uint8_t index_version_max = 4;
constexpr std::uint8_t consumer_magic = 22;
constexpr std::uint8_t times_version = 1;
constexpr std::size_t hash_bytes = 8;
constexpr std::int64_t second_ns = 1'000'000'000;

std::string text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Arithmetic on numbers of a file, which may be anything.
std::int64_t wrapping_add(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t seconds(std::int64_t count) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(count) *
                                   static_cast<std::uint64_t>(second_ns));
}

// The set of nats-server's snapshots, here in a row with other things.
bool read_set(Reader& in, std::vector<std::uint64_t>& out) {
  const auto before = in.rest();
  std::string_view rest(reinterpret_cast<const char*>(before.data()), before.size());
  if (!begins_deleted_set(rest)) return false;
  const bool is_good = decode_deleted_block(rest, [&](std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) out.push_back(first + i);
  });
  static_cast<void>(in.take(before.size() - rest.size()));
  std::sort(out.begin(), out.end());
  return is_good;
}

void skip_subjects(Reader& in, std::uint8_t version) {
  const auto subjects = in.unsigned_number();
  for (std::uint64_t i = 0; i < subjects && !in.failed(); ++i) {
    const auto size = in.unsigned_number();
    if (size == 0) continue;
    static_cast<void>(in.take(size));
    const auto total = in.unsigned_number();
    static_cast<void>(in.unsigned_number());
    if (total > 1 || version >= 4) static_cast<void>(in.unsigned_number());
  }
}

bool read_block_state(Reader& in, std::uint8_t version, GoBlockState& block) {
  block.block = static_cast<std::uint32_t>(in.unsigned_number());
  static_cast<void>(in.unsigned_number());  // bytes
  block.first = in.unsigned_number();
  static_cast<void>(in.signed_number());
  block.last = in.unsigned_number();
  static_cast<void>(in.signed_number());
  const auto deleted = in.unsigned_number();
  if (version >= 2) static_cast<void>(in.unsigned_number());  // with a lifetime
  if (version >= 3) static_cast<void>(in.unsigned_number());  // scheduled
  return !in.failed() && (deleted == 0 || read_set(in, block.deleted));
}

// What was sealed is in `room` then. A stream that was restored from a backup has plain files at
// first; whoever asks finds out whether this is one.
BytesView unsealed(BytesView content, const GoSeed* seed, std::vector<std::uint8_t>& room) {
  auto plain = seed == nullptr ? std::nullopt : seed->unseal(content);
  if (!plain) return content;
  room = std::move(*plain);
  return room;
}

// The head that the three files of times and sources share.
struct Head {
  std::uint64_t count = 0, stamp = 0;
};
std::optional<Head> read_head(Reader& in) {
  const auto version = in.fixed<std::uint8_t>();
  Head head{in.fixed<std::uint64_t>(), in.fixed<std::uint64_t>()};
  if (in.failed() || version != times_version) return std::nullopt;
  return head;
}

}  // namespace

std::uint64_t live_between(const GoIndex& index, std::uint64_t first, std::uint64_t last) noexcept {
  std::uint64_t live = 0;
  for (const GoBlockState& block : index.blocks) {
    const auto from = std::max(first, block.first), to = std::min(last, block.last);
    if (from == 0 || from > to) continue;
    const auto& deleted = block.deleted;
    const auto gone = std::upper_bound(deleted.begin(), deleted.end(), to) -
                      std::lower_bound(deleted.begin(), deleted.end(), from);
    live += to - from + 1 - static_cast<std::uint64_t>(gone);
  }
  return live;
}

std::optional<GoIndex> read_go_index(BytesView file, const HighwayHash::Key& key,
                                     const GoSeed* seed) {
  if (file.size() < hash_bytes + 2) return std::nullopt;
  const auto content = file.first(file.size() - hash_bytes);
  HighwayHash hash(key);
  hash.update(content);
  if (hash.finish() != load_le<std::uint64_t>(file.data() + content.size())) return std::nullopt;
  std::vector<std::uint8_t> room;
  Reader in(unsealed(content, seed, room));
  const auto magic = in.fixed<std::uint8_t>();
  const auto version = in.fixed<std::uint8_t>();
  if (magic != index_magic || version == 0 || version > index_version_max) return std::nullopt;
  GoIndex index;
  index.records = in.unsigned_number();
  static_cast<void>(in.unsigned_number());  // bytes
  index.first = in.unsigned_number();
  static_cast<void>(in.signed_number());
  index.last = in.unsigned_number();
  index.last_time_ns = in.signed_number();
  skip_subjects(in, version);
  const auto blocks = in.unsigned_number();
  for (std::uint64_t i = 0; i < blocks; ++i) {
    if (!read_block_state(in, version, index.blocks.emplace_back())) return std::nullopt;
  }
  index.last_block = static_cast<std::uint32_t>(in.unsigned_number());
  index.last_hash = in.fixed<std::uint64_t>();
  if (in.failed()) return std::nullopt;
  return index;
}

std::optional<GoTimes> read_go_expiries(BytesView file) {
  Reader in(file);
  const auto head = read_head(in);
  if (!head) return std::nullopt;
  GoTimes times{head->stamp, {}};
  for (std::uint64_t i = 0; i < head->count; ++i) {
    const auto time = in.signed_number();
    const auto seq = in.unsigned_number();
    if (in.failed()) return std::nullopt;
    times.by_seq[seq] = time;
  }
  return times;
}

std::optional<GoTimes> read_go_schedules(BytesView file) {
  Reader in(file);
  const auto head = read_head(in);
  if (!head) return std::nullopt;
  GoTimes times{head->stamp, {}};
  for (std::uint64_t i = 0; i < head->count; ++i) {
    static_cast<void>(in.take(in.fixed<std::uint16_t>()));  // the subject
    const auto time = in.signed_number();
    const auto seq = in.unsigned_number();
    if (in.failed()) return std::nullopt;
    times.by_seq[seq] = time;
  }
  return times;
}

std::optional<std::vector<GoSource>> read_go_sources(BytesView file) {
  Reader in(file);
  const auto head = read_head(in);
  if (!head) return std::nullopt;
  std::vector<GoSource> sources;
  for (std::uint64_t i = 0; i < head->count; ++i) {
    GoSource source;
    source.name = text(in.take(in.unsigned_number()));
    source.seq = in.unsigned_number();
    source.identity = text(in.take(in.unsigned_number()));
    if (in.failed()) return std::nullopt;
    sources.push_back(std::move(source));
  }
  return sources;
}

namespace {

// Version 1 kept what would be delivered next, relative to the floor, and no consumer sequences.
void adjust_version_1(GoConsumer& state) {
  if (state.ack_floor.consumer > 1) state.delivered.consumer += state.ack_floor.consumer - 1;
  if (state.ack_floor.stream > 1) state.delivered.stream += state.ack_floor.stream - 1;
}

bool read_pending(Reader& in, std::uint8_t version, GoConsumer& state) {
  const auto count = in.unsigned_number();
  if (count == 0) return !in.failed();
  const auto base = in.signed_number();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto seq = in.unsigned_number() + state.ack_floor.stream;
    GoPending pending;
    if (version > 1) pending.consumer = in.unsigned_number() + state.ack_floor.consumer;
    const auto time = in.signed_number();
    if (in.failed() || seq == 0) return false;
    pending.time_ns = version > 1 ? seconds(wrapping_add(base, wrapping_add(~time, 1)))
                                  : seconds(wrapping_add(base, time));
    state.pending[seq] = pending;
  }
  return true;
}

}  // namespace

std::optional<GoConsumer> read_go_consumer(BytesView file, const GoSeed* seed) {
  std::vector<std::uint8_t> room;
  Reader in(unsealed(file, seed, room));
  const auto magic = in.fixed<std::uint8_t>();
  const auto version = in.fixed<std::uint8_t>();
  if (in.failed() || magic != consumer_magic || (version != 1 && version != 2))
    return std::nullopt;
  GoConsumer state;
  state.ack_floor.consumer = in.unsigned_number();
  state.ack_floor.stream = in.unsigned_number();
  state.delivered.consumer = in.unsigned_number();
  state.delivered.stream = in.unsigned_number();
  if (version == 1) adjust_version_1(state);
  if (((state.ack_floor.stream | state.delivered.stream) >> 63) != 0) return std::nullopt;
  if (!read_pending(in, version, state)) return std::nullopt;
  const auto redelivered = in.unsigned_number();
  for (std::uint64_t i = 0; i < redelivered && !in.failed(); ++i) {
    const auto seq = in.unsigned_number();
    const auto times = in.unsigned_number();
    if (seq > 0 && times > 0) state.redelivered[seq + state.ack_floor.stream] = times;
  }
  if (in.failed()) return std::nullopt;
  return state;
}

}  // namespace dunlin::store_tools
