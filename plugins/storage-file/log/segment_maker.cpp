#include "plugins/storage-file/log/segment_maker.hpp"

#include <algorithm>

namespace dunlin::storage_file::engine {
namespace {

constexpr std::string_view fresh_suffix = ".new", spare_suffix = ".old";

std::string with_suffix(std::uint64_t number, std::string_view suffix) {
  auto name = segment_file_name(number);
  name.resize(name.rfind('.'));
  return name + std::string(suffix);
}

bool is_missing(const result<>& outcome) {
  return !outcome && outcome.error().status == DUNLIN_E_NOT_FOUND;
}

}  // namespace

result<> SegmentMaker::start() {
  const std::lock_guard lock(mutex_);
  auto items = directory_.list();
  if (!items) return items.error();
  for (const auto& item : *items) {
    if (item.name.ends_with(fresh_suffix)) {
      if (auto outcome = directory_.remove(item.name); !outcome) return outcome;
    } else if (item.name.ends_with(spare_suffix)) {
      spares_.push_back({item.name, item.size});
    }
  }
  return {};
}

result<std::shared_ptr<File>> SegmentMaker::take_file(const std::string& name,
                                                      std::uint32_t& capacity) {
  const auto fits = std::find_if(spares_.begin(), spares_.end(), [&](const Spare& spare) {
    return spare.bytes >= capacity && spare.bytes <= UINT32_MAX;
  });
  if (fits != spares_.end()) {
    const auto spare = *fits;
    spares_.erase(fits);
    if (auto outcome = directory_.rename(spare.name, name); !outcome) return outcome.error();
    capacity = static_cast<std::uint32_t>(spare.bytes);
    return directory_.open(name, DUNLIN_FS_WRITE);
  }
  auto file = directory_.open(name, DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
  if (!file) return file.error();
  if (auto outcome = (*file)->zero_fill(capacity); !outcome) {
    file = std::shared_ptr<File>();
    static_cast<void>(directory_.remove(name));
    return outcome.error();
  }
  return *file;
}

result<MadeSegment> SegmentMaker::make(std::uint64_t number, std::uint32_t capacity) {
  const std::lock_guard lock(mutex_);
  MadeSegment made;
  made.number = number;
  made.salt = store_.random.below(0);
  const auto fresh = with_suffix(number, fresh_suffix);
  auto file = take_file(fresh, capacity);
  if (!file) return file.error();
  made.capacity = capacity;
  made.file = *file;
  const auto header = encode_header({row_.id, number, made.salt, store_.store_id, capacity});
  if (auto outcome = made.file->write(0, header); !outcome) return outcome.error();
  if (auto outcome = made.file->sync(); !outcome) return outcome.error();
  if (auto outcome = directory_.rename(fresh, segment_file_name(number)); !outcome) {
    return outcome.error();
  }
  if (auto outcome = directory_.sync(); !outcome) return outcome.error();
  return made;
}

result<> SegmentMaker::retire(std::uint64_t number, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto name = segment_file_name(number);
  const auto index = directory_.remove(index_file_name(number));
  if (!index && !is_missing(index)) return index;
  if (spares_.size() >= spares_max || bytes == 0) {
    const auto outcome = directory_.remove(name);
    return is_missing(outcome) ? result<>() : outcome;
  }
  const auto spare = with_suffix(number, spare_suffix);
  if (auto outcome = directory_.rename(name, spare); !outcome) {
    return is_missing(outcome) ? result<>() : outcome;
  }
  spares_.push_back({spare, bytes});
  return {};
}

}  // namespace dunlin::storage_file::engine
