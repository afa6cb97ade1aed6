// The store: opening and locking, logs and their directories, metadata with its completions. The
// log engine is a stand-in that only says that it was closed.

#include "plugins/storage-file/store.hpp"

#include <gmock/gmock.h>

#include "tests/unit/plugins/storage-file/support.hpp"

namespace dunlin::storage_file::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StandIn final : public LogBackend {
 public:
  explicit StandIn(OpenLog open) : open_(std::move(open)) {}

  result<> append(std::span<const dunlin_record>, std::uint32_t, std::size_t&,
                  std::span<dunlin_span>) override {
    return unsupported("that");
  }
  result<> skip(std::uint64_t, std::uint64_t, std::int64_t) override { return unsupported("that"); }
  result<> sync(Completion&) override { return unsupported("that"); }
  std::uint64_t durable_seq() noexcept override { return 0; }
  dunlin_log_state state() override { return {}; }
  result<> read(const dunlin_read&, dunlin_read_end&) override { return unsupported("that"); }
  result<dunlin_span> count(const dunlin_count&) override { return unsupported("that"); }
  result<> subjects(const dunlin_subjects&) override { return unsupported("that"); }
  result<> spans(const dunlin_spans&) override { return unsupported("that"); }
  result<> last_each(const dunlin_last_each&) override { return unsupported("that"); }
  result<std::uint64_t> seq_at(const dunlin_seq_at&) override { return unsupported("that"); }
  result<std::int64_t> due(const dunlin_due&) override { return unsupported("that"); }
  result<> gaps(std::uint64_t, std::uint64_t, bool (*)(void*, const dunlin_range*),
                void*) override {
    return unsupported("that");
  }
  result<dunlin_removed> remove(std::span<const std::uint64_t>, std::uint32_t, dunlin_removed_done,
                                void*) override {
    return unsupported("that");
  }
  result<dunlin_removed> purge(const dunlin_purge&) override { return unsupported("that"); }
  result<dunlin_removed> truncate(std::uint64_t, dunlin_removed_done, void*) override {
    return unsupported("that");
  }
  result<> reschedule(std::uint64_t, std::int64_t) override { return unsupported("that"); }
  result<> verify(bool (*)(void*, const dunlin_damage*), void*, Completion&) override {
    return unsupported("that");
  }
  void close(Completion done) noexcept override {
    open_.closed();
    delete this;
    done.succeed();
  }

