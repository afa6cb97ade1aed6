#include "sdk/testkit/reference/journal.hpp"

#include <cstring>
#include <stdexcept>

#include "sdk/testkit/base.hpp"

namespace dunlin::testkit::reference {
namespace {

constexpr std::string_view magic = "ENTRY:";
constexpr std::size_t head_bytes = magic.size() + 16;  // length and hash
constexpr std::size_t entry_max = 70'000'000;

std::uint64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t out = 0;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

std::string framed(std::string_view entry) {
  Pack head;
  head.bytes = magic;
  head.number(entry.size()).number(hash_bytes(hash_start, entry));
  return head.bytes.append(entry);
}

}  // namespace

Pack& Pack::number(std::uint64_t value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return *this;
}

Pack& Pack::text(std::string_view value) {
  number(value.size());
  bytes.append(value);
  return *this;
}

std::uint64_t Unpack::number() {
  if (rest_.size() < 8) throw std::runtime_error("entry too short");
  const auto out = number_at(rest_, 0);
  rest_.remove_prefix(8);
  return out;
}

std::string Unpack::text() {
  const auto size = number();
  if (rest_.size() < size) throw std::runtime_error("entry too short");
  std::string out(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return out;
}

Journal::Journal(Host host, std::string dir, std::string name, Fault fault)
    : host_(host), fs_(host.get<Fs>()), dir_(std::move(dir)), name_(std::move(name)),
      fault_(fault) {}

Journal::~Journal() {
  if (file_ != nullptr) fs_.raw().close(host_.raw(), file_);
}

void Journal::check(dunlin_status status, const char* what) const {
  if (status != DUNLIN_OK) throw Error{status, cat(what, " ", path(), " failed"), 0};
}

bool Journal::exists() const {
  dunlin_file* file = nullptr;
  for (const auto& name : {path(), note_path()}) {
    if (fs_.raw().open(host_.raw(), detail::str(name), DUNLIN_FS_READ, &file, nullptr) !=
        DUNLIN_OK) {
      continue;
    }
    fs_.raw().close(host_.raw(), file);
    return true;
  }
  return false;
}

std::string Journal::read_all(const std::string& name) const {
  dunlin_file* file = nullptr;
  check(fs_.raw().open(host_.raw(), detail::str(name), DUNLIN_FS_READ, &file, nullptr), "open");
  std::uint64_t size = 0;
  auto status = fs_.raw().size(host_.raw(), file, &size, nullptr);
  std::string bytes(size, '\0');
  std::size_t got = 0;
  if (status == DUNLIN_OK) {
    status = fs_.raw().read_at(host_.raw(), file, 0, reinterpret_cast<std::uint8_t*>(bytes.data()),
                               bytes.size(), &got, nullptr);
  }
  fs_.raw().close(host_.raw(), file);
  check(status, "read");
  bytes.resize(got);
  return bytes;
}

// The note says how long the journal was when it was closed; it goes before the first change.
void Journal::take_note() {
  dunlin_file* file = nullptr;
  const auto& fs = fs_.raw();
  const auto found = fs.open(host_.raw(), detail::str(note_path()), DUNLIN_FS_READ, &file, nullptr);
  if (found == DUNLIN_E_NOT_FOUND) return;
  check(found, "open");
  fs.close(host_.raw(), file);
  const std::string note = read_all(note_path());
  if (note.size() == 16 && number_at(note, 8) == hash_number(hash_start, number_at(note, 0))) {
    clean_ = true;
    noted_ = number_at(note, 0);
  } else {
    clean_ = true;  // there was a note, so the journal was complete
  }
}

void Journal::open(bool create, const std::function<void(std::string_view)>& use,
                   const std::function<void(std::uint64_t offset)>& bad) {
  const auto& fs = fs_.raw();
  take_note();
  const std::uint32_t flags = DUNLIN_FS_WRITE | (create && !clean_ ? DUNLIN_FS_CREATE : 0);
  const auto status = fs.open(host_.raw(), detail::str(path()), flags, &file_, nullptr);
  if (status == DUNLIN_E_NOT_FOUND && clean_) {
    cut_short_ = true;
    bad(0);
    check(fs.open(host_.raw(), detail::str(path()), flags | DUNLIN_FS_CREATE, &file_, nullptr),
          "open");
  } else {
    check(status, "open");
  }
  if (fault_ != Fault::no_directory_sync) {
    check(fs.sync_dir(host_.raw(), detail::str(dir_), nullptr), "sync");
  }
  replay(use, bad);
  if (clean_ && !cut_short_) {
    check(fs.remove(host_.raw(), detail::str(note_path()), nullptr), "remove");
    check(fs.sync_dir(host_.raw(), detail::str(dir_), nullptr), "sync");
  }
}

void Journal::replay(const std::function<void(std::string_view)>& use,
                     const std::function<void(std::uint64_t offset)>& bad) {
  const std::string all = read_all(path());
  const std::string_view bytes = all;
  std::uint64_t good_end = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const bool head = bytes.size() - at >= head_bytes && bytes.substr(at, magic.size()) == magic;
    const std::uint64_t size = head ? number_at(bytes, at + magic.size()) : entry_max;
    if (!head || size > bytes.size() - at - head_bytes) {
      // Behind the end of the last flush nothing follows; else look for the next entry.
      if (!clean_ && fault_ != Fault::hole) break;
      bad(at);
      const auto next = bytes.find(magic, at + 1);
      at = next == std::string_view::npos ? bytes.size() : next;
      continue;
    }
    const auto entry = bytes.substr(at + head_bytes, size);
    const bool right = number_at(bytes, at + magic.size() + 8) == hash_bytes(hash_start, entry);
    if (!right && !clean_ && fault_ != Fault::hole && fault_ != Fault::serve_corrupt) break;
    if (right || fault_ == Fault::serve_corrupt) {
      use(entry);
    } else {
      bad(at);
    }
    at += head_bytes + size;
    good_end = at;
  }
  if (clean_ && bytes.size() < noted_) {
    cut_short_ = true;
    bad(bytes.size());
  }
  end_ = clean_ ? bytes.size() : good_end;
  if (end_ == bytes.size()) return;
  check(fs_.raw().resize(host_.raw(), file_, end_, nullptr), "resize");
  check(fs_.raw().sync_file(host_.raw(), file_, nullptr), "sync");
}

void Journal::add(std::string entry) {
  const std::lock_guard lock(mutex_);
  buffer_ += framed(entry);
}

dunlin_status Journal::flush() {
  return fault_ == Fault::ack_before_write ? DUNLIN_OK : write_out();
}

dunlin_status Journal::write_out() {
  std::string bytes;
  {
    const std::lock_guard lock(mutex_);
    bytes.swap(buffer_);
  }
  if (!bytes.empty()) {
    const dunlin_bytes part = detail::bytes(bytes);
    const auto status = fs_.raw().write_at(host_.raw(), file_, end_, &part, 1, nullptr);
    if (status != DUNLIN_OK) {
      // Nothing of it counts yet; the next flush writes it at the same place.
      const std::lock_guard lock(mutex_);
      buffer_.insert(0, bytes);
      return status;
    }
    end_ += bytes.size();
  }
  if (fault_ == Fault::ack_before_sync) return DUNLIN_OK;
  return fs_.raw().sync_file(host_.raw(), file_, nullptr);
}

dunlin_status Journal::close() {
  if (const auto status = write_out(); status != DUNLIN_OK) return status;
  if (cut_short_) return DUNLIN_OK;
  dunlin_file* note = nullptr;
  const auto& fs = fs_.raw();
  const auto opened = fs.open(host_.raw(), detail::str(note_path()),
                              DUNLIN_FS_WRITE | DUNLIN_FS_CREATE, &note, nullptr);
  if (opened != DUNLIN_OK) return opened;
  Pack pack;
  pack.number(end_).number(hash_number(hash_start, end_));
  const dunlin_bytes part = detail::bytes(pack.bytes);
  auto status = fs.write_at(host_.raw(), note, 0, &part, 1, nullptr);
  if (status == DUNLIN_OK) status = fs.sync_file(host_.raw(), note, nullptr);
  fs.close(host_.raw(), note);
  if (status != DUNLIN_OK) return status;
  return fs.sync_dir(host_.raw(), detail::str(dir_), nullptr);
}

void Journal::remove() {
  fs_.raw().remove(host_.raw(), detail::str(note_path()), nullptr);
  check(fs_.raw().remove(host_.raw(), detail::str(path()), nullptr), "remove");
  check(fs_.raw().sync_dir(host_.raw(), detail::str(dir_), nullptr), "sync");
}

}  // namespace dunlin::testkit::reference
