// A host for parts of storage-file: a disk that forgets at a power cut, a clock that stands still,
// tasks that run when the test says so.
//
// One thread. `crash` is a power cut: what was not synced goes as the kind of cut says, and what
// still waits for a worker never runs.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/executor.hpp>
#include <dunlin/ext/fs.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "plugins/storage-file/files.hpp"
#include "sdk/testkit/sim/disk.hpp"

namespace dunlin::storage_file::testing {

// A failure of calls `from` to `from + count - 1` of those that write or sync.
struct Fault {
  dunlin_status status = DUNLIN_OK;
  std::uint64_t from = 0, count = UINT64_MAX;
  bool syncs_only = false;
};

class TestHost {
 public:
  explicit TestHost(std::uint64_t seed = 1);
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  [[nodiscard]] const dunlin_host* raw() const noexcept { return &host_; }
  [[nodiscard]] Host host() const noexcept { return Host(&host_); }
  [[nodiscard]] const dunlin_fs* fs() const;
  [[nodiscard]] Files files() const { return Files(raw(), fs()); }
  [[nodiscard]] Clock clock() const { return host().get<Clock>(); }
  [[nodiscard]] Executor executor() const { return host().get<Executor>(); }
  [[nodiscard]] Random random() const { return host().get<Random>(); }

  // Runs tasks until there are none.
  void run();
  void crash(testkit::Cut cut);
  // Flips a bit of a file, at once and durably.
  void flip(const std::string& path, std::uint64_t byte, unsigned bit = 0);
  [[nodiscard]] std::string content(const std::string& path) const;
  void write(const std::string& path, std::string_view bytes);
  void remove(const std::string& path);
  [[nodiscard]] bool exists(const std::string& path) const { return disk.find(path) != 0; }

  testkit::Disk disk;
  testkit::Rng rng;
  std::uint64_t now_ns = 1'000'000'000;
  Fault fault;
  std::uint64_t changes = 0;  // calls so far that write or sync
  std::uint64_t syncs = 0;
  std::set<std::string> locks;
  std::vector<std::string> log_lines;
  std::map<std::string, const void*, std::less<>> more_tables;  // by extension
  std::map<std::string, std::pair<std::uint32_t, std::string>> health;
  struct Task {
    std::uint32_t thread;
    dunlin_task run;
    void* user;
  };
  std::deque<Task> tasks;
  std::uint32_t thread = DUNLIN_THREAD_CONTROL;
  struct Timer {
    dunlin_timer_options options;
    dunlin_task fire;
    void* user;
  };
  std::map<dunlin_timer, Timer> timers;
  dunlin_timer last_timer = 0;
  // Lets time pass; timers that fall due run.
  void pass(std::uint64_t ns);

  static TestHost& of(const dunlin_host* host);
  // What the fault does to a call that writes or syncs.
  dunlin_status strike(bool is_sync);

 private:
  struct Raw : dunlin_host {
    TestHost* self;
  };
  Raw host_{};
};

// EXPECT_TRUE for a result, with its error.
template <class T>
::testing::AssertionResult succeeded(const result<T>& outcome) {
  if (outcome) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "status " << outcome.error().status << ": " << outcome.error().text;
}

}  // namespace dunlin::storage_file::testing