 private:
  OpenLog open_;
};

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    plan.dir = "/data/store";
    plan.may_create = true;
    plan.engine.sync = DUNLIN_SYNC_ALWAYS;
    plan.engine.compression = DUNLIN_COMPRESS_ZSTD;
    plan.reserve_bytes = 4096;
  }
  result<std::unique_ptr<StoreBackend>> try_open() {
    return FileStore::open(
        host.host(), reporter, plan,
        [this](StoreContext&, OpenLog open) -> result<std::unique_ptr<LogBackend>> {
          opened = open;
          return std::unique_ptr<LogBackend>(std::make_unique<StandIn>(std::move(open)));
        });
  }
  void open() {
    auto made = try_open();
    ASSERT_TRUE(succeeded(made));
    store = std::move(*made);
  }
  void reopen() {
    store.reset();
    host.run();
    open();
  }
  LogBackend* open_log(std::string_view name, std::uint32_t flags = DUNLIN_LOG_CREATE) {
    auto log = try_open_log(name, flags);
    EXPECT_TRUE(succeeded(log));
    return log ? std::move(*log).release() : nullptr;
  }
  result<std::unique_ptr<LogBackend>> try_open_log(std::string_view name, std::uint32_t flags) {
    dunlin_log_options options{};
    options.struct_size = sizeof options;
    options.flags = flags;
    return store->open_log(name, options);
  }
  void close_log(LogBackend* log) {
    log->close(Completion([](void*, dunlin_status, const dunlin_error*) {}, nullptr));
  }
  void make_log(std::string_view name) { close_log(open_log(name)); }
  std::vector<std::string> logs(std::string_view prefix = {}) {
    std::vector<std::string> out;
    EXPECT_TRUE(succeeded(store->list_logs(
        prefix,
        [](void* user, dunlin_str name) {
          static_cast<std::vector<std::string>*>(user)->emplace_back(detail::view(name));
          return true;
        },
        &out)));
    return out;
  }
  result<> put(std::string_view path, std::string_view blob, bool erase = false,
               std::uint32_t thread = DUNLIN_THREAD_CONTROL) {
    dunlin_meta item{};
    item.path = detail::str(path);
    item.blob = detail::bytes(blob);
    item.erase = erase ? 1 : 0;
    done = {};
    Completion completion(
        [](void* user, dunlin_status status, const dunlin_error*) {
          auto& self = *static_cast<StoreTest*>(user);
          self.done.push_back(status);
          self.done_on = self.host.thread;
        },
        this);
    auto accepted = store->put_meta({&item, 1}, thread, 0, completion);
    if (!accepted) completion.dismiss();
    return accepted;
  }
  std::vector<std::string> meta() {
    std::vector<std::string> out;
    listed = store->list_meta(
        {},
        [](void* user, const dunlin_meta* item) {
          static_cast<std::vector<std::string>*>(user)->push_back(
              testkit::cat(detail::view(item->path), "=", detail::view(item->blob)));
          return true;
        },
        &out);
    return out;
  }
  std::string directory_of(std::string_view part) {
    for (const auto& path : host.disk.files("/data/store/logs")) {
      const auto directory = path.substr(0, path.rfind('/'));
      if (directory.find(part) != std::string::npos) return directory;
    }
    return {};
  }

  TestHost host;
  std::shared_ptr<Reporter> reporter = std::make_shared<Reporter>(host.host());
  StorePlan plan;
  std::unique_ptr<StoreBackend> store;
  OpenLog opened;
  std::vector<dunlin_status> done;
  std::uint32_t done_on = 0;
  result<> listed;
};

TEST_F(StoreTest, a_store_is_made_only_when_asked_for) {
  plan.may_create = false;
  EXPECT_EQ(try_open().error().status, DUNLIN_E_NOT_FOUND);
  EXPECT_FALSE(host.exists("/data/store"));
  plan.may_create = true;
  open();
  plan.may_create = false;
  reopen();
}

TEST_F(StoreTest, one_process_opens_a_store_at_a_time) {
  open();
  const auto second = try_open();
  EXPECT_EQ(second.error().status, DUNLIN_E_AGAIN);
  EXPECT_THAT(second.error().text, HasSubstr("in use"));
  reopen();
}

TEST_F(StoreTest, a_relative_directory_is_refused) {
  plan.dir = "store";
  EXPECT_EQ(try_open().error().status, DUNLIN_E_INVALID);
}

TEST_F(StoreTest, logs_are_made_listed_and_dropped) {
  open();
  EXPECT_EQ(try_open_log("streams/B", 0).error().status, DUNLIN_E_NOT_FOUND);
  make_log("streams/B");
  make_log("streams/A");
  make_log("raft/meta");
  EXPECT_THAT(logs(), ElementsAre("raft/meta", "streams/A", "streams/B"));
  EXPECT_THAT(logs("streams/"), ElementsAre("streams/A", "streams/B"));
  reopen();
  EXPECT_THAT(directory_of("streams%2fA"), HasSubstr("/data/store/logs/0000000000000002-"));
  ASSERT_TRUE(succeeded(store->drop_log("streams/A")));
  EXPECT_THAT(directory_of("streams%2fA"), IsEmpty());
  EXPECT_THAT(logs("streams/"), ElementsAre("streams/B"));
  EXPECT_EQ(store->drop_log("streams/A").error().status, DUNLIN_E_NOT_FOUND);
}

TEST_F(StoreTest, an_open_log_is_not_opened_twice_nor_dropped) {
  open();
  auto* const log = open_log("a");
  EXPECT_EQ(try_open_log("a", 0).error().status, DUNLIN_E_EXISTS);
  EXPECT_EQ(store->drop_log("a").error().status, DUNLIN_E_EXISTS);
  close_log(log);
  close_log(open_log("a", 0));
  EXPECT_TRUE(succeeded(store->drop_log("a")));
}

