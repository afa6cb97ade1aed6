// Operations as data: drawn at random, run against a Rig, shrunk, and written as lines of text.
//
// An operation is a kind and three numbers, resolved against what the log is when it runs, so that
// any part of a script is a script too.

#pragma once

#include <string>
#include <vector>

#include "sdk/testkit/rig.hpp"
#include "sdk/testkit/runner.hpp"

namespace dunlin::testkit {

struct Op {
  std::string kind;
  std::uint64_t a = 0, b = 0, c = 0;
};
using Script = std::vector<Op>;

Script random_script(Rng& rng, std::size_t operations, bool crashes);
// Throws Failure at the first difference.
void run_script(Rig& rig, const Script& script);
void run_op(Rig& rig, const Op& op);

std::string script_text(const Script& script);
Script parse_script(const std::string& text);

// Runs a script in processes of its own, with fewer and fewer operations, until none can be left
// out without the failure going away.
Script shrink(const Options& options, std::uint64_t seed, const Script& script,
              const Result& failure, double seconds);
Result run_script_alone(const Options& options, std::uint64_t seed, const Script& script);

// --script: 0 when it passes.
int replay_script(const Options& options);

}  // namespace dunlin::testkit
