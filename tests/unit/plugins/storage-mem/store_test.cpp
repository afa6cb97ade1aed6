// The plugin's tables, as a caller uses them: over a host of its own whose threads are queues.

#include <dunlin/storage.hpp>
#include <sys/resource.h>

#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <optional>

#include "plugins/storage-mem/memory_store.hpp"
#include "tests/unit/plugins/storage-mem/support.hpp"

namespace dunlin::storage_mem::test {
namespace {

struct FakeHost : dunlin_host {
  FakeHost();
  static FakeHost& of(const dunlin_host* host) {
    return *const_cast<FakeHost*>(static_cast<const FakeHost*>(host));
  }
  static dunlin_status push(const dunlin_host* host, std::uint32_t thread, dunlin_task task,
                            void* user) {
    of(host).tasks.emplace_back(thread, [task, user] { task(user); });
    return DUNLIN_OK;
  }
  void run() {
    while (!tasks.empty()) {
      const auto [thread, task] = std::move(tasks.front());
      tasks.pop_front();
      running_on = thread;
      task();
      running_on = DUNLIN_THREAD_OTHER;
    }
  }

  std::deque<std::pair<std::uint32_t, std::function<void()>>> tasks;
  std::uint32_t running_on = DUNLIN_THREAD_OTHER;
  std::map<std::string, dunlin_cell, std::less<>> cells;
  std::uint32_t health = 99;  // of the component "memory"
  std::string reason;
};

constexpr dunlin_executor executor = {
    sizeof(dunlin_executor),
    0,
    [](const dunlin_host* host, dunlin_task task, void* user) {
      return FakeHost::push(host, DUNLIN_THREAD_CONTROL, task, user);
    },
    [](const dunlin_host* host, std::uint32_t, dunlin_task task, void* user) {
      return FakeHost::push(host, DUNLIN_THREAD_SHARD, task, user);
    },
    [](const dunlin_host* host, dunlin_task task, void* user) {
      return FakeHost::push(host, DUNLIN_THREAD_WORKER, task, user);
    },
    [](const dunlin_host* host) { return FakeHost::of(host).running_on; },
    nullptr,
    nullptr};
constexpr dunlin_random random_table = {
    sizeof(dunlin_random), 0,
    [](const dunlin_host*, std::uint8_t* out, std::size_t n) { std::fill_n(out, n, 7); },
    nullptr};

dunlin_status make_cell(const dunlin_host* host, const dunlin_metric_options* options,
                        dunlin_cell** out) {
  *out = &FakeHost::of(host).cells[std::string(detail::view(options->name))];
  return DUNLIN_OK;
}
constexpr dunlin_metrics metrics = {
    sizeof(dunlin_metrics), 0, make_cell, make_cell, nullptr, nullptr, nullptr, nullptr};
constexpr dunlin_health health_table = {
    sizeof(dunlin_health), 0,
    [](const dunlin_host* host, dunlin_str component, std::uint32_t state, dunlin_str reason) {
      if (detail::view(component) != "memory") return;
      FakeHost::of(host).health = state;
      FakeHost::of(host).reason = detail::view(reason);
    },
    nullptr, nullptr};

FakeHost::FakeHost() : dunlin_host{} {
  struct_size = sizeof(dunlin_host);
  abi_version = DUNLIN_ABI_VERSION;
  product = build_id = "test";
  extension = [](const dunlin_host*, const char* id) -> const void* {
    if (std::string_view(id) == DUNLIN_EXT_EXECUTOR) return &executor;
    if (std::string_view(id) == DUNLIN_EXT_METRICS) return &metrics;
    if (std::string_view(id) == DUNLIN_EXT_HEALTH) return &health_table;
    return std::string_view(id) == DUNLIN_EXT_RANDOM ? &random_table : nullptr;
  };
}

class MemoryStoreTest : public testing::Test {
 protected:
  StoredLog open_log(std::string_view name, std::uint32_t flags = DUNLIN_LOG_CREATE) {
    dunlin_log_options options{};
    options.flags = flags;
    options.thread = DUNLIN_THREAD_SHARD;
    auto log = store.open_log(name, options);
    status = log ? DUNLIN_OK : log.error().status;
    return log ? *log : StoredLog();
  }
  void append(const StoredLog& log, std::uint64_t count, const std::string& subject = "a") {
    for (std::uint64_t i = 0; i < count; ++i) {
      const NaiveRecord record{1, 0, 0, subject, "", "payload"};
      const auto one = raw(log.state().last_seq + 1, record);
      std::size_t accepted = 0;
      ASSERT_TRUE(log.append({&one, 1}, accepted));
    }
  }
  void close(StoredLog& log) {
    log.close([](const result<>& outcome) { EXPECT_TRUE(outcome); });
    host.run();
  }

