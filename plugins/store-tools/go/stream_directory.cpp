#include "plugins/store-tools/go/stream_directory.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "plugins/store-tools/go/lifetime.hpp"

namespace dunlin::store_tools {
namespace {

constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 30;
constexpr std::size_t hash_bytes = 8;

std::string text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hex(std::uint64_t hash) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  // As bytes of little endian, first byte first.
  for (int i = 0; i < 8; ++i) {
    const auto byte = (hash >> (8 * i)) & 0xff;
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

// "12.blk" is block 12; everything else in that directory is not.
std::optional<std::uint32_t> block_number(std::string_view name) {
  std::uint32_t number = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
  if (read.ec != std::errc() || std::string_view(read.ptr) != ".blk") return std::nullopt;
  return number;
}

bool contains(const std::vector<std::uint64_t>& sorted, std::uint64_t seq) {
  return std::binary_search(sorted.begin(), sorted.end(), seq);
}

std::optional<GoTimes> read_times(const Fs& fs, const std::string& path,
                                  std::optional<GoTimes> (*read)(BytesView)) {
  auto file = read_whole_file(fs, path);
  return file ? read(*file) : std::nullopt;
}

}  // namespace

result<std::vector<std::uint8_t>> read_whole_file(const Fs& fs, const std::string& path) {
  auto file = fs.open(path, DUNLIN_FS_READ);
  if (!file) return file.error();
  auto size = (*file).size();
  if (!size) return size.error();
  if (*size > file_bytes_max) return fail(DUNLIN_E_LIMIT, path + " is too large to be one");
  std::vector<std::uint8_t> bytes(*size);
  auto got = (*file).read_at(0, bytes);
  if (!got) return got.error();
  bytes.resize(*got);
  return bytes;
}

bool GoStream::is_compressed() const noexcept {
  return config_.find("\"compression\":\"s2\"") != std::string::npos;
}

std::string GoStream::path_of(std::uint32_t block) const {
  return directory_ + "/msgs/" + std::to_string(block) + ".blk";
}

result<std::optional<GoSeed>> GoStream::seed_in(const std::string& path,
                                                std::string_view name) const {
  auto file = read_whole_file(*fs_, path);
  if (!file) {
    if (file.error().status == DUNLIN_E_NOT_FOUND) return std::optional<GoSeed>();
    return file.error();
  }
  if (origin_.keys.empty()) {
    return fail(DUNLIN_E_DENIED, path + ": it is encrypted, and its key is not kept with it: give "
                                        "jetstream.key of nats-server's configuration in a file "
                                        "(--key-file) or the variable NATS_JETSTREAM_KEY");
  }
  auto seed = GoSeed::open(*file, origin_.keys, origin_.account, name);
  if (!seed) {
    return fail(DUNLIN_E_DENIED, path + " is not opened by the key given: it was encrypted with "
                                        "another key, in another account or under another name, "
                                        "or it is damaged");
  }
  return seed;
}

result<GoStream::Config> GoStream::read_config(const std::string& directory,
                                               std::string_view hashed_name,
                                               std::string_view sealed_name) const {
  auto seed = seed_in(directory + "/meta.key", sealed_name);
  if (!seed) return seed.error();
  auto meta = read_whole_file(*fs_, directory + "/meta.inf");
  if (!meta) return meta.error();
  auto sum = read_whole_file(*fs_, directory + "/meta.sum");
  if (!sum) return sum.error();
  HighwayHash hash(hash_key(hashed_name));
  hash.update(*meta);
  if (text(*sum) != hex(hash.finish())) {
    return fail(DUNLIN_E_CORRUPT,
                directory + "/meta.inf does not match meta.sum: one of them is damaged");
  }
  if (!*seed) return Config{text(*meta), std::nullopt};
  const auto plain = (**seed).unseal(*meta);
  if (!plain) {
    return fail(DUNLIN_E_CORRUPT, directory + "/meta.inf is not of meta.key: one of them is "
                                              "older than the other");
  }
  return Config{text(*plain), std::move(*seed)};
}

result<GoStream> GoStream::open(const Fs& fs, std::string directory, GoOrigin origin,
                                GoReport report) {
  GoStream stream(fs, std::move(directory), std::move(origin), std::move(report));
  const auto& name = stream.origin_.stream;
  auto config = stream.read_config(stream.directory_, name, name);
  if (!config) return config.error();
  stream.config_ = std::move((*config).json);
  stream.seed_ = std::move((*config).seed);
  if (auto ok = stream.find_blocks(); !ok) return ok.error();
  if (auto ok = stream.find_state(); !ok) return ok.error();
  const auto msgs = stream.directory_ + "/msgs";
  stream.expiries_ = read_times(fs, msgs + "/thw.db", read_go_expiries).value_or(GoTimes{});
  stream.schedules_ = read_times(fs, msgs + "/sched.db", read_go_schedules).value_or(GoTimes{});
  return stream;
}

result<> GoStream::find_blocks() {
  auto items = fs_->list(directory_ + "/msgs");
  if (!items) return items.error().status == DUNLIN_E_NOT_FOUND ? result<>() : items.error();
  for (const Fs::Item& item : *items) {
    if (const auto number = block_number(item.name)) blocks_.push_back(*number);
  }
  std::sort(blocks_.begin(), blocks_.end());
  if (fs_->list(directory_ + "/__new_msgs__") || fs_->list(directory_ + "/__msgs__")) {
    report_({directory_, 0, 0, 0,
             "nats-server stopped in the middle of a purge; start it once on this directory and "
             "stop it again, so that it ends the purge"});
  }
  return {};
}

// An index tells what was deleted without a note in the blocks. It counts only when it was written
// behind the last record there is.
bool GoStream::index_is_current() const {
  if (blocks_.empty() || blocks_.back() != index_->last_block) return false;
  auto file = read_block(index_->last_block);
  if (!file) return false;
  if ((*file).size() < hash_bytes) return index_->last_hash == 0;
  return load_le<std::uint64_t>(&*((*file).end() - hash_bytes)) == index_->last_hash;
}

void GoStream::report_missing_blocks() const {
  for (const GoBlockState& block : index_->blocks) {
    if (std::binary_search(blocks_.begin(), blocks_.end(), block.block)) continue;
    const auto last = std::min(block.last, last_in_blocks_);
    if (live_between(*index_, block.first, last) == 0) continue;
    report_({path_of(block.block), 0, block.first, last, "this block is missing"});
  }
}

// The index is believed when it was written behind the last record of the blocks.
result<> GoStream::find_state() {
  const auto path = directory_ + "/msgs/index.db";
  auto file = read_whole_file(*fs_, path);
  if (file) index_ = read_go_index(*file, hash_key(origin_.stream), seed_ ? &*seed_ : nullptr);
  if (!index_ || !index_is_current()) {
    auto index = std::exchange(index_, std::nullopt);
    if (auto ok = scan(); !ok) return ok;
    last_in_blocks_ = last_;
    if (!index || index->last <= last_) {
      if (!blocks_.empty()) {
        report_({path, 0, 0, 0,
                 "the index is missing, damaged or older than the blocks (nats-server was not "
                 "stopped cleanly): messages that limits of the stream had removed may be there "
                 "again, until the limits remove them",
                 false});
      }
      return {};
    }
    index_ = std::move(index);
    if (live_between(*index_, last_ + 1, index_->last) != 0) {
      report_({path, 0, last_ + 1, index_->last,
               "these messages are in the index and not in the blocks, whose end is missing"});
    }
  } else {
    last_in_blocks_ = index_->last;
  }
  first_ = index_->first;
  last_ = index_->last;
  last_time_ns_ = index_->last_time_ns;
  // Whatever an index says, sequences begin at 1.
  if (first_ == 0) first_ = last_ + 1;
  report_missing_blocks();
  return {};
}

// Without an index: the notes of deletions first, since they may stand in later blocks.
result<> GoStream::scan() {
  std::uint64_t first_live = 0;
  std::vector<std::uint64_t> live;
  for (const auto block : blocks_) {
    walk(
        block,
        [&](const GoRecord& record) {
          if (record.kind == GoRecordKind::tombstone) tombstones_.push_back(record.seq);
          if (record.seq >= last_ && record.seq != 0) {
            last_ = record.seq;
            last_time_ns_ = record.time_ns;
          }
          return true;
        },
        [](const GoFinding&) {});
  }
  std::sort(tombstones_.begin(), tombstones_.end());
  for (const auto block : blocks_) {
    if (first_live != 0) break;
    walk(
        block,
        [&](const GoRecord& record) {
          if (record.kind == GoRecordKind::message && !contains(tombstones_, record.seq))
            first_live = record.seq;
          return first_live == 0;
        },
        [](const GoFinding&) {});
  }
  first_ = first_live != 0 ? first_live : last_ + 1;
  return {};
}

bool GoStream::is_live(std::uint32_t block, std::uint64_t seq) const {
  if (seq < first_ || seq > last_) return false;
  if (!index_) return !contains(tombstones_, seq);
  for (const GoBlockState& state : index_->blocks) {
    if (state.block == block)
      return seq >= state.first && seq <= state.last && !contains(state.deleted, seq);
  }
  return false;
}

GoMessage GoStream::dated(const GoRecord& record) const {
  GoMessage message{record};
  if (record.seq < expiries_.valid_below) {
    const auto found = expiries_.by_seq.find(record.seq);
    if (found != expiries_.by_seq.end()) message.expires_ns = found->second;
  } else if (config_.find("\"allow_msg_ttl\":true") != std::string::npos) {
    const auto lifetime = lifetime_ns(header_value(record.header, "Nats-TTL"));
    if (lifetime > 0 && lifetime < INT64_MAX - record.time_ns)
      message.expires_ns = record.time_ns + lifetime;
  }
  const auto due = schedules_.by_seq.find(record.seq);
  if (due != schedules_.by_seq.end()) {
    message.due_ns = due->second;
  } else if (record.seq >= schedules_.valid_below &&
             !header_value(record.header, "Nats-Schedule").empty()) {
    report_({directory_ + "/msgs/sched.db", 0, record.seq, record.seq,
             "when this schedule is due is not written there: publish it again", false});
  }
  return message;
}

result<std::vector<std::uint8_t>> GoStream::read_block(std::uint32_t block) const {
  const auto number = std::to_string(block);
  auto file = read_whole_file(*fs_, path_of(block));
  if (!file) return file;
  auto seed = seed_in(directory_ + "/msgs/" + number + ".key",
                      origin_.stream + ":" + number);
  if (!seed) return seed.error();
  if (*seed && !(**seed).decrypt_block(*file))
    return fail(DUNLIN_E_UNSUPPORTED, "OpenSSL cannot decrypt AES-256-CTR here");
  return file;
}

void GoStream::walk(std::uint32_t block, const std::function<bool(const GoRecord&)>& visit,
                    const std::function<void(const GoFinding&)>& damaged) const {
  const auto path = path_of(block);
  auto file = read_block(block);
  if (!file) {
    damaged({path, 0, 0, 0, file.error().text});
    return;
  }
  auto plain = plain_block(std::move(*file), file_bytes_max);
  if (!plain) {
    damaged({path, 0, 0, 0, plain.error().text});
    return;
  }
  GoBlockReader reader(*plain, block_key(origin_.stream, block));
  GoRecord record;
  GoDamage damage;
  for (;;) {
    const auto step = reader.next(record, damage);
    if (step == GoBlockReader::Step::end) return;
    if (step == GoBlockReader::Step::record) {
      if (!visit(record)) return;
      continue;
    }
    const bool is_cut =
        damage.is_torn_end && block == blocks_.back() && last_in_blocks_ == last_;
    damaged({path, damage.offset, 0, 0,
             std::string(damage.what) + " (" + std::to_string(damage.size) + " bytes)" +
                 (is_cut ? ": the last thing written before nats-server stopped" : "")});
  }
}

// What was found damaged is told once the next good message shows which sequences it may have been.
struct GoStream::Progress {
  const GoStream& stream;
  std::uint64_t next;  // the first sequence not seen
  std::vector<GoFinding> damaged;

