#include "core/server/plugin_command.hpp"

#include <dunlin/ext/command.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <vector>

#include "core/base/log.hpp"
#include "core/config/load.hpp"
#include "core/plugin/crash_report.hpp"
#include "core/plugin/plugin_search.hpp"
#include "core/plugin/struct_size.hpp"
#include "core/server/config_nodes.hpp"
#include "core/server/log_sink.hpp"
#include "core/server/plugin_executor.hpp"
#include "core/server/plugin_wiring.hpp"
#include "core/server/plugin_wish.hpp"

namespace dunlin::server {

namespace {

constexpr std::string_view command_prefix = DUNLIN_EXT_COMMAND ":";
constexpr int failed = 1;

// A file that cannot be read leaves the options as they are without one; the text says why.
config::Options options_of(const config::CommandLine& command,
                           const dunlin_entry_fn* static_plugins, std::string& problem) {
  if (command.config_file.empty()) return {};
  auto loaded = config::load_file(command.config_file,
                                  sections_provided(command.config_file, static_plugins));
  if (!loaded) {
    problem = loaded.error().text;
    return {};
  }
  if (!loaded->diagnostics.errors.empty()) problem = loaded->diagnostics.text();
  return std::move(loaded->options);
}

std::vector<plugin::Candidature> plugins_of(const config::Options& options,
                                            const plugin::PluginHostOptions& host) {
  std::vector<plugin::PluginRequest> named;
  for (const config::PluginEntry& entry : options.plugins.load)
    named.push_back({entry.id, entry.path, entry.sha256,
                     fmt::format("plugins.load at {}", entry.at.text())});
  return plugin::plugins_found(host, named);
}

// With the sections that the configuration has for them.
std::vector<plugin::Asked> asked_for(const std::vector<plugin::Candidature>& chosen,
                                     const config::Options& options, ConfigNodes& nodes,
                                     const std::string& word) {
  const auto configured = plugins_asked_for(options, nodes);
  std::vector<plugin::Asked> all;
  for (const plugin::Candidature& one : chosen) {
    const auto same = std::find_if(
        configured.begin(), configured.end(),
        [&](const plugin::Asked& other) { return other.request.id == one.identity.id; });
    plugin::Asked& added = all.emplace_back();
    if (same != configured.end()) added = *same;
    else added.request = one.request;
    added.required = one.needed;
    if (added.request.asked_by.empty())
      added.request.asked_by = fmt::format("the command {}", word);
  }
  return all;
}

void write(void*, std::uint32_t stream, dunlin_str text) noexcept {
  std::FILE* const to = stream == DUNLIN_COMMAND_RESULT ? stdout : stderr;
  std::fwrite(text.data, 1, text.size, to);
}

// The process around a command: plugins, their threads, and their end in the right order.
class CommandProcess {
 public:
  CommandProcess(plugin::PluginHostOptions host, const std::vector<plugin::Asked>& asked)
      : executor_(control_, shards_),
        time_(plugin::make_system_time()),
        host_(std::move(host), executor_, *time_, plugin::HostServices{}),
        asked_(asked) {}

  ~CommandProcess() {
    host_.stop();
    executor_.close();
    control_.restart();
    control_.poll();
    host_.destroy();
  }

  plugin::Outcome start() {
    if (auto loaded = host_.load(asked_); !loaded) return loaded;
    if (auto configured = host_.configure(); !configured) return configured;
    return host_.start();
  }

  // Nothing when the plugin did not offer what it declares.
  std::optional<int> run(const std::string& capability, const std::vector<std::string>& words) {
    const dunlin_offer offer = host_.find_offer(capability);
    if (offer.table == nullptr) return std::nullopt;
    const auto table = plugin::copy_sized(static_cast<const dunlin_command*>(offer.table));
    if (!table || table->run == nullptr) return std::nullopt;
    std::vector<dunlin_str> arguments;
    for (std::size_t i = 1; i < words.size(); ++i)
      arguments.push_back({words[i].data(), words[i].size()});
    int code = failed;
    const auto work = boost::asio::make_work_guard(control_);
    executor_.post_worker([&] {
      code = table->run(offer.self, arguments.data(), arguments.size(), write, nullptr);
      boost::asio::post(control_, [this] { control_.stop(); });
    });
    control_.run();
    return code;
  }

 private:
  boost::asio::io_context control_{1};
  PluginExecutor::Shards shards_;
  PluginExecutor executor_;
  const std::unique_ptr<plugin::TimeSource> time_;
  plugin::PluginHost host_;
  const std::vector<plugin::Asked>& asked_;
};

int complain(std::string_view text) {
  std::fprintf(stderr, "%s: %.*s\n", config::program_name.data(), static_cast<int>(text.size()),
               text.data());
  return failed;
}

}  // namespace

std::optional<int> run_plugin_command(const config::CommandLine& command,
                                      const dunlin_entry_fn* static_plugins) {
  const std::string& word = command.positional.front();
  const std::string capability = std::string(command_prefix) + word;
  std::string problem;
  const config::Options options = options_of(command, static_plugins, problem);
  const auto host = plugin_host_options(options, static_plugins);
  const auto chosen = plugin::provider_and_needs(plugins_of(options, host), capability);
  if (chosen.empty()) return std::nullopt;
  if (!problem.empty()) return complain(problem);
  // What plugins log while they start is for servers; problems are for everyone.
  log::set_sink([](log::Level level, std::string_view text) {
    if (level <= log::Level::warning) complain(text);
  });
  plugin::install_crash_report();
  ConfigNodes nodes;
  const auto asked = asked_for(chosen, options, nodes, word);
  CommandProcess process(host, asked);
  if (const auto started = process.start(); !started) {
    complain(started.error().text());
    return started.error().exit_code();
  }
  if (const auto code = process.run(capability, command.positional)) return code;
  return complain(fmt::format("{} declares the command {}, but does not offer it",
                              chosen.front().identity.id, word));
}

std::string plugin_commands_text(const config::CommandLine& command,
                                 const dunlin_entry_fn* static_plugins) {
  std::string problem;
  const config::Options options = options_of(command, static_plugins, problem);
  const auto host = plugin_host_options(options, static_plugins);
  std::string text;
  for (const plugin::Candidature& one : plugins_of(options, host)) {
    for (const std::string_view provided : one.identity.provides) {
      if (!provided.starts_with(command_prefix)) continue;
      const auto word = provided.substr(command_prefix.size());
      text += fmt::format("    {:<32} Command of the plugin {}; alone it shows its usage\n", word,
                          one.identity.id);
    }
  }
  return text.empty() ? text : "Commands:\n" + text;
}

}  // namespace dunlin::server
