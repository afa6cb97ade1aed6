#include "plugins/storage-file/log/segment_maker.hpp"

#include <algorithm>

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint32_t slice_bytes = 512u << 10;

bool is_missing(const result<>& outcome) {
  return !outcome && outcome.error().status == DUNLIN_E_NOT_FOUND;
}

}  // namespace

// A file on its way to be a segment, or a spare.
struct SegmentMaker::Fill {
  std::uint64_t number = 0;
  std::uint32_t capacity = 0;
  std::string name;  // while it is made
  std::shared_ptr<File> file;
  std::uint32_t filled = 0;
  std::function<void(result<MadeSegment>)> made;  // one of the two
  std::function<void(result<>)> stocked;
};

result<> SegmentMaker::start() {
  const std::lock_guard lock(mutex_);
  auto items = directory_.list();
  if (!items) return items.error();
  for (const auto& item : *items) {
    const bool is_spare = item.name.ends_with(spare_suffix);
    if (is_spare && spares_.size() < store_.settings.spare_segments) {
      spares_.push_back({item.name, item.size});
    } else if (is_spare || item.name.ends_with(fresh_suffix)) {
      if (auto outcome = directory_.remove(item.name); !outcome) return outcome;
    }
  }
  return {};
}

// Is there one, then it is the file that is made.
result<bool> SegmentMaker::take_spare(Fill& fill) {
  Spare spare;
  {
    const std::lock_guard lock(mutex_);
    const auto fits = std::find_if(spares_.begin(), spares_.end(), [&](const Spare& each) {
      return each.bytes >= fill.capacity && each.bytes <= UINT32_MAX;
    });
    if (fits == spares_.end()) return false;
    spare = *fits;
    spares_.erase(fits);
  }
  if (auto outcome = directory_.rename(spare.name, fill.name); !outcome) return outcome.error();
  auto file = directory_.open(fill.name, DUNLIN_FS_WRITE);
  if (!file) return file.error();
  fill.file = std::move(*file);
  fill.capacity = fill.filled = static_cast<std::uint32_t>(spare.bytes);
  return true;
}

