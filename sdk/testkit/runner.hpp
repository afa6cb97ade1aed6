// Runs tests, each in a process of its own, and says what came of them.
//
// A crash or a hang is a result. One thread; forks.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sdk/testkit/suite.hpp"

namespace dunlin::testkit {

struct Result {
  enum Kind { passed, failed, skipped, crashed, hung };
  Kind kind = passed;
  std::string clause, text;
  std::vector<std::string> notes;
  double seconds = 0;
  [[nodiscard]] bool bad() const { return kind == failed || kind == crashed || kind == hung; }
};
const char* result_name(Result::Kind kind);

struct TestResult {
  Test test;
  Result result;
};

// Runs `body` in a child process, for at most `timeout_s`.
Result run_alone(const Options& options, std::uint64_t seed, unsigned timeout_s,
                 const std::string& clause, const std::function<void(Context&)>& body);

// The command that runs this test again.
std::string repeat_command(const Options& options, const std::string& test);

// What the plugin says of itself, for the card.
struct Subject {
  std::string id, version, kind, features;
  bool owns_io = false;
};

void print_result(const Options& options, const TestResult& one);
void write_junit(const Options& options, const std::vector<TestResult>& results);
void write_card(const Options& options, const Subject& subject,
                const std::vector<TestResult>& results);

}  // namespace dunlin::testkit