TEST_F(StoreTest, names_that_break_the_rules_are_refused) {
  open();
  for (const auto* const name : {"", "../a", "a//b", "\xff"}) {
    EXPECT_EQ(try_open_log(name, DUNLIN_LOG_CREATE).error().status, DUNLIN_E_INVALID);
  }
}

TEST_F(StoreTest, a_log_gets_the_stores_choices_where_it_makes_none) {
  open();
  dunlin_log_options options{};
  options.struct_size = sizeof options;
  options.flags = DUNLIN_LOG_CREATE | DUNLIN_LOG_NO_SUBJECTS;
  options.first_seq = 100;
  close_log(std::move(*store->open_log("a", options)).release());
  EXPECT_EQ(opened.options.sync, DUNLIN_SYNC_ALWAYS);
  EXPECT_EQ(opened.options.compression, DUNLIN_COMPRESS_ZSTD);
  options.sync = DUNLIN_SYNC_NONE;
  options.compression = DUNLIN_COMPRESS_S2;
  options.first_seq = 7;
  close_log(std::move(*store->open_log("a", options)).release());
  EXPECT_EQ(opened.options.sync, DUNLIN_SYNC_NONE);
  EXPECT_EQ(opened.options.compression, DUNLIN_COMPRESS_S2);
  EXPECT_EQ(opened.row.first_seq, 100u);
  EXPECT_FALSE(opened.row.has_subjects);
}

TEST_F(StoreTest, metadata_completes_on_the_thread_that_was_named) {
  open();
  for (const auto thread :
       {DUNLIN_THREAD_CONTROL, DUNLIN_THREAD_SHARD, DUNLIN_THREAD_WORKER}) {
    ASSERT_TRUE(succeeded(put("a", "1", false, thread)));
    EXPECT_THAT(done, IsEmpty());
    host.run();
    EXPECT_THAT(done, ElementsAre(DUNLIN_OK));
    EXPECT_EQ(done_on, thread);
  }
  EXPECT_EQ(put("../a", "1").error().status, DUNLIN_E_INVALID);
  EXPECT_EQ(put("a", "1", false, 9).error().status, DUNLIN_E_INVALID);
  host.run();
  EXPECT_THAT(done, IsEmpty());
}

TEST_F(StoreTest, metadata_is_put_and_erased) {
  open();
  ASSERT_TRUE(put("a", "1"));
  ASSERT_TRUE(put("b", "2"));
  ASSERT_TRUE(put("a", "", true));
  EXPECT_THAT(meta(), ElementsAre("b=2"));
  reopen();
  EXPECT_THAT(meta(), ElementsAre("b=2"));
}

TEST_F(StoreTest, lost_metadata_is_told_by_every_list_until_an_operator_accepts_it) {
  open();
  ASSERT_TRUE(put("a", "1"));
  store.reset();
  host.run();
  host.write("/data/store/catalogue.db", "junk");
  host.write("/data/store/metadata.journal", "junk");
  open();
  meta();
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().status, DUNLIN_E_CORRUPT);
  EXPECT_EQ(host.health.at("catalogue").first, DUNLIN_HEALTH_FAILED);
  host.remove("/data/store/METADATA-DAMAGED");
  reopen();
  meta();
  EXPECT_TRUE(listed);
  EXPECT_EQ(host.health.at("catalogue").first, DUNLIN_HEALTH_OK);
}

TEST_F(StoreTest, logs_of_a_lost_catalogue_are_taken_up_again_from_their_directories) {
  open();
  make_log("streams/A");
  make_log("streams/empty");
  host.write(directory_of("streams%2fA") + "/1.seg", "records");
  store.reset();
  host.run();
  host.write("/data/store/catalogue.db", "junk");
  host.write("/data/store/metadata.journal", "junk");
  open();
  EXPECT_THAT(logs(), Contains("streams/A"));
  close_log(open_log("streams/A", 0));
  EXPECT_TRUE(opened.row.must_scan);
  EXPECT_EQ(opened.row.id, 1u);
  make_log("streams/new");
  EXPECT_GT(opened.row.id, 1u);
}

