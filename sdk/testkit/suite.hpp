// Tests, what they are given, and how they are listed.
//
// A test runs in a process of its own, so it may crash, hang or leak. It throws Failure or Skipped
// or returns; what it adds to `notes` appears on the card.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sdk/testkit/sim/world.hpp"

namespace dunlin::testkit {

struct Options {
  std::string plugin;
  std::vector<std::string> settings;
  std::vector<std::string> only;
  std::string junit, card, script, real_dir;
  std::uint64_t seed = 1;
  double minutes = 0;  // 0: each test does its usual work
  std::uint64_t cut_points = 500;
  std::uint64_t records_max = 200'000;
  std::uint64_t lifecycles = 200;
  std::uint64_t kills = 20;
  unsigned timeout_s = 120;
  bool verbose = false, list = false, deep_damage = false;
};

struct Context {
  const Options& options;
  std::uint64_t seed;
  std::vector<std::string> notes;

  [[nodiscard]] WorldOptions world() const {
    WorldOptions out;
    out.plugin = options.plugin;
    out.settings = options.settings;
    out.seed = seed;
    out.real_dir = options.real_dir;
    out.real_threads = !options.real_dir.empty();
    out.verbose = options.verbose;
    return out;
  }
  // How often to go round: `usual`, or as much as the minutes given allow.
  [[nodiscard]] std::uint64_t scaled(std::uint64_t usual) const {
    return options.minutes > 0 ? UINT64_MAX : usual;
  }
};

struct Test {
  std::string name;    // what the backend does, as a sentence: "append.refuses_a_hole"
  std::string clause;  // "S1" to "S9", or the function or duty it is about
  std::function<void(Context&)> body;
};

using Suite = std::vector<Test>;
void add_record_tests(Suite& suite);    // append, read, gaps, skip
void add_query_tests(Suite& suite);     // count, subjects, spans, last_each, seq_at, due
void add_change_tests(Suite& suite);    // remove, purge, truncate, reschedule, snapshots
void add_store_tests(Suite& suite);     // open, logs, metadata, life cycle
void add_clause_tests(Suite& suite);    // S1 to S9 one by one
void add_model_tests(Suite& suite);     // random operations against the model
void add_power_tests(Suite& suite);     // power loss at every write and sync
void add_kill_tests(Suite& suite);      // real processes that end by SIGKILL
void add_damage_tests(Suite& suite);    // broken files
void add_fault_tests(Suite& suite);     // failing calls
void add_figure_tests(Suite& suite);    // memory and performance

}  // namespace dunlin::testkit
