#include "plugins/storage-file/log/index_file.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "plugins/storage-common/subject_table.hpp"
#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/crc32c.hpp"
#include "plugins/storage-file/log/entry.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint64_t magic = 0x3258444e494c4e44;  // "DNLINDX2"
constexpr std::size_t head_bytes = 8 + 24 + 1;

std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Differences of times may be larger than a time.
std::int64_t difference(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t sum(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

constexpr unsigned item_flag_bits = 6;
std::uint64_t item_flags(const SegmentIndex::Item& item, bool is_behind_gap) noexcept {
  return std::uint64_t{is_behind_gap} | std::uint64_t{item.has_header} << 1 |
         std::uint64_t{item.has_expiry} << 2 | std::uint64_t{item.has_due} << 3 |
         std::uint64_t{item.has_long_seq} << 4 | std::uint64_t{item.carries_mark} << 5;
}

// Ids of the subjects in byte order, and back. A subject that came back after its last record was
// removed has several; they become one.
struct Order {
  std::vector<std::uint32_t> ids, rank;
};

Order order_of(const SegmentIndex& index) {
  Order order;
  order.ids.resize(index.subjects());
  std::iota(order.ids.begin(), order.ids.end(), 0u);
  std::sort(order.ids.begin(), order.ids.end(), [&](std::uint32_t a, std::uint32_t b) {
    return index.name(a) < index.name(b);
  });
  order.rank.resize(order.ids.size());
  std::vector<std::uint32_t> distinct;
  for (const auto id : order.ids) {
    if (distinct.empty() || index.name(distinct.back()) != index.name(id)) distinct.push_back(id);
    order.rank[id] = static_cast<std::uint32_t>(distinct.size() - 1);
  }
  order.ids = std::move(distinct);
  return order;
}

void put_subjects(const SegmentIndex& index, const Order& order, std::vector<std::uint8_t>& out) {
  put_varint(out, order.ids.size());
  std::string_view before;
  for (const auto id : order.ids) {
    const auto name = index.name(id);
    const auto* differs =
        std::mismatch(name.begin(), name.end(), before.begin(), before.end()).first;
    const auto shared = differs - name.begin();
    put_varint(out, static_cast<std::uint64_t>(shared));
    put_varint(out, name.size() - static_cast<std::size_t>(shared));
    out.insert(out.end(), differs, name.end());
    before = name;
  }
}

void put_items(const SegmentIndex& index, const Order& order, std::vector<std::uint8_t>& out) {
  put_varint(out, index.size());
  const bool has_blocks = index.size() != 0 && index.item(0).block != SegmentIndex::none;
  out.push_back(has_blocks ? 1 : 0);
  std::uint32_t place = 0, bytes = 0;
  std::uint32_t block = SegmentIndex::none;
  std::int64_t time = 0;
  for (std::uint32_t at = 0; at < index.size(); ++at) {
    const auto& item = index.item(at);
    if (has_blocks) {
      put_varint(out, item.block - block);
      if (item.block != block) place = 0;
      block = item.block;
    }
    const bool is_behind_gap = item.offset != place;
    const auto larger = std::int64_t{item.entry_bytes} - std::int64_t{bytes};
    put_varint(out, zigzag(larger) << item_flag_bits | item_flags(item, is_behind_gap));
    if (is_behind_gap) put_varint(out, item.offset - place);
    place = item.offset + padded(item.entry_bytes);
    bytes = item.entry_bytes;
    put_varint(out, zigzag(difference(item.time_ns, time)));
    time = item.time_ns;
    if (!index.has_subjects()) continue;
    const auto subject = index.link(at).subject;
    put_varint(out, subject == SegmentIndex::none ? 0 : order.rank[subject] + 1u);
  }
}

// Reads varints; the first that is missing ends it all.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> in) : in_(in) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    if (!get_varint(in_, value)) ok_ = false;
    return value;
  }
  // A count of things of which each takes at least one byte.
  std::uint64_t count() {
    const auto value = number();
    if (value > in_.size()) ok_ = false;
    return ok_ ? value : 0;
  }
  std::string_view text() {
    const auto size = count();
    const auto taken = in_.first(size);
    in_ = in_.subspan(size);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::span<const std::uint8_t> in_;
  bool ok_ = true;
};

bool get_items(Input& in, SegmentIndex& index, const std::vector<SegmentIndex::Run>& runs) {
  const auto count = in.count();
  const bool has_blocks = in.number() != 0;
  std::uint32_t place = 0;
  std::int64_t bytes = 0;
  std::uint32_t block = SegmentIndex::none;
  std::int64_t time = 0;
  std::size_t run = 0;
  for (std::uint32_t at = 0; at < count && in.ok(); ++at) {
    if (run < runs.size() && runs[run].item == at) ++run;
    if (run == 0) return false;
    SegmentIndex::Item item;
    if (has_blocks) {
      item.block = block + static_cast<std::uint32_t>(in.number());
      if (item.block != block) place = 0;
      block = item.block;
    }
    const auto word = in.number();
    bytes = sum(bytes, unzigzag(word >> item_flag_bits));
    if (bytes > entry_bytes_max) return false;
    item.entry_bytes = static_cast<std::uint32_t>(bytes) & entry_bytes_max;
    item.has_header = (word >> 1) & 1;
    item.has_expiry = (word >> 2) & 1;
    item.has_due = (word >> 3) & 1;
    item.has_long_seq = (word >> 4) & 1;
    item.carries_mark = (word >> 5) & 1;
    if (bytes < overhead(item)) return false;
    item.offset = place;
    if ((word & 1) != 0) item.offset += static_cast<std::uint32_t>(in.number());
    place = item.offset + padded(item.entry_bytes);
    time = sum(time, unzigzag(in.number()));
    item.time_ns = time;
    std::uint64_t subject = 0;
    if (index.has_subjects()) subject = in.number();
    if (subject > index.subjects()) return false;
    const auto& now = runs[run - 1];
    if (at - now.item >= UINT64_MAX - now.first_seq) return false;
    index.add(now.first_seq + (at - now.item), item,
              subject == 0 ? SegmentIndex::none : static_cast<std::uint32_t>(subject - 1));
  }
  return in.ok();
}

// Ascending, each behind the end of the one before.
bool get_runs(Input& in, std::vector<SegmentIndex::Run>& runs) {
  runs.resize(in.count());
  SegmentIndex::Run before{0, 0};
  for (auto& run : runs) {
    const auto distance = in.number(), items = in.number();
    const bool is_first = &run == &runs.front();
    const bool is_behind = is_first ? items == 0 : items > 0 && distance >= items;
    if (!is_behind || items > UINT32_MAX - before.item || distance > UINT64_MAX - before.first_seq)
      return false;
    run = before = {before.first_seq + distance,
                    before.item + static_cast<std::uint32_t>(items)};
  }
  return in.ok();
}

bool get_index(Input& in, SegmentIndex& index) {
  std::vector<SegmentIndex::Run> runs;
  if (!get_runs(in, runs)) return false;
  std::string name;
  for (auto left = in.count(); left > 0 && in.ok(); --left) {
    const auto shared = in.number();
    const auto rest = in.text();
    if (shared > name.size()) return false;
    const std::string_view replaced(name.data() + shared, name.size() - shared);
    if (index.subjects() != 0 && rest <= replaced) return false;
    name.resize(shared);
    name += rest;
    if (name.size() > storage::SubjectTable::subject_bytes_max) return false;
    index.add_subject(name, SegmentIndex::none);
  }
  index.set_sorted();
  return in.ok() && get_items(in, index, runs);
}

}  // namespace

