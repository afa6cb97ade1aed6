// dunlin-bench: one load scenario against one running server, one line of JSON with the result.

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "bench/load/connection_runs.hpp"
#include "bench/load/options.hpp"
#include "bench/load/publish_run.hpp"
#include "bench/load/report.hpp"
#include "bench/load/request_run.hpp"
#include "bench/load/socket.hpp"

namespace {

dunlin::bench::Report run(const dunlin::bench::Options& options) {
  using dunlin::bench::Mode;
  switch (options.mode) {
    case Mode::request:
      return dunlin::bench::RequestRun{options}.run();
    case Mode::storm:
      return dunlin::bench::run_storm(options);
    case Mode::subscriptions:
      return dunlin::bench::run_subscriptions(options);
    case Mode::publish:
      break;
  }
  return dunlin::bench::PublishRun{options}.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view{argv[1]} == "--help") {
    std::fputs(dunlin::bench::usage_text().c_str(), stdout);
    return 0;
  }
  try {
    const dunlin::bench::Options options = dunlin::bench::parse_options(argc, argv);
    dunlin::bench::raise_file_limit();
    const dunlin::bench::Report report = run(options);
    const std::string text = options.is_text ? dunlin::bench::to_text(report)
                                             : dunlin::bench::to_json(report) + '\n';
    std::fputs(text.c_str(), stdout);
    return report.is_good() ? 0 : 1;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "dunlin-bench: %s\n\n%s", failure.what(),
                 dunlin::bench::usage_text().c_str());
    return 2;
  }
}
