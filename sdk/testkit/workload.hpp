// A run that is known before it happens: changes to two logs and to metadata, with syncs between
// them, and what each log holds after each change.
//
// Power loss and failing calls are judged by it: afterwards a log must hold one of the states from
// the last one acknowledged to the last one begun.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sdk/testkit/rig.hpp"

namespace dunlin::testkit {

struct Step {
  enum Kind { append, skip, remove, purge, truncate, reschedule, put_meta, sync, pump, pass };
  Kind kind;
  std::size_t log = 0;
  std::vector<Record> records;  // several: all or none
  std::vector<std::uint64_t> seqs;
  std::string filter;
  std::uint64_t a = 0, b = 0;
  std::vector<MetaItem> items;
};

// One thing with states: log 0, log 1, or (2) the metadata.
struct Track {
  std::vector<std::uint64_t> digests;  // [i]: after i changes
  std::vector<std::uint64_t> lasts;    // of a log: its last sequence
  std::vector<std::string> texts;      // for people
};

constexpr std::size_t log_count = 2, meta_track = 2, track_count = 3;
extern const char* const log_names[log_count];

struct WorkloadOptions {
  std::size_t steps = 300;
  std::uint32_t features = 0;
  Costs costs;
  bool metadata = true;
  bool waits = false;  // for each put and sync: then what fails is the last thing begun
};

struct Workload {
  std::vector<Step> steps;
  Track tracks[track_count];
  std::vector<Model> finals;  // of the two logs
};
Workload make_workload(Rng& rng, const WorkloadOptions& options);

// What was begun and acknowledged when; `clock` counts whatever the caller cuts by.
struct Progress {
  std::function<std::uint64_t()> clock;
  std::vector<std::uint64_t> begun[track_count];  // [i]: when change i + 1 was called
  std::vector<std::pair<std::uint64_t, std::uint64_t>> acked[track_count];  // when, how many
  // A sync that completed is no promise, as with DUNLIN_SYNC_INTERVAL and _NONE: what counts as
  // acknowledged is what `durable_seq` says.
  bool syncs_late = false;
  // Told, if set, before a change is called and when it was acknowledged: for a process that may
  // not live to be asked.
  std::function<void(std::size_t track, std::uint64_t changes, bool is_acked)> tell;

  // Changes that must be there, and that may be there, at that time.
  [[nodiscard]] std::uint64_t least(std::size_t track, std::uint64_t at) const;
  [[nodiscard]] std::uint64_t most(std::size_t track, std::uint64_t at) const;
};

// Runs the steps in an open session. Stops at the first call that fails and returns its outcome.
Outcome run_workload(Session& session, Log* const (&logs)[log_count], const Workload& workload,
                     Progress& progress);
OpenLog options_of(std::size_t log, std::uint32_t sync = DUNLIN_SYNC_ALWAYS);

// What a session holds must be a state of the workload between `least` and `most`. Returns which.
std::uint64_t check_track(Session& session, Log* log, std::size_t track, const Workload& workload,
                          std::uint64_t least, std::uint64_t most, const std::string& where);

}  // namespace dunlin::testkit