  FakeHost host;
  MemoryStorage backend{Host(&host)};
  Storage storage{dunlin_offer{{}, {}, backend.table(), static_cast<StorageBackend*>(&backend)}};
  Store store = *storage.open({});
  dunlin_status status = DUNLIN_OK;
};

TEST_F(MemoryStoreTest, a_log_is_opened_once_and_keeps_its_records_until_it_is_dropped) {
  EXPECT_FALSE(open_log("streams/a", 0));
  EXPECT_EQ(status, DUNLIN_E_NOT_FOUND);
  auto log = open_log("streams/a");
  append(log, 3);
  EXPECT_FALSE(open_log("streams/a"));
  EXPECT_EQ(status, DUNLIN_E_EXISTS);
  EXPECT_EQ(store.drop_log("streams/a").error().status, DUNLIN_E_EXISTS);
  close(log);
  log = open_log("streams/a", 0);
  EXPECT_EQ(log.state().records, 3U);
  close(log);
  EXPECT_TRUE(store.drop_log("streams/a"));
  EXPECT_EQ(store.drop_log("streams/a").error().status, DUNLIN_E_NOT_FOUND);
}

TEST_F(MemoryStoreTest, names_are_checked_and_listed_in_order) {
  for (const char* name : {"", "/a", "a/", "a//b", "a/../b", ".", "a\nb"}) {
    EXPECT_FALSE(open_log(name)) << name;
    EXPECT_EQ(status, DUNLIN_E_INVALID) << name;
  }
  for (const char* name : {"streams/b", "raft/x", "streams/a"}) {
    auto log = open_log(name);
    close(log);
  }
  EXPECT_EQ(*store.list_logs(), (std::vector<std::string>{"raft/x", "streams/a", "streams/b"}));
  EXPECT_EQ(*store.list_logs("streams/"), (std::vector<std::string>{"streams/a", "streams/b"}));
}

TEST_F(MemoryStoreTest, syncs_are_completed_later_in_order_on_the_logs_thread) {
  auto log = open_log("a");
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) {
    log.sync([&, i](const result<>& outcome) {
      EXPECT_TRUE(outcome);
      EXPECT_EQ(host.running_on, DUNLIN_THREAD_SHARD);
      order.push_back(i);
      // One that is asked for meanwhile comes behind.
      if (i == 0) log.sync([&](const result<>&) { order.push_back(9); });
    });
  }
  EXPECT_TRUE(order.empty());
  host.run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 9}));
  close(log);
}

TEST_F(MemoryStoreTest, metadata_change_together_and_the_last_word_counts) {
  const auto put = [&](std::vector<std::pair<std::string, std::optional<std::string>>> items) {
    std::vector<dunlin_meta> raw_items;
    for (const auto& [path, blob] : items) {
      raw_items.push_back({detail::str(path), blob ? detail::bytes(*blob) : dunlin_bytes{},
                           blob ? 0U : 1U, 0});
    }
    bool is_done = false;
    store.put_meta(raw_items, DUNLIN_THREAD_CONTROL, 0, [&](const result<>& outcome) {
      is_done = static_cast<bool>(outcome);
      status = outcome ? DUNLIN_OK : outcome.error().status;
    });
    host.run();
    return is_done;
  };
  const auto all = [&] {
    std::map<std::string, std::string> found;
    EXPECT_TRUE(store.list_meta("s/", [&](std::string_view path, std::string_view blob) {
      found.emplace(path, blob);
    }));
    return found;
  };
  using Meta = std::map<std::string, std::string>;
  EXPECT_TRUE(put({{"s/a", "1"}, {"s/b", "2"}, {"t/c", "3"}}));
  EXPECT_EQ(all(), (Meta{{"s/a", "1"}, {"s/b", "2"}}));
  EXPECT_TRUE(put({{"s/a", std::nullopt}, {"s/b", "4"}, {"s/c", std::nullopt}, {"s/c", "5"}}));
  EXPECT_EQ(all(), (Meta{{"s/b", "4"}, {"s/c", "5"}}));
  EXPECT_FALSE(put({{"s/d", "6"}, {"s/..", "7"}}));
  EXPECT_EQ(status, DUNLIN_E_INVALID);
  EXPECT_EQ(all().size(), 2U);
}

