// A disk that forgets: files and directories in memory, each with what is there now and what a
// power cut would leave.
//
// What was written and not synced is kept as a list of changes; `cut` decides for each of them,
// sector by sector where the kind of cut says so, whether it survives. Every change can be
// recorded, so that one run can be cut at any of its changes afterwards.
//
// One thread. Paths are absolute; errors are those of dunlin.fs/1.

#pragma once

#include <dunlin/ext/fs.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sdk/testkit/base.hpp"

namespace dunlin::testkit {

// What becomes of unsynced changes.
enum class Cut {
  lost,       // none survives
  kept,       // all survive, as after a crash of the process alone
  torn,       // some first ones, and some sectors of the next
  reordered,  // any of them, and any of their sectors
};
const char* cut_name(Cut cut);

// Bytes of a file; pages that were never written are zeros and take no memory. Copies share.
class Content {
 public:
  static constexpr std::uint64_t page_bytes = 4096;

  [[nodiscard]] std::uint64_t size() const { return size_; }
  void resize(std::uint64_t size);
  void write(std::uint64_t offset, std::string_view bytes);
  void zero(std::uint64_t offset, std::uint64_t count);
  std::size_t read(std::uint64_t offset, std::uint8_t* out, std::size_t n) const;
  [[nodiscard]] std::string text() const;
  // Makes [offset, offset + count) what it is in `from`, page by page.
  void share(const Content& from, std::uint64_t offset, std::uint64_t count);

 private:
  using Page = std::array<char, page_bytes>;
  std::map<std::uint64_t, std::shared_ptr<Page>> pages_;
  std::uint64_t size_ = 0;
};

// One change, as recorded.
struct DiskChange {
  enum Kind { create, write, resize, zero_fill, sync_file, sync_dir, rename, remove, make_dir };
  Kind kind;
  std::uint32_t inode = 0;
  std::string path, to;
  std::uint64_t offset = 0;  // of a write; the size of resize and zero_fill
  std::string bytes;
};

class Disk {
 public:
  explicit Disk(std::uint32_t sector_bytes = 512);
  Disk(const Disk& other) = default;
  Disk& operator=(const Disk& other) = default;

  // 0 when there is no such file.
  [[nodiscard]] std::uint32_t find(const std::string& path) const;
  [[nodiscard]] bool is_dir(std::uint32_t inode) const { return inodes_[inode].dir; }
  [[nodiscard]] const Content& content(std::uint32_t inode) const { return inodes_[inode].now; }
  [[nodiscard]] std::map<std::string, std::uint32_t> names(std::uint32_t dir) const {
    return inodes_[dir].names;
  }
  // Every file below `dir`, by path.
  [[nodiscard]] std::vector<std::string> files(const std::string& dir) const;

  // All changes come through here. Fails as dunlin.fs/1 says, without doing anything.
  dunlin_status apply(const DiskChange& change);

  // The disk after a power cut now.
  [[nodiscard]] Disk cut(Cut kind, Rng& rng) const;
  // Everything is durable from here on.
  void settle();

  // Damage: what `path` holds becomes `bytes`, at once and durably.
  void replace(const std::string& path, std::string_view bytes);

  std::uint64_t capacity = 1ull << 40;
  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::uint32_t sector() const { return sector_; }
  // Applied changes go there when it is set.
  std::vector<DiskChange>* recorder = nullptr;

 private:
  struct Inode {
    bool dir = false;
    Content now, durable;
    std::vector<DiskChange> pending;             // of a file
    std::map<std::string, std::uint32_t> names, durable_names;  // of a directory
  };
  struct NameEdit {
    std::uint32_t dir;
    std::string name;
    std::uint32_t inode;  // 0 removes
  };
  using NameChange = std::vector<NameEdit>;

  [[nodiscard]] std::optional<std::pair<std::uint32_t, std::string>> parent(
      const std::string& path) const;
  void edit(NameChange change);
  dunlin_status change_file(const DiskChange& change);
  dunlin_status change_names(const DiskChange& change);
  void sync_file(Inode& inode);
  void cut_file(Inode& inode, Cut kind, Rng& rng) const;
  void keep_some(Content& out, const DiskChange& change, unsigned percent, Rng& rng) const;

  std::uint32_t sector_;
  std::vector<Inode> inodes_;
  std::vector<NameChange> pending_names_;
  std::uint64_t used_ = 0;
};

}  // namespace dunlin::testkit
