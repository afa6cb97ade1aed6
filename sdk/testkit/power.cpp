// Power loss: a run is recorded, and cut at its writes and syncs, one after the other.
#include <algorithm>
#include <chrono>

#include "sdk/testkit/workload.hpp"

namespace dunlin::testkit {
namespace {

struct Recording {
  std::uint32_t sync = DUNLIN_SYNC_ALWAYS;
  Workload workload;
  Progress progress;
  std::vector<DiskChange> changes;
  Disk start;
};

std::string place_of(const DiskChange& change) {
  static constexpr const char* kinds[] = {"create", "write",    "resize", "zero fill", "sync",
                                          "sync of directory", "rename", "remove", "make dir"};
  return cat(kinds[change.kind], " ", change.path, change.to.empty() ? "" : " to ", change.to,
             change.kind == DiskChange::write ? cat("of ", change.bytes.size(), " bytes at ",
                                                    change.offset)
                                              : "");
}

// Opens the store and its logs on a disk. The logs are those of the workload.
class Opened {
 public:
  Opened(Context& context, Disk disk, std::uint64_t salt, std::uint32_t sync,
         std::vector<DiskChange>* recorder)
      : world_(options(context, salt), recording(std::move(disk), recorder)),
        session_(world_, store_path(context)) {
    for (std::size_t i = 0; i < log_count; ++i) {
      logs[i] = session_.open_log(log_names[i], options_of(i, sync));
    }
  }
  World& world() { return world_; }
  Session& session() { return session_; }
  Log* logs[log_count] = {};

