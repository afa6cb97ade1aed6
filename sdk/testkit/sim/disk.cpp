#include "sdk/testkit/sim/disk.hpp"

#include <algorithm>
#include <cstring>

namespace dunlin::testkit {
namespace {

constexpr std::uint32_t root = 1;

void put(Content& content, const DiskChange& change) {
  switch (change.kind) {
    case DiskChange::write: content.write(change.offset, change.bytes); break;
    case DiskChange::resize: content.resize(change.offset); break;
    case DiskChange::zero_fill:
      content.resize(0);
      content.resize(change.offset);
      break;
    default: break;
  }
}

}  // namespace

const char* cut_name(Cut cut) {
  static constexpr const char* names[] = {"lost", "kept", "torn", "reordered"};
  return names[static_cast<int>(cut)];
}

void Content::resize(std::uint64_t size) {
  if (size < size_) {
    const std::uint64_t first_gone = (size + page_bytes - 1) / page_bytes;
    pages_.erase(pages_.lower_bound(first_gone), pages_.end());
    if (size % page_bytes != 0) {
      const std::uint64_t rest = page_bytes - size % page_bytes;
      zero(size, std::min(rest, size_ - size));
    }
  }
  size_ = size;
}

void Content::write(std::uint64_t offset, std::string_view bytes) {
  size_ = std::max(size_, offset + bytes.size());
  while (!bytes.empty()) {
    const std::uint64_t at = offset % page_bytes;
    const std::size_t n = std::min<std::size_t>(bytes.size(), page_bytes - at);
    auto& page = pages_[offset / page_bytes];
    if (page == nullptr) {
      page = std::make_shared<Page>();
    } else if (page.use_count() > 1) {
      page = std::make_shared<Page>(*page);
    }
    std::memcpy(page->data() + at, bytes.data(), n);
    bytes.remove_prefix(n);
    offset += n;
  }
}

void Content::zero(std::uint64_t offset, std::uint64_t count) {
  static const std::string zeros(page_bytes, '\0');
  const std::uint64_t end = std::min(offset + count, size_);
  while (offset < end) {
    const std::uint64_t at = offset % page_bytes;
    const std::uint64_t n = std::min(end - offset, page_bytes - at);
    if (n == page_bytes) {
      pages_.erase(offset / page_bytes);
    } else if (pages_.contains(offset / page_bytes)) {
      write(offset, std::string_view(zeros).substr(0, n));
    }
    offset += n;
  }
}

std::size_t Content::read(std::uint64_t offset, std::uint8_t* out, std::size_t n) const {
  if (offset >= size_) return 0;
  n = static_cast<std::size_t>(std::min<std::uint64_t>(n, size_ - offset));
  for (std::size_t done = 0; done < n;) {
    const std::uint64_t at = (offset + done) % page_bytes;
    const std::size_t part = std::min<std::size_t>(n - done, page_bytes - at);
    const auto page = pages_.find((offset + done) / page_bytes);
    if (page == pages_.end()) {
      std::memset(out + done, 0, part);
    } else {
      std::memcpy(out + done, page->second->data() + at, part);
    }
    done += part;
  }
  return n;
}

std::string Content::text() const {
  std::string out(size_, '\0');
  read(0, reinterpret_cast<std::uint8_t*>(out.data()), out.size());
  return out;
}

void Content::share(const Content& from, std::uint64_t offset, std::uint64_t count) {
  if (count == 0) return;
  const std::uint64_t first = offset / page_bytes;
  const std::uint64_t last = (offset + count - 1) / page_bytes;
  pages_.erase(pages_.lower_bound(first), pages_.upper_bound(last));
  for (auto page = from.pages_.lower_bound(first);
       page != from.pages_.end() && page->first <= last; ++page) {
    pages_.insert(*page);
  }
}

Disk::Disk(std::uint32_t sector_bytes) : sector_(sector_bytes), inodes_(2) {
  inodes_[root].dir = true;
}

std::uint32_t Disk::find(const std::string& path) const {
  std::uint32_t at = root;
  std::size_t begin = 1;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) {
      if (!inodes_[at].dir) return 0;
      const auto name = inodes_[at].names.find(path.substr(begin, end - begin));
      if (name == inodes_[at].names.end()) return 0;
      at = name->second;
    }
    begin = end + 1;
  }
  return at;
}

