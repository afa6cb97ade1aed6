// A log on a test host: opened, crashed, damaged and opened again, with a catalogue in memory that
// survives everything.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugins/storage-file/engine.hpp"
#include "tests/unit/plugins/storage-file/support.hpp"

namespace dunlin::storage_file::engine::testing {

using storage_file::testing::succeeded;
using storage_file::testing::TestHost;

class MemoryCatalogue final : public Catalogue {
 public:
  explicit MemoryCatalogue(TestHost& host) : host_(host) {}

  result<> commit(CatalogueBatch batch, CommitDone done) override;
  result<std::optional<LogRow>> find_log(std::string_view) override {
    return std::optional<LogRow>();
  }
  result<std::vector<SegmentRow>> segments(LogId) override {
    std::vector<SegmentRow> rows;
    for (const auto& [number, row] : segment_rows) rows.push_back(row);
    return rows;
  }
  result<std::optional<std::string>> checkpoint(LogId) override { return note; }
  result<std::vector<DamageRow>> damage(LogId) override { return damage_rows; }

  std::map<std::uint64_t, SegmentRow> segment_rows;
  std::optional<std::string> note;
  std::vector<DamageRow> damage_rows;

 private:
  TestHost& host_;
};

class FreeSpace final : public Space {
 public:
  [[nodiscard]] bool is_full() const noexcept override { return full; }
  void report_full() override {
    ++reports;
    full = true;
  }
  std::uint64_t watch(std::function<void(bool)> changed) override {
    watcher = std::move(changed);
    return 1;
  }
  void unwatch(std::uint64_t) override { watcher = nullptr; }
  void free() {
    full = false;
    if (watcher) watcher(false);
  }

  bool full = false;
  int reports = 0;
  std::function<void(bool)> watcher;
};

class CountingObserver final : public Observer {
 public:
  void wrote(std::uint64_t bytes) noexcept override { written += bytes; }
  void synced(std::uint64_t) noexcept override { ++syncs; }
  void read(std::uint64_t bytes) noexcept override { bytes_read += bytes; }
  void rewrote(std::uint64_t from, std::uint64_t to) noexcept override {
    ++rewritings;
    reclaimed += from - to;
  }
  void damaged(std::string_view, std::uint64_t, std::uint64_t,
               std::string_view text) noexcept override {
    ++damages;
    damage_texts.emplace_back(text);
  }
  void poisoned(std::string_view, std::string_view) noexcept override { ++poisons; }
  void recovered(std::string_view) noexcept override {}

  std::uint64_t written = 0, bytes_read = 0;
  std::uint64_t reclaimed = 0;
  int syncs = 0, damages = 0, poisons = 0, rewritings = 0;
  std::vector<std::string> damage_texts;
};

// A record as it was written, or as it was read.
struct Message {
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  std::string subject, header, payload;
  std::int64_t expires_ns = 0, due_ns = 0;

  bool operator==(const Message&) const = default;
  [[nodiscard]] dunlin_record record() const;
  static Message of(const dunlin_record& record);
};

struct ReadAnswer {
  dunlin_status status = -1;
  std::vector<Message> messages;
  dunlin_read_end end{};
};

class LogFixture : public ::testing::Test {
 protected:
  LogFixture();
  ~LogFixture() override;

  void open();
  result<std::unique_ptr<LogBackend>> try_open();
  dunlin_status close();
  // A power cut; the log is gone and not opened again.
  void crash(testkit::Cut cut);
  void use_cipher(std::uint32_t cipher);
  void use_keys(std::uint32_t cipher, std::string_view key, std::string_view previous);

  // Appends and expects it to be taken; room is waited for.
  void append(const Message& message);
  std::uint64_t append(std::string subject, std::string payload);
  dunlin_status sync();
  void append_many(std::size_t n, std::string_view subject_prefix, std::size_t subjects,
                   std::size_t payload_bytes);

  dunlin_read query(std::uint64_t from, std::uint64_t to);
  ReadAnswer read(dunlin_read query, const std::vector<std::string>& filters = {});
  std::vector<Message> read_all();
  [[nodiscard]] dunlin_log_state state() { return log->state(); }
  dunlin_removed remove(const std::vector<std::uint64_t>& seqs, std::uint32_t flags = 0);
  dunlin_removed purge(std::string_view filter, std::uint64_t below = UINT64_MAX,
                       std::uint64_t keep = 0);
  dunlin_removed truncate(std::uint64_t last);
  dunlin_span count(const std::vector<std::string>& filters, std::uint64_t from = 0,
                    std::uint32_t flags = 0);
  std::map<std::string, dunlin_span> subjects(std::string_view filter = {});
  std::map<std::string, dunlin_span> subjects(std::string_view filter, std::string_view after,
                                              std::uint64_t max);
  std::vector<dunlin_span> spans(const std::vector<std::string>& subjects);
  std::vector<std::uint64_t> last_each(const std::vector<std::string>& filters,
                                       std::uint64_t below = UINT64_MAX);
  std::uint64_t seq_at(std::int64_t time_ns);
  std::vector<std::uint64_t> due(std::uint32_t index, std::int64_t now_ns);
  struct Range {
    std::uint64_t first, count;
    bool operator==(const Range&) const = default;
  };
  std::vector<Range> gaps();
  struct Damage {
    std::uint64_t first, last;
    std::string file, text;
  };
  std::vector<Damage> verify();
  // Files of the log whose names end so, sorted.
  [[nodiscard]] std::vector<std::string> files(std::string_view suffix) const;

  std::unique_ptr<TestHost> host;
  std::unique_ptr<MemoryCatalogue> catalogue;
  FreeSpace space;
  CountingObserver observer;
  KeyRing keys;
  StoreContext store;
  LogRow row;
  std::uint32_t open_flags = 0;
  LogBackend* log = nullptr;
  std::vector<dunlin_log_event> events;
  std::vector<std::string> event_texts;
  std::int64_t clock_ns = 1'000;

 private:
  void connect();
  static void on_event(void* user, const dunlin_log_event* event);
};

}  // namespace dunlin::storage_file::engine::testing
