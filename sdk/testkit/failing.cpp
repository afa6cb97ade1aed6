// Failing I/O: call 1, 2, 3, ... of the file table fails, and nothing that was promised may break.
#include <algorithm>

#include "sdk/testkit/runner.hpp"
#include "sdk/testkit/workload.hpp"

namespace dunlin::testkit {
namespace {

constexpr std::uint64_t places_usual = 40;
constexpr std::uint64_t minute_ns = 60'000'000'000;

struct Setup {
  Workload workload;
  std::uint64_t calls = 0;
};

WorldOptions options_with(Context& context, std::uint64_t salt) {
  auto out = context.world();
  out.seed = context.seed * 31 + salt;
  return out;
}

// Opens the logs; false when the fault forbids it.
bool open_logs(Session& session, Log* (&logs)[log_count]) {
  for (std::size_t i = 0; i < log_count; ++i) {
    Outcome out;
    logs[i] = session.open_log(log_names[i], options_of(i), &out);
    if (!out.ok()) return false;
  }
  return true;
}

Setup rehearse(Context& context) {
  Setup out;
  World world(options_with(context, 0), fresh_disk());
  Session session(world, store_dir);
  if (session.has(DUNLIN_STORE_VOLATILE)) throw Skipped("no I/O by design");
  Log* logs[log_count] = {};
  open_logs(session, logs);
  Rng rng(context.seed);
  out.workload =
      make_workload(rng, {120, world.storage().features, session.costs(), true, true});
  Progress progress;
  progress.clock = [] { return 0; };
  run_workload(session, logs, out.workload, progress);
  session.close();
  out.calls = world.fs_calls;
  if (out.calls == 0) throw Skipped("the backend does not use dunlin.fs/1");
  return out;
}

// A log whose disk went may refuse to be read, but not answer wrongly.
bool refuses(Session& session, Log* log) {
  if (log != nullptr) return log->read({}).status == DUNLIN_E_IO;
  std::vector<MetaItem> items;
  return session.list_meta("", items).status == DUNLIN_E_IO;
}

void check_tracks(Session& session, Log* const (&logs)[log_count], const Setup& setup,
                  const Progress& progress, const std::string& where, bool may_refuse) {
  for (std::size_t track = 0; track < track_count; ++track) {
    Log* log = track < log_count ? logs[track] : nullptr;
    if (may_refuse && refuses(session, log)) continue;
    try {
      check_track(session, log, track, setup.workload, progress.least(track, 0),
                  progress.most(track, 0), where);
    } catch (const Failure&) {
      // It may meet the error only now, and refuse from here on.
      if (!may_refuse || !refuses(session, log)) throw;
    }
  }
}

// After the disk has room again the log goes on by itself.
void check_resumes(Session& session, Log& log, const std::string& where) {
  session.world().scheduler.pass(minute_ns);
  const auto state = log.state();
  Record record;
  record.seq = state.last_seq + 1;
  record.time_ns = INT64_MAX / 2;
  record.subject = log.name() == log_names[1] ? "" : "room.again";
  const auto out = log.append({record});
  expect(out.ok(), "no space", where, ": a minute after there was room again append says ",
         status_name(out.status), " ", out.text);
  auto synced = log.sync();
  expect(synced.ok(), "no space", where, ": sync says ", status_name(synced.status));
  Removed removed;
  const auto cut = log.truncate(state.last_seq, removed);
  expect(cut.ok(), "no space", where, ": truncate says ", status_name(cut.status));
  synced = log.sync();
  expect(synced.ok(), "no space", where, ": sync says ", status_name(synced.status));
}

void one_place(Context& context, const Setup& setup, const Fault& fault) {
  const auto where = cat(fault_name(fault.kind), " at call ", fault.at,
                         fault.count == 1 ? "" : " and after");
  Progress progress;
  progress.clock = [] { return 0; };
  Rng rng(context.seed + fault.at);
  Disk after;
  {
    World world(options_with(context, 0), fresh_disk());
    world.fs_calls = 0;
    world.fault = fault;
    Outcome opened;
    Session session(world, store_dir, DUNLIN_LOG_CREATE, &opened);
    Log* logs[log_count] = {};
    const bool open = opened.ok() && open_logs(session, logs);
    Outcome ended = opened;
    if (open) {
      ended = run_workload(session, logs, setup.workload, progress);
      world.fault = {};
      if (fault.kind == Fault::slow) {
        expect(ended.ok(), "slow disk", where, ": ", status_name(ended.status), " ", ended.text);
      }
      if (fault.kind == Fault::no_space && ended.status == DUNLIN_E_NO_SPACE) {
        check_resumes(session, *logs[0], where);
        progress.begun[0].push_back(0);
      } else {
        check_tracks(session, logs, setup, progress, where + ", still open", true);
      }
    }
    world.fault = {};
    after = world.disk.cut(rng.chance(50) ? Cut::lost : Cut::kept, rng);
  }
  if (progress.begun[0].size() >= setup.workload.tracks[0].digests.size()) {
    progress.begun[0].resize(setup.workload.tracks[0].digests.size() - 1);
  }
  World world(options_with(context, fault.at), after);
  Session session(world, store_dir);
  Log* logs[log_count] = {};
  expect(open_logs(session, logs), "S2", where, ": the logs do not open afterwards");
  check_tracks(session, logs, setup, progress, where + ", opened again", false);
}

void try_places(Context& context, Fault::Kind kind) {
  if (!context.options.real_dir.empty()) throw Skipped("needs the simulated disk");
  const auto setup = rehearse(context);
  const auto places =
      context.options.minutes > 0 ? setup.calls : std::min(setup.calls, places_usual);
  std::uint64_t tried = 0;
  for (std::uint64_t i = 0; i < places; ++i) {
    // The first calls one by one, as opening differs most; then evenly.
    const auto at = i < places / 3 ? i + 1 : 1 + i * setup.calls / places;
    for (const std::uint64_t count : {std::uint64_t{1}, UINT64_MAX}) {
      if (count != 1 && kind == Fault::slow) continue;
      // A crash is a result of this place, not of the test.
      const auto result =
          run_alone(context.options, context.seed, 20, "failing I/O", [&](Context& inner) {
            one_place(inner, setup, {kind, at, count, 0});
          });
      ++tried;
      if (!result.bad()) continue;
      const auto named = result.kind == Result::failed
                             ? result.text
                             : cat(fault_name(kind), " at call ", at, ": ",
                                   result_name(result.kind), " ", result.text);
      throw Failure(result.clause, named);
    }
  }
  context.notes.push_back(cat(tried, " places of ", setup.calls, " calls"));
}

// A disk that fills up and is given room again: records are refused, nothing is damaged, what was
// there can be removed where the backend says that it is full, and the log goes on by itself.
void fill_disk(Context& context) {
  if (!context.options.real_dir.empty()) throw Skipped("needs the simulated disk");
  constexpr std::uint64_t room = 48u << 20, record_bytes = 60'000, records_max = 2000;
  Rig rig(context);
  if (rig.has(DUNLIN_STORE_VOLATILE)) throw Skipped("no I/O by design");
  rig.append_mixed(20);
  rig.sync();
  Disk& disk = rig.world().disk;
  if (disk.files(store_dir).empty()) throw Skipped("the backend does not use dunlin.fs/1");
  const auto capacity = std::exchange(disk.capacity, disk.used() + room);
  const auto told = [&](std::uint32_t kind) {
    return std::any_of(rig.log().events.begin(), rig.log().events.end(),
                       [&](const LogEvent& event) { return event.kind == kind; });
  };
  Outcome refused;
  std::uint64_t tried = 0;
  for (; refused.ok() && tried < records_max; ++tried) {
    const auto record = rig.record("orders.eu.1", record_bytes);
    refused = rig.log().append({record});
    if (refused.ok()) rig.model.append(record);
    if (refused.ok() && tried % 8 == 7) refused = rig.log().sync();
    if (refused.status == DUNLIN_E_AGAIN) refused = {};
    rig.world().scheduler.pass(100'000'000);
  }
  expect(refused.status == DUNLIN_E_NO_SPACE, "no space", "a disk with ", room,
         " bytes left took ", tried, " records of ", record_bytes, ", then: ",
         status_name(refused.status), " ", refused.text);
  if (told(DUNLIN_LOG_FULL)) {
    rig.remove({rig.model.first()});
    rig.sync();
  }
  rig.check_all();
  disk.capacity = capacity;
  rig.world().scheduler.pass(minute_ns);
  expect(!told(DUNLIN_LOG_FULL) || told(DUNLIN_LOG_RESUMED), "no space",
         "DUNLIN_LOG_FULL was told, and a minute after there was room DUNLIN_LOG_RESUMED was not");
  rig.append_mixed(20);
  rig.sync();
  rig.check_lasting();
  context.notes.push_back(cat("refused after ", tried, " records"));
}

}  // namespace

void add_fault_tests(Suite& suite) {
  const auto add = [&](const char* name, Fault::Kind kind) {
    suite.push_back({name, "failing I/O", [kind](Context& context) { try_places(context, kind); }});
  };
  add("failing.no_space", Fault::no_space);
  add("failing.io_error", Fault::io_error);
  add("failing.short_write", Fault::short_write);
  add("failing.sync", Fault::sync_error);
  add("failing.slow", Fault::slow);
  suite.push_back({"full_disk.refuses_records_and_goes_on_by_itself", "no space", fill_disk});
}

}  // namespace dunlin::testkit