std::vector<std::string> Disk::files(const std::string& dir) const {
  std::vector<std::string> out;
  const std::uint32_t at = find(dir);
  if (at == 0) return out;
  for (const auto& [name, inode] : inodes_[at].names) {
    const std::string path = dir + "/" + name;
    if (inodes_[inode].dir) {
      const auto below = files(path);
      out.insert(out.end(), below.begin(), below.end());
    } else {
      out.push_back(path);
    }
  }
  return out;
}

std::optional<std::pair<std::uint32_t, std::string>> Disk::parent(const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) return std::nullopt;
  const std::uint32_t dir = slash == 0 ? root : find(path.substr(0, slash));
  if (dir == 0 || !inodes_[dir].dir) return std::nullopt;
  return std::pair{dir, path.substr(slash + 1)};
}

void Disk::edit(NameChange change) {
  for (const auto& one : change) {
    if (one.inode == 0) {
      inodes_[one.dir].names.erase(one.name);
    } else {
      inodes_[one.dir].names[one.name] = one.inode;
    }
  }
  pending_names_.push_back(std::move(change));
}

dunlin_status Disk::apply(const DiskChange& change) {
  dunlin_status status = DUNLIN_OK;
  switch (change.kind) {
    case DiskChange::write:
    case DiskChange::resize:
    case DiskChange::zero_fill: status = change_file(change); break;
    case DiskChange::sync_file: sync_file(inodes_[change.inode]); break;
    default: status = change_names(change);
  }
  if (status == DUNLIN_OK && recorder != nullptr) recorder->push_back(change);
  return status;
}

dunlin_status Disk::change_file(const DiskChange& change) {
  Inode& inode = inodes_[change.inode];
  const std::uint64_t before = inode.now.size();
  const std::uint64_t after = change.kind == DiskChange::write
                                  ? std::max(before, change.offset + change.bytes.size())
                                  : change.offset;
  if (after > before && used_ + (after - before) > capacity) return DUNLIN_E_NO_SPACE;
  used_ = used_ + after - before;
  put(inode.now, change);
  inode.pending.push_back(change);
  return DUNLIN_OK;
}

dunlin_status Disk::change_names(const DiskChange& change) {
  const std::uint32_t at = find(change.path);
  if (change.kind == DiskChange::sync_dir) {
    if (at == 0 || !inodes_[at].dir) return DUNLIN_E_NOT_FOUND;
    std::erase_if(pending_names_, [&](const NameChange& names) {
      const auto touches = [&](const NameEdit& one) { return one.dir == at; };
      if (std::none_of(names.begin(), names.end(), touches)) return false;
      for (const auto& one : names) {
        auto& durable = inodes_[one.dir].durable_names;
        durable.erase(one.name);
        if (one.inode != 0) durable[one.name] = one.inode;
      }
      return true;
    });
    return DUNLIN_OK;
  }
  const auto place = parent(change.path);
  if (!place) return DUNLIN_E_NOT_FOUND;
  if (change.kind == DiskChange::create || change.kind == DiskChange::make_dir) {
    if (at != 0) return DUNLIN_E_EXISTS;
    inodes_.emplace_back();
    inodes_.back().dir = change.kind == DiskChange::make_dir;
    edit({{place->first, place->second, static_cast<std::uint32_t>(inodes_.size() - 1)}});
    return DUNLIN_OK;
  }
  if (at == 0) return DUNLIN_E_NOT_FOUND;
  if (change.kind == DiskChange::remove) {
    if (inodes_[at].dir && !inodes_[at].names.empty()) return DUNLIN_E_EXISTS;
    used_ -= inodes_[at].now.size();
    edit({{place->first, place->second, 0}});
    return DUNLIN_OK;
  }
  const auto target = parent(change.to);
  if (!target) return DUNLIN_E_NOT_FOUND;
  if (const std::uint32_t old = find(change.to); old != 0 && old != at) {
    used_ -= inodes_[old].now.size();
  }
  if (change.path == change.to) return DUNLIN_OK;
  edit({{place->first, place->second, 0}, {target->first, target->second, at}});
  return DUNLIN_OK;
}

