// The lifecycle. A plugin's functions are only called through Run, which names the plugin for the
// crash report and turns an exception, which must not cross, into an error instead of an end.

#include "core/plugin/plugin_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "core/base/ensure.hpp"
#include "core/base/log.hpp"
#include "core/plugin/context.hpp"
#include "core/plugin/crash_report.hpp"
#include "core/plugin/dependency.hpp"
#include "core/plugin/shard_budget.hpp"

namespace dunlin::plugin {
namespace {

enum class Stage { loaded, configured, started, stopped, failed };

std::string_view word(Stage stage) {
  switch (stage) {
    case Stage::loaded: return "loaded";
    case Stage::configured: return "configured";
    case Stage::started: return "started";
    case Stage::stopped: return "stopped";
    case Stage::failed: return "failed";
  }
  return "";
}

dunlin_error fresh_error() {
  dunlin_error error{};
  error.struct_size = sizeof error;
  return error;
}

std::string text_of(const dunlin_error& error, dunlin_status status) {
  const std::string text(error.text, ::strnlen(error.text, sizeof error.text));
  return text.empty() ? fmt::format("it gave status {} and no reason", status) : text;
}

}  // namespace

struct PluginHost::Implementation {
  struct Plugin {
    Descriptor descriptor;
    std::string origin, sha256;
    bool is_static = false;
    bool required = true;
    const ConfigNode* section = nullptr;
    std::uint64_t section_mark = 0;  // of the section it was configured with
    std::unique_ptr<Library> library;
    std::unique_ptr<PluginContext> context;
    dunlin_plugin instance{};
    Stage stage = Stage::loaded;
    std::string failure;
    bool prepared = false;  // between reload_prepare and reload_finish

    [[nodiscard]] std::string name() const {
      return fmt::format("{} {}", descriptor.identity.id, descriptor.identity.version);
    }
    [[nodiscard]] bool alive() const { return instance.destroy != nullptr; }
  };
  using List = std::vector<std::unique_ptr<Plugin>>;

  Implementation(PluginHostOptions used_options, Executor& executor, TimeSource& time,
                 const HostServices& services)
      : options(std::move(used_options)), shared(executor, time, services, options.config) {
    shared.list = [this] { return listing(); };
    set_process_router(services.router);
  }

  PluginHostOptions options;
  Shared shared;
  List plugins;  // in start order once loaded
  std::vector<PluginListing> absent;  // optional plugins that could not be loaded
  List added;  // by a reload that is not finished
  Owner last_owner = 0;
  mutable std::mutex list_mutex;  // guards what listing() reads, against list() from other threads

  // Calls a function of the plugin that may fail.
  template <class Call>
  dunlin_status run(Plugin& plugin, dunlin_error& error, Call&& call) {
    set_current_plugin(plugin.descriptor.identity.id.c_str());
    dunlin_status status = DUNLIN_E_INTERNAL;
    try {
      status = call(error);
    } catch (const std::exception& exception) {
      set_error(&error, DUNLIN_E_INTERNAL, fmt::format("it threw: {}", exception.what()));
    } catch (...) {
      set_error(&error, DUNLIN_E_INTERNAL, "it threw something unknown");
    }
    set_current_plugin(nullptr);
    return status;
  }
  template <class Call>
  void run(Plugin& plugin, Call&& call) {
    auto error = fresh_error();
    const auto status = run(plugin, error, [&](dunlin_error&) {
      call();
      return DUNLIN_OK;
    });
    if (status != DUNLIN_OK) {
      log_error("plugin {} misbehaves: {}", plugin.name(), text_of(error, status));
    }
  }

  void set_stage(Plugin& plugin, Stage stage, std::string failure = {}) {
    const std::lock_guard lock(list_mutex);
    plugin.stage = stage;
    plugin.failure = std::move(failure);
  }

  std::vector<PluginListing> listing() const {
    const std::lock_guard lock(list_mutex);
    std::vector<PluginListing> out;
    for (const auto& plugin : plugins) {
      const auto& identity = plugin->descriptor.identity;
      PluginListing line{identity.id, identity.version, plugin->descriptor.summary,
                         plugin->descriptor.license, identity.built, identity.needed,
                         plugin->is_static, plugin->origin, plugin->sha256,
                         std::string(word(plugin->stage))};
      if (!plugin->failure.empty()) line.status += ": " + plugin->failure;
      out.push_back(std::move(line));
    }
    out.insert(out.end(), absent.begin(), absent.end());
    return out;
  }

