// SqliteCatalogue: the catalogue in an SQLite database and a journal (catalogue_recovery.hpp).
//
//     commit() --> queue --> worker: [seal, journal, sync, BEGIN .. COMMIT] --> completions
//
// While one transaction is on its way, what is accepted waits and becomes the next: its syncs
// serve all of it. Questions first commit what waits, on the thread that asks. After the
// completions the worker does what nobody waits for: it moves SQLite's log into the database, and
// makes the journal short again.
//
// Metadata is encrypted with the store's key, bound to its path. Names are not.
//
// Threads as catalogue.hpp says; what is added here is for control or a worker.

#pragma once

#include <deque>
#include <mutex>

#include "catalogue_recovery.hpp"
#include "space.hpp"

namespace dunlin::storage_file {

class SqliteCatalogue final : public Catalogue,
                              public std::enable_shared_from_this<SqliteCatalogue> {
 public:
  // `failed` is told once when nothing can be changed any more; any thread.
  static result<std::shared_ptr<SqliteCatalogue>> open(const CatalogueSite& site,
                                                       Executor executor,
                                                       std::function<void(const Error&)> failed);
  ~SqliteCatalogue() override;

  result<> commit(CatalogueBatch batch, CommitDone done) override;
  result<std::optional<LogRow>> find_log(std::string_view name) override;
  result<std::vector<SegmentRow>> segments(LogId log) override;
  result<std::optional<std::string>> checkpoint(LogId log) override;
  result<std::vector<DamageRow>> damage(LogId log) override;

  // Commits, after all that waits, before it returns.
  result<> commit_now(CatalogueBatch batch);
  // In byte order, while `visit` returns true; it may call the catalogue.
  result<> each_log(std::string_view prefix, const std::function<bool(const LogRow&)>& visit);
  result<> each_meta(std::string_view prefix,
                     const std::function<bool(const std::string& path, const Bytes& blob)>& visit);
  [[nodiscard]] result<LogId> next_log();

  // Makes the configured key the store's: metadata is encrypted with it again; what needs the one
  // before is counted. To be called once, before anything is written.
  result<> adopt_keys();

  // Who is told how many segments still need the key before, whenever that changes; any thread.
  void set_key_watch(std::function<void(std::uint64_t)> watch) { key_watch_ = std::move(watch); }

  [[nodiscard]] const StoreLabel& label() const noexcept { return parts_.label; }
  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return parts_.findings; }
  // What is known to be lost of the metadata; empty if nothing.
  [[nodiscard]] const std::string& loss() const noexcept { return parts_.loss; }
  // Who is told of a full disk, so that there is room for what was refused. NULL for nobody.
  void set_space(Space* space) noexcept { space_ = space; }

  // Commits what waits, completes it, and leaves the files as after a clean stop.
  result<> close();

 private:
  struct Waiting {
    std::vector<Change> changes;
    CommitDone done;
  };
  struct Completed {
    CommitDone done;
    result<> outcome;
  };

  SqliteCatalogue(const CatalogueSite& site, Executor executor,
                  std::function<void(const Error&)> failed, OpenCatalogue parts);

  void work();
  void deliver();
  // These with `mutex_` held.
  void commit_waiting();
  result<> commit_changes(const std::vector<Change>& changes);
  result<> try_commit(const std::vector<Change>& changes);
  result<> transact(const std::vector<Change>& changes);
  void maintain();
  void stop_working(const Error& error);
  result<> seal(std::vector<Change>& changes) const;
  [[nodiscard]] result<Bytes> unseal_meta(std::string_view path, BytesView sealed) const;
  result<> seal_again(KeyId current);
  result<> settle_keys();
  result<> write_label(const StoreLabel& label);
  void ask_for_delivery();
  // Runs a question on the rows, after what waits.
  template <class Ask>
  auto ask(Ask&& body) -> decltype(body());
  [[nodiscard]] LogRow absolute(LogRow row) const;

  Files files_;
  Executor executor_;
  std::string dir_;
  bool is_read_only_;
  const KeyRing* keys_;
  BlockCodec codec_;
  std::function<void(const Error&)> failed_;
  Space* space_ = nullptr;

  std::mutex mutex_;  // of the database and everything below
  OpenCatalogue parts_;
  std::optional<Error> broken_;
  std::function<void(std::uint64_t)> key_watch_;
  bool has_fewer_segments_ = false;
  bool is_open_ = true;

  std::mutex queue_mutex_;  // may be taken while mutex_ is held, never the other way round
  std::vector<Waiting> waiting_;
  std::deque<Completed> completed_;
  bool is_working_ = false, is_delivering_ = false, is_closed_ = false;
};

}  // namespace dunlin::storage_file