result<> SegmentMaker::fill_slice(Fill& fill) {
  if (!fill.file) {
    auto file = directory_.open(fill.name, DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
    if (!file) return file.error();
    fill.file = std::move(*file);
  }
  const auto bytes = fills_ ? std::min(slice_bytes, fill.capacity - fill.filled) : fill.capacity;
  auto outcome = result<>();
  if (!fills_) {
    outcome = fill.file->resize(bytes);
  } else if (bytes == fill.capacity) {
    outcome = fill.file->zero_fill(bytes);
  } else {
    static const std::vector<std::uint8_t> zeros(slice_bytes);
    outcome = fill.file->write(fill.filled, std::span(zeros).first(bytes));
  }
  if (!outcome) return outcome;
  fill.filled += bytes;
  return fill.file->sync();
}

result<MadeSegment> SegmentMaker::finish(const Fill& fill) {
  MadeSegment made{fill.number, store_.random.below(0), fill.capacity, fill.file};
  const auto header =
      encode_header({row_.id, made.number, made.salt, store_.store_id, made.capacity});
  if (auto outcome = made.file->write(0, header); !outcome) return outcome.error();
  if (auto outcome = made.file->sync(); !outcome) return outcome.error();
  const auto name = segment_file_name(fill.number);
  if (auto outcome = directory_.rename(fill.name, name); !outcome) return outcome.error();
  if (auto outcome = directory_.sync(); !outcome) return outcome.error();
  return made;
}

result<MadeSegment> SegmentMaker::make(std::uint64_t number, std::uint32_t capacity) {
  Fill fill;
  fill.number = number;
  fill.capacity = capacity;
  fill.name = fresh_file_name(number);
  const auto is_spare = take_spare(fill);
  if (!is_spare) return is_spare.error();
  while (fill.filled < fill.capacity) {
    if (auto outcome = fill_slice(fill); !outcome) {
      fill.file.reset();
      static_cast<void>(directory_.remove(fill.name));
      return outcome.error();
    }
  }
  return finish(fill);
}

SegmentMaker::FillPtr SegmentMaker::new_fill(std::uint64_t number, std::uint32_t capacity) {
  auto fill = std::make_shared<Fill>();
  fill->number = number;
  fill->capacity = capacity;
  fill->name = fresh_file_name(number);
  return fill;
}

void SegmentMaker::make_ahead(std::uint64_t number, std::uint32_t capacity,
                              std::function<void(result<MadeSegment>)> done) {
  auto fill = new_fill(number, capacity);
  fill->made = std::move(done);
  post(fill);
}

void SegmentMaker::stock(std::uint64_t number, std::uint32_t capacity,
                         std::function<void(result<>)> done) {
  auto fill = new_fill(number, capacity);
  fill->stocked = std::move(done);
  post(fill);
}

bool SegmentMaker::wants_stock(std::uint32_t capacity) {
  const std::lock_guard lock(mutex_);
  const auto fitting = std::count_if(spares_.begin(), spares_.end(), [&](const Spare& spare) {
    return spare.bytes >= capacity;
  });
  // The other half is for files that come back: a log whose old segments go makes none.
  return static_cast<std::size_t>(fitting) < (store_.settings.spare_segments + 1) / 2;
}

// Refused only when the server has stopped the plugin; everything was closed before that.
void SegmentMaker::post(const FillPtr& fill) {
  static_cast<void>(store_.executor.post_worker([this, fill] { go_on(fill); }));
}

void SegmentMaker::go_on(const FillPtr& fill) {
  result<> outcome;
  if (is_stopped_) {
    outcome = fail(DUNLIN_E_CANCELLED, "the log is being closed");
  } else if (fill->made && !fill->file) {
    const auto is_spare = take_spare(*fill);
    if (!is_spare) outcome = is_spare.error();
  }
  if (outcome && fill->filled < fill->capacity) outcome = fill_slice(*fill);
  if (outcome && fill->filled < fill->capacity) {
    post(fill);
    return;
  }
  if (!outcome && fill->file) {
    fill->file.reset();
    static_cast<void>(directory_.remove(fill->name));
  }
  if (fill->stocked) {
    fill->file.reset();
    const auto spare = spare_file_name(fill->number);
    if (outcome) outcome = keep(fill->name, spare, fill->capacity);
    fill->stocked(std::move(outcome));
    return;
  }
  fill->made(outcome ? finish(*fill) : result<MadeSegment>(outcome.error()));
}

// Makes a file a spare when there is a place for it, or when it is larger than one that has one.
result<> SegmentMaker::keep(const std::string& name, const std::string& spare,
                            std::uint64_t bytes) {
  std::string goes;
  {
    const std::lock_guard lock(mutex_);
    if (spares_.size() >= store_.settings.spare_segments) {
      const auto least = std::min_element(
          spares_.begin(), spares_.end(),
          [](const Spare& a, const Spare& b) { return a.bytes < b.bytes; });
      if (least == spares_.end() || least->bytes >= bytes) {
        goes = name;
      } else {
        goes = least->name;
        spares_.erase(least);
      }
    }
  }
  if (!goes.empty()) {
    const auto outcome = directory_.remove(goes);
    if (goes == name || (!outcome && !is_missing(outcome))) {
      return is_missing(outcome) ? result<>() : outcome;
    }
  }
  if (auto outcome = directory_.rename(name, spare); !outcome) {
    return is_missing(outcome) ? result<>() : outcome;
  }
  const std::lock_guard lock(mutex_);
  spares_.push_back({spare, bytes});
  return {};
}

result<> SegmentMaker::retire(std::uint64_t number, std::uint64_t bytes) {
  const auto name = segment_file_name(number);
  const auto index = directory_.remove(index_file_name(number));
  if (!index && !is_missing(index)) return index;
  if (bytes != 0) return keep(name, spare_file_name(number), bytes);
  const auto outcome = directory_.remove(name);
  return is_missing(outcome) ? result<>() : outcome;
}

}  // namespace dunlin::storage_file::engine