  // The linked-in entry with this id, if there is one.
  Checked<std::unique_ptr<Plugin>> find_static(const std::string& id) const {
    for (auto entry = options.static_entries; entry != nullptr && *entry != nullptr; ++entry) {
      auto descriptor = read_descriptor((*entry)(), "static");
      if (!descriptor) return descriptor.error();
      if (descriptor->identity.id != id) continue;
      // A linked-in plugin is of this build by construction.
      descriptor->identity.build = options.loader.host.build;
      if (auto ok = check_version(descriptor->identity, options.loader.host, "static"); !ok) {
        return ok.error();
      }
      auto plugin = std::make_unique<Plugin>();
      plugin->descriptor = std::move(*descriptor);
      plugin->origin = "static";
      plugin->is_static = true;
      return plugin;
    }
    return std::unique_ptr<Plugin>();
  }

  Checked<std::unique_ptr<Plugin>> open(const Asked& asked) const {
    auto found = find_static(asked.request.id);
    if (!found) return found.error();
    if (*found != nullptr) {
      if (asked.request.path.empty()) return std::move(*found);
      return Problem{fmt::format("{} is there twice: from static and from {}", asked.request.id,
                                 asked.request.path),
                     {"it is linked into this server: remove its path"},
                     ExitCode::configuration};
    }
    auto loaded = load_plugin(asked.request, options.loader);
    if (!loaded) return loaded.error();
    auto plugin = std::make_unique<Plugin>();
    plugin->descriptor = std::move(loaded->descriptor);
    plugin->origin = std::move(loaded->path);
    plugin->sha256 = std::move(loaded->sha256);
    plugin->library = std::move(loaded->library);
    return plugin;
  }

  // An optional plugin's problem is a warning.
  void warn(const std::string& id, const Problem& problem) {
    Refusal refusal{{problem}};
    log_warning("plugin {}: {}", id, problem.text);
    shared.health.set("", "plugin " + id, DUNLIN_HEALTH_DEGRADED, problem.text);
    const std::lock_guard lock(list_mutex);
    PluginListing line;
    line.id = id;
    line.status = "failed: " + problem.text;
    absent.push_back(std::move(line));
  }

  Checked<void> create(Plugin& plugin) {
    auto& identity = plugin.descriptor.identity;
    add_code_range(identity.id, reinterpret_cast<const void*>(plugin.descriptor.create));
    plugin.context = std::make_unique<PluginContext>(shared, ++last_owner, identity,
                                                     options.product, options.loader.host);
    const dunlin_plugin* made = nullptr;
    auto error = fresh_error();
    const auto status = run(plugin, error, [&](dunlin_error& err) {
      return plugin.descriptor.create(plugin.context.get(), &made, &err);
    });
    if (status != DUNLIN_OK) {
      return Problem{fmt::format("{} could not be created: {}", plugin.name(),
                                 text_of(error, status)),
                     {fmt::format("from {}", plugin.origin)},
                     ExitCode::software};
    }
    auto instance = read_instance(made, identity);
    if (!instance) return instance.error();
    plugin.instance = *instance;
    watch_shards(plugin);
    return {};
  }

  // Calls of the plugin on shards are timed from now on.
  void watch_shards(const Plugin& plugin) {
    dunlin_metric_options counter{};
    counter.struct_size = sizeof counter;
    counter.name = str("plugin_shard_overruns_total");
    counter.help = str("Calls that held a shard up for longer than 100 microseconds");
    dunlin_cell* overruns = nullptr;
    static_cast<void>(shared.metrics.cell(plugin.descriptor.identity.id, DUNLIN_METRIC_COUNTER,
                                          counter, 0, overruns));
    ShardBudget::add(plugin.context->owner, plugin.name(), overruns);
  }