std::vector<std::uint8_t> encode_index(const SegmentIndex& index, const IndexOwner& owner) {
  std::vector<std::uint8_t> out;
  out.reserve(head_bytes + 8u * index.size());
  storage_file::Writer head(out);
  head.number(magic);
  head.number(owner.log);
  head.number(owner.number);
  head.number(owner.salt);
  head.number(static_cast<std::uint8_t>(index.has_subjects()));
  put_varint(out, index.runs().size());
  SegmentIndex::Run before{0, 0};
  for (const auto& run : index.runs()) {
    put_varint(out, run.first_seq - before.first_seq);
    put_varint(out, run.item - before.item);
    before = run;
  }
  const auto order = order_of(index);
  put_subjects(index, order, out);
  put_items(index, order, out);
  head.number(crc32c(0, out.data(), out.size()));
  return out;
}

result<std::shared_ptr<SegmentIndex>> decode_index(std::span<const std::uint8_t> bytes,
                                                   const IndexOwner& owner) {
  const auto corrupt = fail(DUNLIN_E_CORRUPT, "the index is damaged");
  if (bytes.size() < head_bytes + 4) return corrupt;
  const auto content = bytes.first(bytes.size() - 4);
  if (load_le<std::uint32_t>(bytes.data() + content.size()) !=
      crc32c(0, content.data(), content.size())) {
    return corrupt;
  }
  Reader in(content);
  const auto found_magic = in.number<std::uint64_t>();
  IndexOwner found;
  found.log = in.number<std::uint64_t>();
  found.number = in.number<std::uint64_t>();
  found.salt = in.number<std::uint64_t>();
  const bool has_subjects = in.number<std::uint8_t>() != 0;
  if (found_magic != magic || !(found == owner)) {
    return fail(DUNLIN_E_CORRUPT, "the index belongs to another segment");
  }
  auto index = std::make_shared<SegmentIndex>(has_subjects);
  Input body(content.subspan(head_bytes));
  if (!get_index(body, *index)) return corrupt;
  return index;
}

}  // namespace dunlin::storage_file::engine
