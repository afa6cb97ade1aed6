// The examples, built from the installed SDK, do in a host what their sources say.

#include <gmock/gmock.h>

#include "core/plugin/plugin_host.hpp"
#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

TEST(Examples, both_load_read_their_sections_start_and_stop) {
  const char* directory = std::getenv("DUNLIN_EXAMPLES");
  ASSERT_NE(directory, nullptr) << "run through ctest";
  HandExecutor executor;
  HandTime time;
  PluginHostOptions options;
  options.loader.directory = directory;
  options.config.duration_ns = [](std::string_view text) -> result<std::int64_t> {
    if (text != "10s") return fail("unexpected");
    return 10'000'000'000;
  };
  PluginHost host(options, executor, time, HostServices{});
  const Node c_section{{"greeting", "good morning"}};
  const Node cpp_section{{"greeting", "good evening"}};
  const auto ask = [](const char* id, const Node& section) {
    return Asked{{id, "", "", ""}, &section, true};
  };
  auto loaded = host.load({ask("com.example.greeter-cpp", cpp_section),
                           ask("com.example.greeter-c", c_section)});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text();
  auto configured = host.configure();
  ASSERT_TRUE(configured.has_value()) << configured.error().text();
  testing::internal::CaptureStderr();
  auto started = host.start();
  ASSERT_TRUE(started.has_value()) << started.error().text();
  const auto log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("com.example.greeter-c: good morning"));
  EXPECT_THAT(log, testing::HasSubstr("greeting with \"good evening\""));
  for (const auto& plugin : host.list()) EXPECT_EQ(plugin.status, "started") << plugin.id;
  host.stop();
  executor.run();
  host.destroy();
}

TEST(Examples, a_refused_value_is_named_with_its_place) {
  const char* directory = std::getenv("DUNLIN_EXAMPLES");
  ASSERT_NE(directory, nullptr) << "run through ctest";
  HandExecutor executor;
  HandTime time;
  PluginHostOptions options;
  options.loader.directory = directory;
  PluginHost host(options, executor, time, HostServices{});
  const Node section{{"greeting", Node("").at_line(9)}};
  ASSERT_TRUE(host.load({{{"com.example.greeter-cpp", "", "", ""}, &section, true}}).has_value());
  EXPECT_THAT(host.configure().error().text(),
              testing::HasSubstr("a greeting says something at server.toml:9:5"));
}

}  // namespace
}  // namespace dunlin::plugin::test