 private:
  static WorldOptions options(Context& context, std::uint64_t salt) {
    auto out = context.world();
    out.seed = context.seed * 7919 + salt;
    return out;
  }
  static Disk recording(Disk disk, std::vector<DiskChange>* recorder) {
    disk.recorder = recorder;
    return disk;
  }
  World world_;
  Session session_;
};

void record(Context& context, std::uint32_t sector, std::size_t steps, Recording& out) {
  Disk disk(sector);
  disk.apply({DiskChange::make_dir, 0, "/data", {}, 0, {}});
  disk.settle();
  out.start = disk;
  out.progress.clock = [&] { return out.changes.size(); };
  out.progress.syncs_late = out.sync != DUNLIN_SYNC_ALWAYS;
  Opened opened(context, disk, 0, out.sync, &out.changes);
  if (opened.session().has(DUNLIN_STORE_VOLATILE)) throw Skipped("nothing survives by design");
  Rng rng(context.seed + sector);
  out.workload = make_workload(rng, {steps, opened.world().storage().features,
                                     opened.session().costs(), true});
  const auto ended = run_workload(opened.session(), opened.logs, out.workload, out.progress);
  expect(ended.ok(), "lifecycle", "the run failed: ", status_name(ended.status), " ", ended.text);
  if (out.changes.empty()) {
    throw Skipped("the backend does not write through dunlin.fs/1: use --real DIR");
  }
  // Closing is recorded too: the cuts behind the run must find everything.
  for (std::size_t i = 0; i < log_count; ++i) {
    const auto closed = opened.session().close_log(opened.logs[i]);
    expect(closed.ok(), "close", "failed: ", status_name(closed.status), " ", closed.text);
    out.progress.acked[i].emplace_back(out.changes.size(), out.progress.begun[i].size());
  }
  opened.session().close();
}

// After a cut: nothing acknowledged is missing, nothing is there that never was, nothing is called
// damaged, and the logs go on.
void check_after(Context& context, const Recording& run, Disk disk, std::uint64_t at,
                 const std::string& where, std::vector<DiskChange>* recorder) {
  Opened opened(context, std::move(disk), at, run.sync, recorder);
  for (std::size_t track = 0; track < track_count; ++track) {
    Log* log = track < log_count ? opened.logs[track] : nullptr;
    check_track(opened.session(), log, track, run.workload, run.progress.least(track, at),
                run.progress.most(track, at), where);
  }
  std::vector<Damage> damage;
  const auto verified = opened.logs[0]->verify(damage);
  expect(verified.ok(), "S3", where, ": verify failed: ", status_name(verified.status), " ",
         verified.text);
  for (const auto& one : damage) {
    expect(one.first == 0, "S3", where, ": calls ", one.first, "..", one.last, " damaged: ",
           one.text);
  }
  const auto state = opened.logs[0]->state();
  Record record;
  record.seq = state.last_seq + 1;
  record.time_ns = INT64_MAX / 2;
  record.subject = "after.the.cut";
  auto out = opened.logs[0]->append({record});
  if (out.status == DUNLIN_E_AGAIN) {
    // A file may have to be made first.
    const auto& events = opened.logs[0]->events;
    opened.world().scheduler.run_until([&] {
      return std::any_of(events.begin(), events.end(), [](const LogEvent& event) {
        return event.kind == DUNLIN_LOG_ROOM;
      });
    });
    out = opened.logs[0]->append({record});
  }
  expect(out.ok(), "S2", where, ": the log does not go on: ", status_name(out.status), " ",
         out.text);
  const auto synced = opened.logs[0]->sync();
  expect(synced.ok(), "S2", where, ": the log does not sync: ", status_name(synced.status));
}

// A cut while the cut is being recovered from.
void check_twice(Context& context, const Recording& run, const Disk& disk, std::uint64_t at,
                 const std::string& where, Rng& rng) {
  std::vector<DiskChange> recovery;
  {
    Opened opened(context, disk, at, run.sync, &recovery);
  }
  if (recovery.empty()) return;
  const auto second = rng.below(recovery.size());
  Disk again = disk;
  for (std::uint64_t i = 0; i <= second; ++i) again.apply(recovery[i]);
  const auto cut = static_cast<Cut>(rng.below(4));
  check_after(context, run, again.cut(cut, rng), at,
              cat(where, ", then in recovery at its change ", second + 1, " (", cut_name(cut),
                  ")"),
              nullptr);
}

// Which of `n` places are cut: `points` of them, evenly; all for 0.
std::vector<bool> sample(std::uint64_t n, std::uint64_t points, Rng& rng) {
  std::vector<bool> out(n + 1, points == 0 || points > n);
  for (std::uint64_t i = 0; i < points && points <= n; ++i) {
    out[i * (n + 1) / points + rng.below((n + 1) / points)] = true;
  }
  out[n] = true;
  return out;
}

void cut_run(Context& context, std::uint32_t sector, std::uint32_t sync, std::uint64_t points,
             Rng& rng, std::uint64_t& checks, std::uint64_t& places) {
  Recording run;
  run.sync = sync;
  record(context, sector, std::max<std::size_t>(150, points), run);
  const auto chosen = sample(run.changes.size(), points, rng);
  Disk disk = run.start;
  for (std::uint64_t at = 0; at <= run.changes.size(); ++at) {
    if (at > 0) disk.apply(run.changes[at - 1]);
    if (!chosen[at]) continue;
    ++places;
    for (const auto cut : {Cut::lost, Cut::torn, Cut::reordered}) {
      const auto where =
          cat("power cut after change ", at, " of ", run.changes.size(), " (",
              at == 0 ? "none" : place_of(run.changes[at - 1]), "), unsynced ", cut_name(cut));
      const Disk after = disk.cut(cut, rng);
      check_after(context, run, after, at, where, nullptr);
      ++checks;
      if (rng.chance(10)) check_twice(context, run, after, at, where, rng);
    }
  }
}

void cut_sampled(Context& context, std::uint32_t sector,
                 std::uint32_t sync = DUNLIN_SYNC_ALWAYS) {
  if (!context.options.real_dir.empty()) throw Skipped("needs the simulated disk");
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(context.options.minutes * 60);
  Rng rng(context.seed);
  std::uint64_t checks = 0, places = 0;
  // Long runs are many runs of a length that a person can still look at.
  constexpr std::uint64_t points_of_run = 250;
  const std::uint64_t wanted = context.options.cut_points / 2;
  do {
    const auto points = wanted == 0         ? 0
                        : places >= wanted ? points_of_run
                                           : std::min(wanted - places, points_of_run);
    cut_run(context, sector, sync, points, rng, checks, places);
    ++context.seed;
  } while (places < wanted || (context.options.minutes > 0 && Clock::now() < end));
  context.notes.push_back(cat(places, " places cut, ", checks, " disks checked, sectors of ",
                              sector, " bytes"));
}

void small_sectors(Context& context) { cut_sampled(context, 512); }
void large_sectors(Context& context) { cut_sampled(context, 4096); }
void synced_by_time(Context& context) { cut_sampled(context, 512, DUNLIN_SYNC_INTERVAL); }
void never_synced(Context& context) { cut_sampled(context, 512, DUNLIN_SYNC_NONE); }

}  // namespace

void add_power_tests(Suite& suite) {
  suite.push_back({"power.cut_at_every_change_512", "power loss", small_sectors});
  suite.push_back({"power.cut_at_every_change_4096", "power loss", large_sectors});
  suite.push_back({"power.cut_while_synced_by_time", "power loss", synced_by_time});
  suite.push_back({"power.cut_while_never_synced", "power loss", never_synced});
}

}  // namespace dunlin::testkit