  Checked<void> configure(Plugin& plugin) {
    auto& config = plugin.context->config;
    const auto* tree = config.begin(plugin.section, false);
    auto error = fresh_error();
    const auto status = run(plugin, error, [&](dunlin_error& err) {
      return plugin.instance.configure(plugin.instance.self, tree, &err);
    });
    const bool unread = status == DUNLIN_OK && !config.declared() && plugin.section != nullptr;
    if (unread) {
      return Problem{fmt::format("{} has a section, but did not declare any keys", plugin.name()),
                     {place_text(*plugin.section)},
                     ExitCode::configuration};
    }
    if (status != DUNLIN_OK) {
      return Problem{fmt::format("{} refuses its configuration: {}", plugin.name(),
                                 text_of(error, status)),
                     {},
                     ExitCode::configuration};
    }
    plugin.section_mark = ConfigService::mark_of(plugin.section);
    config.commit();
    set_stage(plugin, Stage::configured);
    return {};
  }

  Checked<void> start(Plugin& plugin) {
    auto error = fresh_error();
    const auto status = run(plugin, error, [&](dunlin_error& err) {
      return plugin.instance.start(plugin.instance.self, &err);
    });
    plugin.context->config.end();
    if (status != DUNLIN_OK) {
      return Problem{fmt::format("{} did not start: {}", plugin.name(), text_of(error, status)),
                     {},
                     ExitCode::software};
    }
    set_stage(plugin, Stage::started);
    return {};
  }

  // Also for one whose start failed half-way: it may have registered things before.
  void withdraw(Plugin& plugin) {
    plugin.context->stopped.store(true);
    const auto& id = plugin.descriptor.identity.id;
    shared.timers.cancel_all(plugin.context->owner);
    shared.http.forget(id);
    shared.registry.forget(id);
    shared.health.forget(id);
    shared.metrics.forget_collectors(id);
    const auto& services = shared.services;
    if (services.plugin_stopped != nullptr) {
      services.plugin_stopped(services.plugin_stopped_context, plugin.context->owner);
    }
  }

  void stop(Plugin& plugin) {
    if (plugin.stage != Stage::started) return;
    run(plugin, [&] { plugin.instance.stop(plugin.instance.self); });
    withdraw(plugin);
    set_stage(plugin, Stage::stopped);
  }

  void destroy(Plugin& plugin) {
    if (!plugin.alive()) return;
    const auto destroy = plugin.instance.destroy;
    run(plugin, [&] { destroy(plugin.instance.self); });
    plugin.instance = {};
    ShardBudget::remove(plugin.context->owner);
    shared.metrics.forget(plugin.descriptor.identity.id);
  }

  // A failed optional plugin leaves the list; the rest goes on.
  void drop(Plugin& plugin, const Problem& problem) {
    destroy(plugin);
    set_stage(plugin, Stage::failed, problem.text);
    log_warning("plugin {}: {}", plugin.descriptor.identity.id, problem.text);
    shared.health.set("", "plugin " + plugin.descriptor.identity.id, DUNLIN_HEALTH_DEGRADED,
                      problem.text);
  }

  Outcome order(List& list) const {
    std::vector<Candidate> candidates;
    for (const auto& plugin : list) {
      candidates.push_back({&plugin->descriptor.identity, plugin->origin});
    }
    auto resolved = resolve_order(candidates);
    if (!resolved) return resolved.error();
    List sorted;
    for (const auto index : *resolved) sorted.push_back(std::move(list[index]));
    list = std::move(sorted);
    return {};
  }

