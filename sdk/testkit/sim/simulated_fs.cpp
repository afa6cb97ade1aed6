// dunlin.fs/1 over the simulated disk, with the faults of the world.
#include <algorithm>

#include "sdk/testkit/sim/world.hpp"

struct dunlin_file {
  std::uint32_t inode;
  bool writes;
};
struct dunlin_file_lock {
  std::string path;
};

namespace dunlin::testkit {
namespace {

constexpr std::uint64_t slow_ns = 10'000'000'000;

dunlin_status answer(dunlin_status status, dunlin_error* err, const char* what,
                     std::string_view path = {}) {
  if (status == DUNLIN_OK || err == nullptr) return status;
  const std::string text = cat("simulated disk: ", what, " ", path, ": ", status_name(status));
  err->status = status;
  err->os_error = status == DUNLIN_E_NO_SPACE ? 28 : status == DUNLIN_E_NOT_FOUND ? 2 : 5;
  text.copy(err->text, sizeof err->text - 1);
  err->text[std::min(text.size(), sizeof err->text - 1)] = '\0';
  return status;
}

// Every call counts, and none may come from a shard.
dunlin_status enter(const dunlin_host* host, const char* what, bool writes = false,
                    bool syncs = false) {
  World& world = World::of(host);
  const auto thread = world.scheduler.thread();
  if (thread == DUNLIN_THREAD_SHARD || thread == DUNLIN_THREAD_OTHER) {
    world.scheduler.violation(cat("dunlin.fs/1 ", what, " was called on a shard"));
    return DUNLIN_E_WRONG_THREAD;
  }
  return world.strike(writes, syncs);
}

std::string text_of(dunlin_str path) {
  std::string out(path.data, path.size);
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

dunlin_status open(const dunlin_host* host, dunlin_str path, uint32_t flags, dunlin_file** out,
                   dunlin_error* err) {
  World& world = World::of(host);
  const std::string name = text_of(path);
  dunlin_status status = enter(host, "open");
  std::uint32_t inode = world.disk.find(name);
  if (status == DUNLIN_OK && inode != 0) {
    if ((flags & DUNLIN_FS_EXCLUSIVE) != 0) status = DUNLIN_E_EXISTS;
    if (world.disk.is_dir(inode)) status = DUNLIN_E_INVALID;
  } else if (status == DUNLIN_OK && (flags & DUNLIN_FS_CREATE) == 0) {
    status = DUNLIN_E_NOT_FOUND;
  } else if (status == DUNLIN_OK) {
    status = world.disk.apply({DiskChange::create, 0, name, {}, 0, {}});
    inode = world.disk.find(name);
  }
  if (status != DUNLIN_OK) return answer(status, err, "open", name);
  *out = new dunlin_file{inode, (flags & DUNLIN_FS_WRITE) != 0};
  ++world.open_files;
  return DUNLIN_OK;
}

void close(const dunlin_host* host, dunlin_file* file) {
  --World::of(host).open_files;
  delete file;
}

dunlin_status read_at(const dunlin_host* host, dunlin_file* file, uint64_t offset, uint8_t* out,
                      size_t n, size_t* got, dunlin_error* err) {
  if (const auto status = enter(host, "read_at"); status != DUNLIN_OK) {
    return answer(status, err, "read");
  }
  *got = World::of(host).disk.content(file->inode).read(offset, out, n);
  return DUNLIN_OK;
}

dunlin_status write_at(const dunlin_host* host, dunlin_file* file, uint64_t offset,
                       const dunlin_bytes* parts, size_t n, dunlin_error* err) {
  if (!file->writes) return answer(DUNLIN_E_DENIED, err, "write");
  std::string bytes;
  for (size_t i = 0; i < n; ++i) {
    bytes.append(reinterpret_cast<const char*>(parts[i].data), parts[i].size);
  }
  World& world = World::of(host);
  const auto status = enter(host, "write_at", true);
  if (status != DUNLIN_OK && world.fault.kind == Fault::short_write) {
    bytes.resize(bytes.size() / 2);
    world.disk.apply({DiskChange::write, file->inode, {}, {}, offset, bytes});
  }
  if (status != DUNLIN_OK || bytes.empty()) return answer(status, err, "write");
  return answer(world.disk.apply({DiskChange::write, file->inode, {}, {}, offset, bytes}), err,
                "write");
}

dunlin_status size(const dunlin_host* host, dunlin_file* file, uint64_t* out, dunlin_error* err) {
  const auto status = enter(host, "size");
  *out = World::of(host).disk.content(file->inode).size();
  return answer(status, err, "size");
}

dunlin_status change_size(const dunlin_host* host, dunlin_file* file, DiskChange::Kind kind,
                          uint64_t to, dunlin_error* err) {
  if (!file->writes) return answer(DUNLIN_E_DENIED, err, "resize");
  const auto status = enter(host, "resize", true);
  if (status != DUNLIN_OK) return answer(status, err, "resize");
  return answer(World::of(host).disk.apply({kind, file->inode, {}, {}, to, {}}), err, "resize");
}

dunlin_status resize(const dunlin_host* host, dunlin_file* file, uint64_t to, dunlin_error* err) {
  return change_size(host, file, DiskChange::resize, to, err);
}

dunlin_status zero_fill(const dunlin_host* host, dunlin_file* file, uint64_t to,
                        dunlin_error* err) {
  return change_size(host, file, DiskChange::zero_fill, to, err);
}

dunlin_status sync_file(const dunlin_host* host, dunlin_file* file, dunlin_error* err) {
  const auto status = enter(host, "sync_file", false, true);
  if (status != DUNLIN_OK) return answer(status, err, "sync");
  return World::of(host).disk.apply({DiskChange::sync_file, file->inode, {}, {}, 0, {}});
}

dunlin_status by_name(const dunlin_host* host, const char* what, DiskChange::Kind kind,
                      dunlin_str path, const std::string& to, dunlin_error* err) {
  const std::string name = text_of(path);
  const bool syncs = kind == DiskChange::sync_dir;
  auto status = enter(host, what, !syncs, syncs);
  if (status == DUNLIN_OK) status = World::of(host).disk.apply({kind, 0, name, to, 0, {}});
  return answer(status, err, what, name);
}

dunlin_status sync_dir(const dunlin_host* host, dunlin_str path, dunlin_error* err) {
  return by_name(host, "sync_dir", DiskChange::sync_dir, path, {}, err);
}

dunlin_status rename(const dunlin_host* host, dunlin_str from, dunlin_str to, dunlin_error* err) {
  return by_name(host, "rename", DiskChange::rename, from, text_of(to), err);
}

dunlin_status remove(const dunlin_host* host, dunlin_str path, dunlin_error* err) {
  return by_name(host, "remove", DiskChange::remove, path, {}, err);
}

dunlin_status make_dir(const dunlin_host* host, dunlin_str path, dunlin_error* err) {
  return by_name(host, "make_dir", DiskChange::make_dir, path, {}, err);
}

dunlin_status list(const dunlin_host* host, dunlin_str path,
                   bool (*visit)(void*, const dunlin_dir_item*), void* user, dunlin_error* err) {
  World& world = World::of(host);
  const std::string name = text_of(path);
  auto status = enter(host, "list");
  const std::uint32_t dir = world.disk.find(name);
  if (status == DUNLIN_OK && (dir == 0 || !world.disk.is_dir(dir))) status = DUNLIN_E_NOT_FOUND;
  if (status != DUNLIN_OK) return answer(status, err, "list", name);
  // The order of a directory means nothing.
  std::vector<std::pair<std::string, std::uint32_t>> names;
  for (const auto& item : world.disk.names(dir)) names.push_back(item);
  for (std::size_t i = names.size(); i > 1; --i) {
    std::swap(names[i - 1], names[world.random.below(i)]);
  }
  for (const auto& [child, inode] : names) {
    const bool is_dir = world.disk.is_dir(inode);
    const dunlin_dir_item item{{child.data(), child.size()},
                               is_dir ? DUNLIN_FS_DIRECTORY : DUNLIN_FS_FILE,
                               0,
                               is_dir ? 0 : world.disk.content(inode).size()};
    if (!visit(user, &item)) break;
  }
  return DUNLIN_OK;
}

dunlin_status space(const dunlin_host* host, dunlin_str path, dunlin_fs_space* out,
                    dunlin_error* err) {
  World& world = World::of(host);
  if (const auto status = enter(host, "space"); status != DUNLIN_OK) {
    return answer(status, err, "space", text_of(path));
  }
  out->total = world.disk.capacity;
  out->available = world.disk.capacity - std::min(world.disk.capacity, world.disk.used());
  return DUNLIN_OK;
}

dunlin_status lock(const dunlin_host* host, dunlin_str path, dunlin_file_lock** out,
                   dunlin_error* err) {
  World& world = World::of(host);
  const std::string name = text_of(path);
  auto status = enter(host, "lock", true);
  if (status == DUNLIN_OK && world.disk.find(name) == 0) {
    status = world.disk.apply({DiskChange::create, 0, name, {}, 0, {}});
  }
  if (status == DUNLIN_OK && !world.locks.insert(name).second) status = DUNLIN_E_AGAIN;
  if (status != DUNLIN_OK) return answer(status, err, "lock", name);
  *out = new dunlin_file_lock{name};
  return DUNLIN_OK;
}

void unlock(const dunlin_host* host, dunlin_file_lock* held) {
  World::of(host).locks.erase(held->path);
  delete held;
}

}  // namespace

const char* fault_name(Fault::Kind kind) {
  static constexpr const char* names[] = {"none", "no space", "I/O error", "short write",
                                          "slow", "failed sync"};
  return names[kind];
}

dunlin_status World::strike(bool writes, bool syncs) {
  const std::uint64_t call = ++fs_calls;
  if (fault.kind == Fault::none || call < fault.at || fault.struck >= fault.count) {
    return DUNLIN_OK;
  }
  const bool only_writes = fault.kind == Fault::no_space || fault.kind == Fault::short_write;
  if ((only_writes && !writes) || (fault.kind == Fault::sync_error && !syncs)) return DUNLIN_OK;
  ++fault.struck;
  if (fault.kind == Fault::slow) {
    scheduler.take(slow_ns);
    return DUNLIN_OK;
  }
  return fault.kind == Fault::no_space ? DUNLIN_E_NO_SPACE : DUNLIN_E_IO;
}

const dunlin_fs simulated_fs = {
    sizeof(dunlin_fs), 0,      open,      close,    read_at, write_at, size,       resize,
    zero_fill,         sync_file, sync_dir, rename, remove,  make_dir, remove, list,
    space,             lock,   unlock};

}  // namespace dunlin::testkit