void Disk::sync_file(Inode& inode) {
  for (const auto& change : inode.pending) {
    switch (change.kind) {
      case DiskChange::write:
        inode.durable.share(inode.now, change.offset, change.bytes.size());
        break;
      default: inode.durable.resize(0); inode.durable.share(inode.now, 0, inode.now.size());
    }
  }
  inode.durable.resize(inode.now.size());
  inode.pending.clear();
}

void Disk::keep_some(Content& out, const DiskChange& change, unsigned percent, Rng& rng) const {
  if (change.kind == DiskChange::resize) {
    if (rng.chance(percent)) put(out, change);
    return;
  }
  if (change.kind == DiskChange::zero_fill) {
    // Zeros arrived up to some sector; the size may have changed or not.
    const std::uint64_t sectors = change.offset / sector_ + 1;
    out.zero(0, rng.below(sectors + 1) * sector_);
    if (rng.chance(percent)) out.resize(change.offset);
    return;
  }
  std::string_view bytes = change.bytes;
  std::uint64_t offset = change.offset;
  while (!bytes.empty()) {
    const std::size_t n = std::min<std::size_t>(bytes.size(), sector_ - offset % sector_);
    if (rng.chance(percent)) out.write(offset, bytes.substr(0, n));
    offset += n;
    bytes.remove_prefix(n);
  }
}

void Disk::cut_file(Inode& inode, Cut kind, Rng& rng) const {
  Content out = inode.durable;
  const auto& pending = inode.pending;
  if (kind == Cut::kept) out = inode.now;
  if (kind == Cut::torn && !pending.empty()) {
    const std::size_t whole = rng.below(pending.size());
    for (std::size_t i = 0; i < whole; ++i) put(out, pending[i]);
    keep_some(out, pending[whole], 50, rng);
  }
  if (kind == Cut::reordered) {
    for (const auto& change : pending) {
      if (rng.chance(60)) keep_some(out, change, rng.chance(50) ? 100 : 70, rng);
    }
    // The new size may arrive before the content does.
    if (out.size() < inode.now.size() && rng.chance(30)) out.resize(inode.now.size());
  }
  inode.now = std::move(out);
}

Disk Disk::cut(Cut kind, Rng& rng) const {
  Disk after = *this;
  after.recorder = nullptr;
  const std::size_t names = pending_names_.size();
  const std::size_t first_ones = kind == Cut::kept   ? names
                                 : kind == Cut::torn ? rng.below(names + 1)
                                                     : 0;
  for (auto& inode : after.inodes_) inode.names = inode.durable_names;
  for (std::size_t i = 0; i < names; ++i) {
    const bool stays = i < first_ones || (kind == Cut::reordered && rng.chance(50));
    if (!stays) continue;
    for (const auto& one : pending_names_[i]) {
      auto& kept = after.inodes_[one.dir].names;
      kept.erase(one.name);
      if (one.inode != 0) kept[one.name] = one.inode;
    }
  }
  for (auto& inode : after.inodes_) {
    if (!inode.dir) cut_file(inode, kind, rng);
  }
  after.settle();
  return after;
}

void Disk::settle() {
  pending_names_.clear();
  used_ = 0;
  for (auto& inode : inodes_) {
    inode.pending.clear();
    inode.durable = inode.now;
    inode.durable_names = inode.names;
    for (const auto& [name, child] : inode.names) used_ += inodes_[child].now.size();
  }
}

void Disk::replace(const std::string& path, std::string_view bytes) {
  std::uint32_t inode = find(path);
  if (inode == 0) {
    const auto place = parent(path);
    if (!place) return;
    inodes_.emplace_back();
    inode = static_cast<std::uint32_t>(inodes_.size() - 1);
    edit({{place->first, place->second, inode}});
  }
  inodes_[inode].now = {};
  inodes_[inode].now.write(0, bytes);
  settle();
}

}  // namespace dunlin::testkit