TEST_F(StoreTest, a_log_whose_label_and_catalogue_are_lost_keeps_its_name) {
  open();
  make_log("streams/A");
  host.write(directory_of("streams%2fA") + "/1.seg", "records");
  host.write(directory_of("streams%2fA") + "/identity", "junk");
  store.reset();
  host.run();
  host.write("/data/store/catalogue.db", "junk");
  host.write("/data/store/metadata.journal", "junk");
  open();
  EXPECT_THAT(logs(), ElementsAre("streams/A"));
}

TEST_F(StoreTest, a_damaged_lost_or_swapped_label_of_a_log_is_written_again_and_told) {
  open();
  make_log("streams/A");
  make_log("streams/B");
  const auto path = directory_of("streams%2fA") + "/identity";
  const auto whole = host.content(path);
  const auto other = host.content(directory_of("streams%2fB") + "/identity");
  for (const auto& content : {std::string("junk"), whole.substr(0, whole.size() / 2), other}) {
    store.reset();
    host.run();
    host.write(path, content);
    host.log_lines.clear();
    open();
    EXPECT_EQ(host.content(path), whole);
    EXPECT_THAT(host.log_lines, Contains(HasSubstr(path)));
  }
}

TEST_F(StoreTest, a_crash_while_a_log_is_made_or_dropped_leaves_it_there_or_gone) {
  for (std::uint64_t at = 1; at < 45; ++at) {
    for (const auto cut : {testkit::Cut::lost, testkit::Cut::torn, testkit::Cut::reordered}) {
      SCOPED_TRACE(testkit::cat("change ", at, " ", testkit::cut_name(cut)));
      store.reset();
      host.run();
      host.disk = testkit::Disk();
      open();
      make_log("keeps");
      host.write(directory_of("keeps") + "/1.seg", "records");
      host.disk.settle();
      host.fault = {DUNLIN_E_IO, host.changes + at};
      if (auto made = try_open_log("made", DUNLIN_LOG_CREATE)) {
        close_log(std::move(*made).release());
        static_cast<void>(store->drop_log("made"));
      }
      auto disk = host.disk.cut(cut, host.rng);
      store.reset();
      host.run();
      host.fault = {};
      host.disk = std::move(disk);
      open();
      EXPECT_THAT(logs(), Contains("keeps"));
      EXPECT_EQ(host.content(directory_of("keeps") + "/1.seg"), "records");
      close_log(open_log("made"));
      EXPECT_TRUE(succeeded(store->drop_log("made")));
      EXPECT_THAT(directory_of("made"), IsEmpty());
    }
  }
}

TEST_F(StoreTest, to_read_only_nothing_is_made) {
  open();
  make_log("a");
  store.reset();
  host.run();
  plan.is_read_only = true;
  open();
  close_log(open_log("a", 0));
  EXPECT_NE(opened.options.flags & DUNLIN_LOG_READ_ONLY, 0u);
  EXPECT_EQ(try_open_log("b", DUNLIN_LOG_CREATE).error().status, DUNLIN_E_DENIED);
  EXPECT_EQ(store->drop_log("a").error().status, DUNLIN_E_DENIED);
  EXPECT_EQ(put("a", "1").error().status, DUNLIN_E_DENIED);
}

TEST_F(StoreTest, a_failed_catalogue_is_in_the_servers_health) {
  open();
  host.fault = {DUNLIN_E_IO, 0};
  ASSERT_TRUE(put("a", "1"));
  host.run();
  host.fault = {};
  EXPECT_THAT(done, ElementsAre(DUNLIN_E_IO));
  EXPECT_EQ(host.health.at("catalogue").first, DUNLIN_HEALTH_FAILED);
  reopen();
  EXPECT_EQ(host.health.at("catalogue").first, DUNLIN_HEALTH_OK);
}

}  // namespace
}  // namespace dunlin::storage_file::testing
