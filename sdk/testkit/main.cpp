// dunlin-storage-testkit: does a storage backend keep the promises of ext/storage.h?
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "sdk/testkit/rig.hpp"
#include "sdk/testkit/runner.hpp"
#include "sdk/testkit/script.hpp"

namespace dunlin::testkit {
namespace {

constexpr const char* usage = R"(Usage: dunlin-storage-testkit --plugin FILE.so [options]
  --set KEY=VALUE     a key of the plugin's configuration (repeatable; "a.b=c" for tables)
  --only NAME         only tests of this clause ("S1") or whose name begins so (repeatable)
  --nightly           hours of it: --cut-points 10000 --minutes 5 --records 10000000
                      --lifecycles 1000 --kills 500 --timeout 3600, and what is said after it
  --seed N            of everything random (default 1)
  --minutes M         each random test goes on for M minutes
  --cut-points N      power cuts sampled in each recorded run; 0 for all (default 500)
  --records N         records of the memory test (default 200000)
  --kills N           processes that are killed, with --real (default 20)
  --lifecycles N      opens and closes of the life cycle test (default 200)
  --timeout S         for one test (default 120)
  --deep-damage       damage in a longer run, and after a kill too: what was acknowledged must then
                      be told from what the kill tore, which is more than the contract asks
  --real DIR          real files below DIR and real threads instead of simulated ones
  --script FILE       replays operations that a failed model test printed
  --junit FILE        writes results as JUnit XML
  --card FILE         writes a card in Markdown
  --list              names the tests
  --verbose           shows the plugin's log
Exit code: 0 all passed, 1 something failed, 2 wrong use.
)";

struct Parsed {
  Options options;
  bool ok = true;
};

Parsed parse(int argc, char** argv) {
  Parsed out;
  Options& to = out.options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--list") {
      to.list = true;
      continue;
    }
    if (name == "--verbose") {
      to.verbose = true;
      continue;
    }
    if (name == "--deep-damage") {
      to.deep_damage = true;
      continue;
    }
    if (name == "--nightly") {
      to.cut_points = 10'000;
      to.minutes = 5;
      to.records_max = 10'000'000;
      to.lifecycles = 1000;
      to.kills = 500;
      to.timeout_s = 3600;
      continue;
    }
    if (i + 1 == argc || !name.starts_with("--")) return {to, false};
    const char* value = argv[++i];
    const auto number = [&] { return std::strtoull(value, nullptr, 10); };
    if (name == "--plugin") to.plugin = value;
    else if (name == "--set") to.settings.emplace_back(value);
    else if (name == "--only") to.only.emplace_back(value);
    else if (name == "--seed") to.seed = number();
    else if (name == "--minutes") to.minutes = std::strtod(value, nullptr);
    else if (name == "--cut-points") to.cut_points = number();
    else if (name == "--records") to.records_max = number();
    else if (name == "--lifecycles") to.lifecycles = number();
    else if (name == "--kills") to.kills = number();
    else if (name == "--timeout") to.timeout_s = static_cast<unsigned>(number());
    else if (name == "--real") to.real_dir = value;
    else if (name == "--script") to.script = value;
    else if (name == "--junit") to.junit = value;
    else if (name == "--card") to.card = value;
    else return {to, false};
  }
  out.ok = !to.plugin.empty() || to.list;
  return out;
}

Suite whole_suite() {
  Suite suite;
  add_record_tests(suite);
  add_query_tests(suite);
  add_change_tests(suite);
  add_store_tests(suite);
  add_clause_tests(suite);
  add_model_tests(suite);
  add_power_tests(suite);
  add_kill_tests(suite);
  add_fault_tests(suite);
  add_damage_tests(suite);
  add_figure_tests(suite);
  return suite;
}

bool chosen(const Options& options, const Test& test) {
  if (options.only.empty()) return true;
  return std::any_of(options.only.begin(), options.only.end(), [&](const std::string& only) {
    return test.clause == only || test.name.starts_with(only);
  });
}

// Loads the plugin once, in a process of its own, to know what it is.
Result introduce(const Options& options) {
  return run_alone(options, options.seed, options.timeout_s, "lifecycle", [](Context& context) {
    Rig rig(context);
    const auto& storage = rig.world().storage();
    static constexpr const char* features[] = {
        "volatile", "subject index", "snapshots", "due index", "compression", "encryption",
        "erase", "atomic appends"};
    std::string claims;
    for (std::size_t bit = 0; bit < std::size(features); ++bit) {
      if ((storage.features & (1u << bit)) == 0) continue;
      claims += claims.empty() ? features[bit] : cat(", ", features[bit]);
    }
    context.notes = {rig.world().entry().id, rig.world().entry().version, storage.kind, claims,
                     rig.world().fs_calls == 0 ? "own" : "dunlin.fs"};
  });
}

int run(const Options& options) {
  const Result met = introduce(options);
  if (met.kind != Result::passed || met.notes.size() != 5) {
    std::printf("FAIL  %s: %s\n", met.clause.c_str(), met.text.c_str());
    return 1;
  }
  const Subject subject{met.notes[0], met.notes[1], met.notes[2], met.notes[3],
                        met.notes[4] == "own"};
  std::printf("%s %s, storage/1:%s; claims %s\n", subject.id.c_str(), subject.version.c_str(),
              subject.kind.c_str(), subject.features.c_str());
  if (!options.script.empty()) return replay_script(options);
  std::vector<TestResult> results;
  for (const auto& test : whole_suite()) {
    if (!chosen(options, test)) continue;
    const auto extra = static_cast<unsigned>(options.minutes * 60);
    const auto result =
        run_alone(options, options.seed, options.timeout_s + extra, test.clause, test.body);
    results.push_back({test, result});
    print_result(options, results.back());
  }
  if (!options.junit.empty()) write_junit(options, results);
  if (!options.card.empty()) write_card(options, subject, results);
  const auto bad = std::count_if(results.begin(), results.end(),
                                 [](const TestResult& one) { return one.result.bad(); });
  std::printf("%zu tests, %zu failed\n", results.size(), static_cast<std::size_t>(bad));
  return bad == 0 && !results.empty() ? 0 : 1;
}

int main_with(int argc, char** argv) {
  auto [options, ok] = parse(argc, argv);
  if (!ok) {
    std::fputs(usage, stderr);
    return 2;
  }
  if (options.list) {
    for (const auto& test : whole_suite()) {
      std::printf("%-10s %s\n", test.clause.c_str(), test.name.c_str());
    }
    return 0;
  }
  options.plugin = std::filesystem::absolute(options.plugin);
  if (!options.real_dir.empty()) {
    options.real_dir = std::filesystem::absolute(options.real_dir);
    std::filesystem::create_directories(options.real_dir);
  }
  return run(options);
}

}  // namespace
}  // namespace dunlin::testkit

int main(int argc, char** argv) {
  try {
    return dunlin::testkit::main_with(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dunlin-storage-testkit: %s\n", error.what());
    return 2;
  }
}