  void tell(std::uint64_t up_to) {
    for (GoFinding& finding : damaged) {
      if (next <= up_to) {
        finding.first = next;
        finding.last = up_to;
        if (stream.index_ && live_between(*stream.index_, next, up_to) == 0) {
          finding.text += "; nothing is lost, what was there had been deleted";
          finding.is_loss = false;
        }
      }
      stream.report_(finding);
    }
    damaged.clear();
  }
};

result<> GoStream::visit(const std::function<result<>(const GoMessage&)>& visit) const {
  Progress progress{*this, first_, {}};
  result<> outcome;
  for (const auto block : blocks_) {
    walk(
        block,
        [&](const GoRecord& record) {
          if (record.kind == GoRecordKind::tombstone || record.seq < progress.next) return true;
          progress.tell(record.seq - 1);
          progress.next = record.seq + 1;
          if (record.kind != GoRecordKind::message || !is_live(block, record.seq)) return true;
          outcome = visit(dated(record));
          return outcome.has_value();
        },
        [&](const GoFinding& finding) { progress.damaged.push_back(finding); });
    if (!outcome) return outcome;
  }
  progress.tell(last_in_blocks_);
  return {};
}

std::vector<GoSource> GoStream::sources() const {
  const auto path = directory_ + "/sources.db";
  auto file = read_whole_file(*fs_, path);
  if (!file) return {};
  auto sources = read_go_sources(*file);
  if (sources) return std::move(*sources);
  report_({path, 0, 0, 0, "it is damaged: the stream will find out anew how far its sources are",
           false});
  return {};
}

result<std::vector<GoStream::Consumer>> GoStream::consumers() const {
  std::vector<Consumer> consumers;
  auto items = fs_->list(directory_ + "/obs");
  if (!items) {
    if (items.error().status == DUNLIN_E_NOT_FOUND) return consumers;
    return items.error();
  }
  std::sort((*items).begin(), (*items).end(),
            [](const Fs::Item& a, const Fs::Item& b) { return a.name < b.name; });
  for (const Fs::Item& item : *items) {
    if (item.kind != DUNLIN_FS_DIRECTORY) continue;
    const auto directory = directory_ + "/obs/" + item.name;
    auto config = read_config(directory, origin_.stream + "/" + item.name,
                              origin_.stream + "." + item.name);
    if (!config) {
      report_({directory + "/meta.inf", 0, 0, 0, config.error().text});
      continue;
    }
    Consumer consumer{item.name, std::move((*config).json), std::nullopt};
    const auto& seed = (*config).seed;
    if (auto file = read_whole_file(*fs_, directory + "/o.dat"); file && !(*file).empty()) {
      consumer.state = read_go_consumer(*file, seed ? &*seed : nullptr);
      if (!consumer.state)
        report_({directory + "/o.dat", 0, 0, 0,
                 "it is damaged: the consumer begins where its configuration says"});
    }
    consumers.push_back(std::move(consumer));
  }
  return consumers;
}

}  // namespace dunlin::store_tools
