// A backend with one open log, and the model of what that log should be, changed together.
//
// Changes go to both and their answers are compared; `check_*` asks both the same question.
// Throws Failure at the first difference. One thread.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sdk/testkit/session.hpp"
#include "sdk/testkit/suite.hpp"

namespace dunlin::testkit {

inline constexpr const char* store_dir = "/data/store";
// A disk with nothing but the directory the store is made in.
Disk fresh_disk();
// Where stores go in this context: below --real, or on the simulated disk.
std::string store_path(const Context& context);

class Rig {
 public:
  explicit Rig(Context& context, OpenLog options = {}, std::vector<std::string> settings = {});
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  [[nodiscard]] World& world() { return *world_; }
  [[nodiscard]] Session& session() { return *session_; }
  [[nodiscard]] Log& log() { return *log_; }
  [[nodiscard]] bool has(std::uint32_t feature) { return session_->has(feature); }
  void need(std::uint32_t feature, const char* name);

  Model model;
  Rng rng;
  // Remember every state since the last sync, for `power_cut`.
  bool remember = false;

  // ---- changes, made to both ----
  Record record(const std::string& subject, std::size_t payload_bytes = 20,
                const std::string& header = {});
  void append(const std::vector<Record>& records);
  void append(const std::string& subject, std::size_t payload_bytes = 20);
  // All or none; one by one where the backend does not claim it.
  void append_group(const std::vector<Record>& records);
  // `n` records that follow the log's last.
  std::vector<Record> make_group(std::size_t n, std::size_t payload_bytes_max = 60);
  // `n` records over some subjects of three tokens, some with headers, expiry and schedule.
  void append_mixed(std::size_t n);
  void skip(std::uint64_t count, std::int64_t time_ns = 0);
  void remove(const std::vector<std::uint64_t>& seqs);
  void purge(const std::string& filter, std::uint64_t below, std::uint64_t keep);
  void truncate(std::uint64_t last);
  void reschedule(std::uint64_t seq, std::int64_t due_ns);
  void sync();

  // Closes everything, down to the plugin, and opens it again. Nothing for a volatile backend.
  void reopen();
  // The power goes; what is there afterwards must be one of the states since the last sync.
  void power_cut(Cut cut);
  // Ends this instance without closing the log; the next is started by `start`.
  Disk pull_plug(Cut cut);
  void start(Disk disk);

  // ---- comparisons ----
  void check_state();
  void check_read(const ReadQuery& query);
  void check_count(std::uint64_t from, const Filters& filters, bool last_only = false);
  void check_subjects(const std::string& filter, const std::string& after = {},
                      std::uint64_t max = 0);
  void check_spans(const std::vector<std::string>& subjects);
  void check_last_each(const Filters& filters, std::uint64_t below = UINT64_MAX,
                       std::uint64_t max = 0);
  void check_seq_at(std::int64_t time_ns);
  void check_due(std::uint32_t index, std::int64_t now_ns, std::uint64_t max = 0);
  void check_gaps(std::uint64_t from, std::uint64_t to);
  // The state, every record, and one question of each kind.
  void check_all();
  // check_all, and again after a reopen.
  void check_lasting();

  [[nodiscard]] std::int64_t now() const { return time_; }
  void advance(std::int64_t ns) { time_ += ns; }

 private:
  void changed();
  // Makes a change, again after DUNLIN_LOG_ROOM.
  Outcome when_there_is_room(const char* what, const std::function<Outcome()>& change);
  // Waits until an event behind the first `events` says that there is room.
  void await_room(const char* what, std::size_t events);
  void settle_on(const char* clause);

  Context& context_;
  OpenLog options_;
  std::vector<std::string> settings_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Session> session_;
  Log* log_ = nullptr;
  std::int64_t time_ = 1'750'000'000'000'000'000;
  // What the log may be after a cut: the state at the last sync, and each one since.
  std::vector<Model> since_sync_;
};

}  // namespace dunlin::testkit
