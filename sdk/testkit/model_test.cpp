// Random operations against the backend and the model, side by side.
#include <chrono>

#include "sdk/testkit/script.hpp"

namespace dunlin::testkit {
namespace {

constexpr double shrink_seconds = 20;

// Rounds of operations, each in its own process: what fails is shrunk and printed as a script.
void rounds(Context& context, std::uint64_t usual, std::size_t operations, bool crashes) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(context.options.minutes * 60);
  Rng rng(context.seed);
  // A real disk takes its time for each sync.
  if (!context.options.real_dir.empty()) usual = (usual + 7) / 8;
  std::uint64_t round = 0;
  for (; round < context.scaled(usual); ++round) {
    if (context.options.minutes > 0 && Clock::now() >= end) break;
    const std::uint64_t seed = rng.next() % 1'000'000'007;
    const auto script = random_script(rng, operations, crashes);
    const auto result = run_script_alone(context.options, seed, script);
    if (!result.bad()) continue;
    const auto least = shrink(context.options, seed, script, result, shrink_seconds);
    const auto last = run_script_alone(context.options, seed, least);
    throw Failure(result.clause,
                  cat(last.bad() ? last.text : result.text, "\n      round ", round + 1, ", ",
                      least.size(), " operations left of ", script.size(),
                      "; put this into a file for --script FILE --seed ", seed, ":\n",
                      script_text(least)));
  }
  context.notes.push_back(cat(round, " rounds of ", operations, " operations"));
}

void without_crashes(Context& context) { rounds(context, 40, 120, false); }
void with_crashes(Context& context) { rounds(context, 40, 100, true); }
void long_rounds(Context& context) { rounds(context, 2, 1500, true); }

}  // namespace

void add_model_tests(Suite& suite) {
  suite.push_back({"model.random_operations", "model", without_crashes});
  suite.push_back({"model.random_operations_and_power_cuts", "model", with_crashes});
  suite.push_back({"model.long_runs", "model", long_rounds});
}

}  // namespace dunlin::testkit