TEST_F(MemoryStoreTest, a_log_to_be_read_only_refuses_changes) {
  auto log = open_log("a");
  append(log, 2);
  close(log);
  log = open_log("a", DUNLIN_LOG_READ_ONLY);
  EXPECT_EQ(log.skip(3, 1).error().status, DUNLIN_E_DENIED);
  EXPECT_EQ(log.reschedule(1, 5).error().status, DUNLIN_E_DENIED);
  log.truncate(1, [](const result<>& outcome, const dunlin_removed&) {
    EXPECT_EQ(outcome.error().status, DUNLIN_E_DENIED);
  });
  std::size_t visits = 0;
  dunlin_read query{};
  query.to = UINT64_MAX;
  log.read(
      query, [&](const dunlin_record&) { return ++visits > 0; },
      [](const result<>& outcome, const dunlin_read_end&) { EXPECT_TRUE(outcome); });
  EXPECT_EQ(visits, 2U);
  close(log);
}

TEST_F(MemoryStoreTest, a_log_without_subjects_refuses_questions_about_them) {
  auto log = open_log("a", DUNLIN_LOG_CREATE | DUNLIN_LOG_NO_SUBJECTS);
  append(log, 2, "");
  const auto filter = detail::str("a");
  dunlin_count query{};
  query.filters = &filter;
  query.filter_count = 1;
  log.count(query, [](const result<>& outcome, const auto&) {
    EXPECT_EQ(outcome.error().status, DUNLIN_E_UNSUPPORTED);
  });
  log.count({}, [](const result<>& outcome, const dunlin_span& span) {
    EXPECT_TRUE(outcome);
    EXPECT_EQ(span.count, 2U);
  });
  close(log);
}

TEST_F(MemoryStoreTest, gauges_follow_the_logs_until_they_are_dropped) {
  const auto gauge = [&](const char* name) { return host.cells[name].value; };
  EXPECT_EQ(gauge("stores"), 1);
  auto log = open_log("a");
  auto other = open_log("b");
  append(log, 100);
  append(other, 10);
  EXPECT_EQ(gauge("logs"), 2);
  EXPECT_EQ(gauge("records"), 110);
  EXPECT_EQ(gauge("memory_bytes"),
            static_cast<std::int64_t>(log.state().memory_bytes + other.state().memory_bytes));
  dunlin_purge purge{};
  purge.below = 51;
  log.purge(purge, [](const result<>& outcome, const dunlin_removed&) { EXPECT_TRUE(outcome); });
  EXPECT_EQ(gauge("records"), 60);
  close(log);
  EXPECT_EQ(gauge("records"), 60) << "a closed log is still there";
  ASSERT_TRUE(store.drop_log("a"));
  EXPECT_EQ(gauge("records"), 10);
  EXPECT_EQ(gauge("logs"), 1);
  EXPECT_EQ(gauge("memory_bytes"), static_cast<std::int64_t>(other.state().memory_bytes));
  close(other);
  store = {};
  host.run();
  EXPECT_EQ(gauge("stores"), 0);
  EXPECT_EQ(gauge("logs"), 0);
  EXPECT_EQ(gauge("memory_bytes"), 0);
}

// A sanitizer's allocator ends the process instead.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(MemoryStoreTest, a_record_there_is_no_memory_for_degrades_health_until_one_is_taken) {
  auto log = open_log("a");
  append(log, 1);
  EXPECT_EQ(host.health, 99U);
  const std::string large(48 << 20, 'x');
  NaiveRecord record{2, 0, 0, "a", "", ""};
  auto one = raw(2, record);
  one.payload = detail::bytes(large);
  std::size_t accepted = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  const rlimit tight{pages * 4096 + (16 << 20), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &tight), 0);
  const auto refused = log.append({&one, 1}, accepted);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(refused.error().status, DUNLIN_E_LIMIT);
  EXPECT_EQ(host.health, DUNLIN_HEALTH_DEGRADED);
  EXPECT_EQ(host.reason, "no memory for records of a: they are refused");
  EXPECT_EQ(host.cells["refused_total"].value, 1);
  EXPECT_EQ(log.state().last_seq, 1U);
  append(log, 1);
  EXPECT_EQ(host.health, DUNLIN_HEALTH_OK);
  close(log);
}
#endif

TEST_F(MemoryStoreTest, what_it_does_not_do_is_refused) {
  dunlin_store_options options{};
  options.cipher = DUNLIN_CIPHER_AES_GCM;
  EXPECT_EQ(storage.open(options).error().status, DUNLIN_E_UNSUPPORTED);
  dunlin_log_options log_options{};
  log_options.flags = DUNLIN_LOG_CREATE;
  log_options.compression = DUNLIN_COMPRESS_ZSTD;
  EXPECT_EQ(store.open_log("a", log_options).error().status, DUNLIN_E_UNSUPPORTED);
}

}  // namespace
}  // namespace dunlin::storage_mem::test
