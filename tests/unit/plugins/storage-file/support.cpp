#include "tests/unit/plugins/storage-file/support.hpp"

#include <dunlin/ext/health.h>
#include <dunlin/ext/log.h>
#include <dunlin/ext/metrics.h>

#include <algorithm>

using dunlin::storage_file::testing::TestHost;
using dunlin::testkit::DiskChange;

struct dunlin_file {
  std::uint32_t inode;
};
struct dunlin_file_lock {
  std::string path;
};

namespace dunlin::storage_file::testing {
namespace {

dunlin_status answer(dunlin_status status, dunlin_error* err, std::string_view what) {
  if (status != DUNLIN_OK) detail::put(err, status, what, 5);
  return status;
}

std::string text_of(dunlin_str path) { return std::string(detail::view(path)); }

dunlin_status apply(const dunlin_host* host, const DiskChange& change, dunlin_error* err,
                    std::string_view what) {
  auto& test = TestHost::of(host);
  const bool syncs = change.kind == DiskChange::sync_file || change.kind == DiskChange::sync_dir;
  auto status = test.strike(syncs);
  if (status == DUNLIN_OK) status = test.disk.apply(change);
  return answer(status, err, what);
}

dunlin_status open(const dunlin_host* host, dunlin_str path, uint32_t flags, dunlin_file** out,
                   dunlin_error* err) {
  auto& disk = TestHost::of(host).disk;
  const auto name = text_of(path);
  auto inode = disk.find(name);
  if (inode == 0) {
    if ((flags & DUNLIN_FS_CREATE) == 0) return answer(DUNLIN_E_NOT_FOUND, err, "no such file");
    const auto status = apply(host, {DiskChange::create, 0, name, {}, 0, {}}, err, "create");
    if (status != DUNLIN_OK) return status;
    inode = disk.find(name);
  }
  if (disk.is_dir(inode)) return answer(DUNLIN_E_INVALID, err, "a directory");
  *out = new dunlin_file{inode};
  return DUNLIN_OK;
}

void close(const dunlin_host*, dunlin_file* file) { delete file; }

dunlin_status read_at(const dunlin_host* host, dunlin_file* file, uint64_t offset, uint8_t* out,
                      size_t n, size_t* got, dunlin_error*) {
  *got = TestHost::of(host).disk.content(file->inode).read(offset, out, n);
  return DUNLIN_OK;
}

dunlin_status write_at(const dunlin_host* host, dunlin_file* file, uint64_t offset,
                       const dunlin_bytes* parts, size_t n, dunlin_error* err) {
  std::string bytes;
  for (size_t i = 0; i < n; ++i) bytes += detail::view(parts[i]);
  if (bytes.empty()) return DUNLIN_OK;
  return apply(host, {DiskChange::write, file->inode, {}, {}, offset, bytes}, err, "write");
}

dunlin_status size(const dunlin_host* host, dunlin_file* file, uint64_t* out, dunlin_error*) {
  *out = TestHost::of(host).disk.content(file->inode).size();
  return DUNLIN_OK;
}

dunlin_status resize(const dunlin_host* host, dunlin_file* file, uint64_t to, dunlin_error* err) {
  return apply(host, {DiskChange::resize, file->inode, {}, {}, to, {}}, err, "resize");
}

dunlin_status zero_fill(const dunlin_host* host, dunlin_file* file, uint64_t to,
                        dunlin_error* err) {
  return apply(host, {DiskChange::zero_fill, file->inode, {}, {}, to, {}}, err, "zero_fill");
}

dunlin_status sync_file(const dunlin_host* host, dunlin_file* file, dunlin_error* err) {
  return apply(host, {DiskChange::sync_file, file->inode, {}, {}, 0, {}}, err, "sync_file");
}

dunlin_status sync_dir(const dunlin_host* host, dunlin_str path, dunlin_error* err) {
  return apply(host, {DiskChange::sync_dir, 0, text_of(path), {}, 0, {}}, err, "sync_dir");
}

dunlin_status rename(const dunlin_host* host, dunlin_str from, dunlin_str to, dunlin_error* err) {
  return apply(host, {DiskChange::rename, 0, text_of(from), text_of(to), 0, {}}, err, "rename");
}

dunlin_status remove(const dunlin_host* host, dunlin_str path, dunlin_error* err) {
  if (TestHost::of(host).disk.find(text_of(path)) == 0) {
    return answer(DUNLIN_E_NOT_FOUND, err, "no such file");
  }
  return apply(host, {DiskChange::remove, 0, text_of(path), {}, 0, {}}, err, "remove");
}

dunlin_status make_dir(const dunlin_host* host, dunlin_str path, dunlin_error* err) {
  if (TestHost::of(host).disk.find(text_of(path)) != 0) {
    return answer(DUNLIN_E_EXISTS, err, "it is there");
  }
  return apply(host, {DiskChange::make_dir, 0, text_of(path), {}, 0, {}}, err, "make_dir");
}

dunlin_status list(const dunlin_host* host, dunlin_str path,
                   bool (*visit)(void*, const dunlin_dir_item*), void* user, dunlin_error* err) {
  auto& disk = TestHost::of(host).disk;
  const auto dir = disk.find(text_of(path));
  if (dir == 0 || !disk.is_dir(dir)) return answer(DUNLIN_E_NOT_FOUND, err, "no such directory");
  for (const auto& [name, inode] : disk.names(dir)) {
    const bool is_dir = disk.is_dir(inode);
    const dunlin_dir_item item{detail::str(name), is_dir ? DUNLIN_FS_DIRECTORY : DUNLIN_FS_FILE, 0,
                               is_dir ? 0 : disk.content(inode).size()};
    if (!visit(user, &item)) break;
  }
  return DUNLIN_OK;
}

dunlin_status space(const dunlin_host* host, dunlin_str, dunlin_fs_space* out, dunlin_error*) {
  const auto& disk = TestHost::of(host).disk;
  out->total = disk.capacity;
  out->available = disk.capacity - std::min(disk.capacity, disk.used());
  return DUNLIN_OK;
}

dunlin_status lock(const dunlin_host* host, dunlin_str path, dunlin_file_lock** out,
                   dunlin_error* err) {
  auto& test = TestHost::of(host);
  const auto name = text_of(path);
  if (test.disk.find(name) == 0) {
    const auto status = apply(host, {DiskChange::create, 0, name, {}, 0, {}}, err, "lock");
    if (status != DUNLIN_OK) return status;
  }
  if (!test.locks.insert(name).second) return answer(DUNLIN_E_AGAIN, err, "it is locked");
  *out = new dunlin_file_lock{name};
  return DUNLIN_OK;
}

void unlock(const dunlin_host* host, dunlin_file_lock* held) {
  TestHost::of(host).locks.erase(held->path);
  delete held;
}

constexpr dunlin_fs fs_table = {
    sizeof(dunlin_fs), 0,        open,   close,  read_at, write_at, size,  resize, zero_fill,
    sync_file,         sync_dir, rename, remove, make_dir, remove,  list,  space,  lock, unlock};

// ---- clock, executor, randomness, reports -------------------------------------------------

uint64_t monotonic_ns(const dunlin_host* host) { return TestHost::of(host).now_ns; }
int64_t wall_ns(const dunlin_host* host) {
  return 1'700'000'000'000'000'000 + static_cast<int64_t>(TestHost::of(host).now_ns);
}
dunlin_status timer_start(const dunlin_host* host, const dunlin_timer_options* options,
                          dunlin_task fire, void* user, dunlin_timer* out) {
  auto& test = TestHost::of(host);
  *out = ++test.last_timer;
  test.timers[*out] = {*options, fire, user};
  return DUNLIN_OK;
}
void timer_cancel(const dunlin_host* host, dunlin_timer timer) {
  TestHost::of(host).timers.erase(timer);
}
void timer_cancel_async(const dunlin_host* host, dunlin_timer timer, dunlin_task done,
                        void* user) {
  TestHost::of(host).timers.erase(timer);
  if (done != nullptr) TestHost::of(host).tasks.push_back({DUNLIN_THREAD_WORKER, done, user});
}
constexpr dunlin_clock clock_table = {sizeof(dunlin_clock), 0,           monotonic_ns, wall_ns,
                                      timer_start,          timer_cancel, timer_cancel_async};

dunlin_status post(const dunlin_host* host, std::uint32_t thread, dunlin_task task, void* user) {
  TestHost::of(host).tasks.push_back({thread, task, user});
  return DUNLIN_OK;
}
dunlin_status post_control(const dunlin_host* host, dunlin_task task, void* user) {
  return post(host, DUNLIN_THREAD_CONTROL, task, user);
}
dunlin_status post_shard(const dunlin_host* host, uint32_t, dunlin_task task, void* user) {
  return post(host, DUNLIN_THREAD_SHARD, task, user);
}
dunlin_status post_worker(const dunlin_host* host, dunlin_task task, void* user) {
  return post(host, DUNLIN_THREAD_WORKER, task, user);
}
uint32_t thread_of(const dunlin_host* host) { return TestHost::of(host).thread; }
uint32_t shard_index(const dunlin_host* host) {
  return TestHost::of(host).thread == DUNLIN_THREAD_SHARD ? 0 : DUNLIN_SHARD_NONE;
}
uint32_t shard_count(const dunlin_host*) { return 1; }
constexpr dunlin_executor executor_table = {sizeof(dunlin_executor), 0, post_control, post_shard,
                                            post_worker, thread_of, shard_index, shard_count};

void random_bytes(const dunlin_host* host, uint8_t* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(TestHost::of(host).rng.next());
}
uint64_t random_below(const dunlin_host* host, uint64_t bound) {
  return bound == 0 ? TestHost::of(host).rng.next() : TestHost::of(host).rng.below(bound);
}
constexpr dunlin_random random_table = {sizeof(dunlin_random), 0, random_bytes, random_below};

bool log_enabled(const dunlin_host*, uint32_t) { return true; }
void log_write(const dunlin_host* host, uint32_t, dunlin_account*, dunlin_conn*,
               const dunlin_log_field*, size_t, dunlin_str text) {
  TestHost::of(host).log_lines.push_back(text_of(text));
}
constexpr dunlin_log log_table = {sizeof(dunlin_log), 0, log_enabled, log_write};

void set_health(const dunlin_host* host, dunlin_str component, uint32_t state, dunlin_str reason) {
  TestHost::of(host).health[text_of(component)] = {state, text_of(reason)};
}
uint32_t overall(const dunlin_host* host) {
  std::uint32_t worst = DUNLIN_HEALTH_OK;
  for (const auto& [component, health] : TestHost::of(host).health) {
    worst = std::max(worst, health.first);
  }
  return worst;
}
void each_health(const dunlin_host*, bool (*)(void*, const dunlin_health_item*), void*) {}
constexpr dunlin_health health_table = {sizeof(dunlin_health), 0, set_health, overall, each_health};

const void* extension(const dunlin_host* host, const char* id) {
  const std::string_view wanted = id;
  if (wanted == DUNLIN_EXT_FS) return &fs_table;
  if (wanted == DUNLIN_EXT_CLOCK) return &clock_table;
  if (wanted == DUNLIN_EXT_EXECUTOR) return &executor_table;
  if (wanted == DUNLIN_EXT_RANDOM) return &random_table;
  if (wanted == DUNLIN_EXT_LOG) return &log_table;
  if (wanted == DUNLIN_EXT_HEALTH) return &health_table;
  const auto& more = TestHost::of(host).more_tables;
  const auto found = more.find(wanted);
  return found != more.end() ? found->second : nullptr;
}

}  // namespace

TestHost::TestHost(std::uint64_t seed) : rng(seed) {
  host_.struct_size = sizeof(dunlin_host);
  host_.abi_version = DUNLIN_ABI_VERSION;
  host_.product = "test";
  host_.build_id = "";
  host_.extension = extension;
  host_.self = this;
}

TestHost& TestHost::of(const dunlin_host* host) { return *static_cast<const Raw*>(host)->self; }

const dunlin_fs* TestHost::fs() const { return &fs_table; }

dunlin_status TestHost::strike(bool is_sync) {
  const auto call = ++changes;
  if (is_sync) ++syncs;
  if (fault.syncs_only && !is_sync) return DUNLIN_OK;
  return call >= fault.from && call - fault.from < fault.count ? fault.status : DUNLIN_OK;
}

void TestHost::run() {
  while (!tasks.empty()) {
    const auto task = tasks.front();
    tasks.pop_front();
    const auto before = std::exchange(thread, task.thread);
    task.run(task.user);
    thread = before;
  }
}

void TestHost::pass(std::uint64_t ns) {
  const auto until = now_ns + ns;
  while (true) {
    run();
    auto next = timers.end();
    for (auto at = timers.begin(); at != timers.end(); ++at) {
      if (at->second.options.at_ns > until) continue;
      if (next == timers.end() || at->second.options.at_ns < next->second.options.at_ns) next = at;
    }
    if (next == timers.end()) break;
    auto timer = next->second;
    now_ns = std::max(now_ns, timer.options.at_ns);
    if (timer.options.period_ns == 0) {
      timers.erase(next);
    } else {
      next->second.options.at_ns += timer.options.period_ns;
    }
    tasks.push_back({timer.options.thread, timer.fire, timer.user});
  }
  now_ns = until;
}

void TestHost::crash(testkit::Cut cut) {
  disk = disk.cut(cut, rng);
  // What waited is gone with the process; its memory, deliberately, is not.
  tasks.clear();
  timers.clear();
  locks.clear();
}

void TestHost::flip(const std::string& path, std::uint64_t byte, unsigned bit) {
  auto bytes = content(path);
  ASSERT_LT(byte, bytes.size()) << path;
  bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << bit));
  disk.replace(path, bytes);
}

std::string TestHost::content(const std::string& path) const {
  const auto inode = disk.find(path);
  return inode != 0 ? disk.content(inode).text() : std::string();
}

void TestHost::write(const std::string& path, std::string_view bytes) {
  if (!exists(path)) disk.apply({DiskChange::create, 0, path, {}, 0, {}});
  disk.replace(path, bytes);
}

void TestHost::remove(const std::string& path) {
  disk.apply({DiskChange::remove, 0, path, {}, 0, {}});
  disk.settle();
}

}  // namespace dunlin::storage_file::testing