  Outcome reload_one(Plugin& plugin, const std::vector<Asked>& asked);
  Outcome find_added(const std::vector<Asked>& asked);
};

PluginHost::PluginHost(PluginHostOptions options, Executor& executor, TimeSource& time,
                       const HostServices& services)
    : implementation_(std::make_unique<Implementation>(std::move(options), executor, time,
                                                       services)) {}

PluginHost::~PluginHost() { destroy(); }

Outcome PluginHost::load(const std::vector<Asked>& asked) {
  auto& self = *implementation_;
  ensure(self.plugins.empty());
  Refusal refusal;
  Implementation::List opened;
  for (const auto& one : asked) {
    auto plugin = self.open(one);
    if (plugin) {
      (*plugin)->section = one.section;
      (*plugin)->required = one.required;
      opened.push_back(std::move(*plugin));
    } else if (one.required) {
      refusal.problems.push_back(plugin.error());
    } else {
      self.warn(one.request.id, plugin.error());
    }
  }
  if (auto ok = self.order(opened); !ok) {
    // With a plugin missing for another reason, needs of it are no news.
    if (refusal.problems.empty()) refusal = ok.error();
  }
  if (!refusal.problems.empty()) return refusal;
  for (auto& plugin : opened) {
    if (auto ok = self.create(*plugin); !ok) {
      if (plugin->required) refusal.problems.push_back(ok.error());
      else self.drop(*plugin, ok.error());
    }
    const std::lock_guard lock(self.list_mutex);
    self.plugins.push_back(std::move(plugin));
  }
  if (!refusal.problems.empty()) return refusal;
  return {};
}

Outcome PluginHost::configure() {
  Refusal refusal;
  for (const auto& plugin : implementation_->plugins) {
    if (!plugin->alive()) continue;
    if (auto ok = implementation_->configure(*plugin); !ok) {
      if (plugin->required) refusal.problems.push_back(ok.error());
      else implementation_->drop(*plugin, ok.error());
    }
  }
  if (!refusal.problems.empty()) return refusal;
  return {};
}

Outcome PluginHost::start() {
  auto& self = *implementation_;
  for (const auto& plugin : self.plugins) {
    if (!plugin->alive()) continue;
    auto ok = self.start(*plugin);
    if (ok) continue;
    self.withdraw(*plugin);
    if (plugin->required) {
      self.set_stage(*plugin, Stage::failed, ok.error().text);
      stop();
      return Refusal{{ok.error()}};
    }
    self.drop(*plugin, ok.error());
  }
  return {};
}

// What is new in the list, opened and created; anything else that changed is a refusal.
Outcome PluginHost::Implementation::find_added(const std::vector<Asked>& asked) {
  Refusal refusal;
  const auto needs_restart = [&](const std::string& text) {
    refusal.problems.push_back({text, {"restart the server for that"}, ExitCode::configuration});
  };
  for (const auto& plugin : plugins) {
    const auto& id = plugin->descriptor.identity.id;
    const auto still = std::find_if(asked.begin(), asked.end(),
                                    [&](const Asked& one) { return one.request.id == id; });
    if (still == asked.end()) {
      needs_restart(fmt::format("{} cannot be removed by a reload", plugin->name()));
    } else if (!still->request.path.empty() && still->request.path != plugin->origin) {
      needs_restart(fmt::format("{} cannot be replaced by a reload", plugin->name()));
    }
  }
  for (const auto& one : asked) {
    const auto known = std::any_of(plugins.begin(), plugins.end(), [&](const auto& plugin) {
      return plugin->descriptor.identity.id == one.request.id;
    });
    const auto failed = std::any_of(absent.begin(), absent.end(), [&](const auto& line) {
      return line.id == one.request.id;
    });
    if (known || failed) continue;
    auto plugin = open(one);
    if (!plugin) {
      refusal.problems.push_back(plugin.error());
      continue;
    }
    if (((*plugin)->descriptor.identity.flags & DUNLIN_ENTRY_HOT_ADD) == 0) {
      needs_restart(fmt::format("{} cannot be added by a reload", (*plugin)->name()));
      continue;
    }
    (*plugin)->section = one.section;
    added.push_back(std::move(*plugin));
  }
  if (!refusal.problems.empty()) return refusal;
  return {};
}

Outcome PluginHost::Implementation::reload_one(Plugin& plugin, const std::vector<Asked>& asked) {
  const auto one = std::find_if(asked.begin(), asked.end(), [&](const Asked& candidate) {
    return candidate.request.id == plugin.descriptor.identity.id;
  });
  plugin.section = one == asked.end() ? nullptr : one->section;
  if (plugin.instance.reload_prepare == nullptr) {
    if (ConfigService::mark_of(plugin.section) == plugin.section_mark) return {};
    return Refusal{{{fmt::format("{} takes over no changes of its section", plugin.name()),
                     {"restart the server for that"},
                     ExitCode::configuration}}};
  }
  auto& config = plugin.context->config;
  const auto* tree = config.begin(plugin.section, true);
  auto error = fresh_error();
  const auto status = run(plugin, error, [&](dunlin_error& err) {
    return plugin.instance.reload_prepare(plugin.instance.self, tree, &err);
  });
  if (status != DUNLIN_OK) {
    config.end();
    return Refusal{{{fmt::format("{} refuses the reload: {}", plugin.name(),
                                 text_of(error, status)),
                     {},
                     ExitCode::configuration}}};
  }
  plugin.prepared = true;
  return {};
}

Outcome PluginHost::reload_prepare(const std::vector<Asked>& asked) {
  auto& self = *implementation_;
  Refusal refusal;
  const auto collect = [&](Outcome outcome) {
    if (outcome) return;
    const auto more = outcome.error();
    refusal.problems.insert(refusal.problems.end(), more.problems.begin(), more.problems.end());
  };
  collect(self.find_added(asked));
  for (const auto& plugin : self.plugins) {
    if (plugin->stage == Stage::started) collect(self.reload_one(*plugin, asked));
  }
  if (refusal.problems.empty() && !self.added.empty()) {
    std::vector<Candidate> all;
    for (const auto& plugin : self.plugins) {
      all.push_back({&plugin->descriptor.identity, plugin->origin});
    }
    for (const auto& plugin : self.added) {
      all.push_back({&plugin->descriptor.identity, plugin->origin});
    }
    auto order = resolve_order(all);
    if (!order) collect(order.error());
    for (const auto& plugin : self.added) {
      if (!refusal.problems.empty()) break;
      auto ok = self.create(*plugin);
      if (ok) ok = self.configure(*plugin);
      if (!ok) refusal.problems.push_back(ok.error());
    }
  }
  if (refusal.problems.empty()) return {};
  reload_finish(false);
  return refusal;
}

void PluginHost::reload_finish(bool commit) {
  auto& self = *implementation_;
  for (const auto& plugin : self.plugins) {
    if (!std::exchange(plugin->prepared, false)) continue;
    if (commit) plugin->context->config.commit();
    self.run(*plugin, [&] { plugin->instance.reload_finish(plugin->instance.self, commit); });
    plugin->context->config.end();
  }
  for (auto& plugin : self.added) {
    if (!commit) {
      self.destroy(*plugin);
      continue;
    }
    if (auto ok = self.start(*plugin); !ok) {
      self.withdraw(*plugin);
      self.drop(*plugin, ok.error());
    }
    const std::lock_guard lock(self.list_mutex);
    self.plugins.push_back(std::move(plugin));
  }
  self.added.clear();
}

void PluginHost::drain(std::uint64_t deadline_ns) {
  auto& plugins = implementation_->plugins;
  for (auto at = plugins.rbegin(); at != plugins.rend(); ++at) {
    auto& plugin = **at;
    if (plugin.stage != Stage::started) continue;
    implementation_->run(plugin, [&] { plugin.instance.drain(plugin.instance.self, deadline_ns); });
  }
}

void PluginHost::stop() {
  auto& plugins = implementation_->plugins;
  for (auto at = plugins.rbegin(); at != plugins.rend(); ++at) implementation_->stop(**at);
}

void PluginHost::destroy() {
  stop();
  auto& plugins = implementation_->plugins;
  for (auto at = plugins.rbegin(); at != plugins.rend(); ++at) implementation_->destroy(**at);
}

std::vector<PluginListing> PluginHost::list() const { return implementation_->listing(); }

dunlin_offer PluginHost::find_offer(std::string_view capability) const {
  const auto offers = implementation_->shared.registry.find(capability);
  return offers.empty() ? dunlin_offer{} : offers.front();
}

void PluginHost::set_health(std::string_view component, std::uint32_t state,
                            std::string_view reason) {
  implementation_->shared.health.set("", component, state, reason);
}

dunlin_cell* PluginHost::core_cell(bool is_counter, std::string_view name,
                                   std::string_view help) {
  dunlin_metric_options options{};
  options.struct_size = sizeof options;
  options.name = str(name);
  options.help = str(help);
  dunlin_cell* cell = nullptr;
  const auto type = is_counter ? DUNLIN_METRIC_COUNTER : DUNLIN_METRIC_GAUGE;
  const auto status = implementation_->shared.metrics.cell("", type, options, 0, cell);
  ensure(status == DUNLIN_OK);
  return cell;
}

}  // namespace dunlin::plugin
