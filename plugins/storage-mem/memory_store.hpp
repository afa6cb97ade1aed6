// Stores and logs as ext/storage.h wants them, over LogData.
//
// A log's data belong to its store: closed and opened again it is what it was, and the store's end
// is its own. Threads are those of the contract; a lock guards the store's names and metadata.

#pragma once

#include <dunlin/host.hpp>
#include <dunlin/storage_backend.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "plugins/storage-mem/completions.hpp"
#include "plugins/storage-mem/figures.hpp"
#include "plugins/storage-mem/log_data.hpp"

namespace dunlin::storage_mem {

class MemoryStorage final : public StorageBackend {
 public:
  explicit MemoryStorage(Host host);
  result<std::unique_ptr<StoreBackend>> open(const dunlin_store_options& options) override;

 private:
  Host host_;
  std::shared_ptr<Figures> figures_;
};

class MemoryStore final : public StoreBackend {
 public:
  MemoryStore(Host host, std::shared_ptr<Figures> figures, bool is_read_only);
  ~MemoryStore() override;

  result<std::unique_ptr<LogBackend>> open_log(std::string_view name,
                                               const dunlin_log_options& options) override;
  result<> drop_log(std::string_view name) override;
  result<> list_logs(std::string_view prefix, bool (*visit)(void* user, dunlin_str name),
                     void* user) override;
  result<> put_meta(std::span<const dunlin_meta> items, std::uint32_t thread, std::uint32_t shard,
                    Completion& done) override;
  result<> list_meta(std::string_view prefix, dunlin_visit_meta visit, void* user) override;

  // By a log that is being closed.
  void release(LogData& data) noexcept;

 private:
  struct Log {
    std::unique_ptr<LogData> data;
    std::unique_ptr<Tally> tally;
    bool is_open = false;
  };

  const Executor executor_;
  const Random random_;
  const std::shared_ptr<Figures> figures_;
  const bool is_read_only_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Log, std::less<>> logs_;
  std::map<std::string, std::string, std::less<>> meta_;
};

class MemoryLog final : public LogBackend {
 public:
  MemoryLog(MemoryStore& store, LogData& data, Tally& tally, std::string name, bool is_read_only,
            std::shared_ptr<Completions> completions);

  result<> append(std::span<const dunlin_record> records, std::uint32_t flags,
                  std::size_t& accepted, std::span<dunlin_span> spans) override;
  result<> skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) override;
  result<> sync(Completion& done) override;
  [[nodiscard]] std::uint64_t durable_seq() noexcept override { return data_.last_seq(); }
  [[nodiscard]] dunlin_log_state state() override { return data_.state(); }

  result<> read(const dunlin_read& query, dunlin_read_end& end) override;
  result<dunlin_span> count(const dunlin_count& query) override;
  result<> subjects(const dunlin_subjects& query) override;
  result<> spans(const dunlin_spans& query) override;
  result<> last_each(const dunlin_last_each& query) override;
  result<std::uint64_t> seq_at(const dunlin_seq_at& query) override;
  result<std::int64_t> due(const dunlin_due& query) override;
  result<> gaps(std::uint64_t from, std::uint64_t to,
                bool (*visit)(void* user, const dunlin_range* gap), void* user) override;

  result<dunlin_removed> remove(std::span<const std::uint64_t> seqs, std::uint32_t flags,
                                dunlin_removed_done done, void* user) override;
  result<dunlin_removed> purge(const dunlin_purge& query) override;
  result<dunlin_removed> truncate(std::uint64_t last, dunlin_removed_done done,
                                  void* user) override;
  result<> reschedule(std::uint64_t seq, std::int64_t due_ns) override;
  result<std::uint64_t> snapshot_open() override { return data_.snapshot_open(); }
  void snapshot_close(std::uint64_t snapshot) override { data_.snapshot_close(snapshot); }
  result<> verify(bool (*visit)(void* user, const dunlin_damage* damage), void* user,
                  Completion& done) override;
  void close(Completion done) noexcept override;

 private:
  // Makes a change, which is refused when the log was opened to be read only, and shows it.
  template <class T, class Change>
  result<T> change(Change&& body);

  MemoryStore& store_;
  LogData& data_;
  Tally& tally_;
  const std::string name_;
  const bool is_read_only_;
  const std::shared_ptr<Completions> completions_;
};

}  // namespace dunlin::storage_mem
