// A plugin that crashes ends the process, and the last line says which plugin it was.

#include <gtest/gtest.h>
#include <signal.h>

#include "core/plugin/crash_report.hpp"
#include "core/plugin/plugin_host.hpp"
#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

// Sanitizers have a crash handler of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(CrashReportDeathTest, names_the_plugin_whose_code_faulted) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const Directory directory;
  directory.copy_plugin("create-crashes");
  const auto crash = [&] {
    install_crash_report();
    HandExecutor executor;
    HandTime time;
    PluginHostOptions options;
    options.loader.directory = directory.path;
    PluginHost host(options, executor, time, HostServices{});
    static_cast<void>(host.load({{{"create-crashes", "", "", ""}, nullptr, true}}));
  };
  EXPECT_EXIT(crash(), testing::KilledBySignal(SIGSEGV),
              "fatal: SIGSEGV at 0x[0-9a-f]+ in the code of plugin create-crashes");
}
#endif

TEST(CrashReportDeathTest, says_which_plugin_was_running_when_the_code_is_unknown) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const auto crash = [] {
    install_crash_report();
    set_current_plugin("wanderer");
    ::raise(SIGSEGV);
  };
  EXPECT_EXIT(crash(), testing::KilledBySignal(SIGSEGV), "while plugin wanderer was running");
#else
  GTEST_SKIP() << "sanitizers have a crash handler of their own";
#endif
}

}  // namespace
}  // namespace dunlin::plugin::test
