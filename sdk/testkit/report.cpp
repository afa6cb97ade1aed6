// What becomes of the results: lines on the console, JUnit, and the card. See runner.hpp.
#include <dunlin/abi.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>

#include "sdk/testkit/runner.hpp"

namespace dunlin::testkit {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < ' ' && c != '\n' ? '?' : c;
    }
  }
  return out;
}

struct Tally {
  int passed = 0, bad = 0, skipped = 0;
};

std::string fixed(double seconds) {
  char out[32];
  std::snprintf(out, sizeof out, "%.3f", seconds);
  return out;
}

}  // namespace

void print_result(const Options& options, const TestResult& one) {
  const auto& [test, result] = one;
  std::printf("%-5s %-10s %-58s %7.2f s\n", result_name(result.kind), test.clause.c_str(),
              test.name.c_str(), result.seconds);
  if (result.bad()) {
    std::printf("      breaks %s: %s\n      seed %llu; again: %s\n", result.clause.c_str(),
                result.text.c_str(), static_cast<unsigned long long>(options.seed),
                repeat_command(options, test.name).c_str());
  } else if (result.kind == Result::skipped) {
    std::printf("      %s\n", result.text.c_str());
  }
  for (const auto& note : result.notes) std::printf("      %s\n", note.c_str());
  std::fflush(stdout);
}

void write_junit(const Options& options, const std::vector<TestResult>& results) {
  std::ofstream out(options.junit);
  const auto bad = std::count_if(results.begin(), results.end(),
                                 [](const TestResult& one) { return one.result.bad(); });
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"dunlin-storage-testkit\""
      << " tests=\"" << results.size() << "\" failures=\"" << bad << "\">\n";
  for (const auto& [test, result] : results) {
    out << "  <testcase classname=\"" << escaped(test.clause) << "\" name=\""
        << escaped(test.name) << "\" time=\"" << fixed(result.seconds) << "\">";
    if (result.bad()) {
      out << "<failure message=\"" << escaped(result.clause + ": " + result.text) << "\">"
          << escaped(repeat_command(options, test.name)) << "</failure>";
    } else if (result.kind == Result::skipped) {
      out << "<skipped message=\"" << escaped(result.text) << "\"/>";
    }
    out << "</testcase>\n";
  }
  out << "</testsuite>\n";
}

void write_card(const Options& options, const Subject& subject,
                const std::vector<TestResult>& results) {
  std::map<std::string, Tally> tallies;
  Tally all;
  for (const auto& [test, result] : results) {
    for (Tally* tally : {&all, &tallies[test.clause]}) {
      if (result.bad()) ++tally->bad;
      if (result.kind == Result::passed) ++tally->passed;
      if (result.kind == Result::skipped) ++tally->skipped;
    }
  }
  std::ofstream out(options.card);
  out << "# " << subject.id << " " << subject.version << ": "
      << (all.bad == 0 ? "clean" : "not clean") << "\n\n"
      << "Storage backend `" << subject.kind << "` under dunlin-storage-testkit, ABI "
      << DUNLIN_ABI_MAJOR << "." << DUNLIN_ABI_MINOR << ", seed " << options.seed << ", "
      << (options.real_dir.empty() ? "simulated disk and time" : "real files and threads") << ".\n"
      << "Claims: " << subject.features << ".\n\n"
      << all.passed << " passed, " << all.bad << " failed, " << all.skipped
      << " do not apply.\n\n| clause | passed | failed | not applicable |\n|---|---|---|---|\n";
  for (const auto& [clause, tally] : tallies) {
    out << "| " << clause << " | " << tally.passed << " | " << tally.bad << " | " << tally.skipped
        << " |\n";
  }
  bool any = false;
  for (const auto& [test, result] : results) {
    if (result.notes.empty()) continue;
    out << (any ? "" : "\n## Figures\n\n");
    any = true;
    for (const auto& note : result.notes) out << "- " << test.name << ": " << note << "\n";
  }
  if (all.bad == 0) return;
  out << "\n## Failures\n\n";
  for (const auto& [test, result] : results) {
    if (!result.bad()) continue;
    out << "- **" << result.clause << "** " << test.name << ": " << result.text << "\n  `"
        << repeat_command(options, test.name) << "`\n";
  }
}

}  // namespace dunlin::testkit
