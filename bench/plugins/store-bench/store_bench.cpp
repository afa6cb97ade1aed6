// store-bench: what a storage does for a stream, and nothing else of a stream. See served_log.hpp
// for what it does with a subject, measure.hpp for its command.

#include <dunlin/ext/command.h>
#include <dunlin/plugin.hpp>
#include <dunlin/registry.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>

#include "measure.hpp"
#include "served_log.hpp"

namespace store_bench {
namespace {

constexpr dunlin_key keys[] = {
    dunlin::key("subject", DUNLIN_KEY_TEXT, "", "Store what is published here, and answer"),
    dunlin::key("read", DUNLIN_KEY_TEXT, "", "Answer requests for records here"),
    dunlin::key("logs", DUNLIN_KEY_INTEGER, "1",
                "Into so many logs: the first on subject.0, and so on, each on a shard"),
    dunlin::key("storage", DUNLIN_KEY_TEXT, "file", "Which storage"),
    dunlin::key("dir", DUNLIN_KEY_TEXT, "store", "Directory of the store"),
};
constexpr const char* log_name = "bench";
constexpr const char* usage =
    "store-bench DIR SECONDS [OPTION=NUMBER...] RECORDS_IN_A_BATCH...\n"
    "  sync=always|interval|none  when a batch is committed (always)\n"
    "  batches=1                  under way at once\n"
    "  keep=0                     records kept, older ones are purged; 0: all\n"
    "  subjects=1 payload=128\n";

struct Plan {
  std::string dir;
  std::uint32_t sync = DUNLIN_SYNC_ALWAYS;
  Workload workload;
  std::vector<std::size_t> batches;
};

std::uint32_t sync_of(std::string_view word) {
  if (word == "always") return DUNLIN_SYNC_ALWAYS;
  if (word == "interval") return DUNLIN_SYNC_INTERVAL;
  if (word == "none") return DUNLIN_SYNC_NONE;
  return DUNLIN_SYNC_DEFAULT;
}

std::optional<Plan> read_plan(std::span<const dunlin_str> args) {
  if (args.size() < 3) return std::nullopt;
  Plan plan;
  plan.dir = std::filesystem::absolute(std::string(args[0].data, args[0].size));
  plan.workload.seconds = std::atof(std::string(args[1].data, args[1].size).c_str());
  for (const auto& arg : args.subspan(2)) {
    const std::string word(arg.data, arg.size);
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals == std::string::npos ? 0 : equals);
    const auto text = equals == std::string::npos ? word : word.substr(equals + 1);
    const auto number = std::strtoull(text.c_str(), nullptr, 10);
    if (name == "sync") {
      plan.sync = sync_of(text);
      if (plan.sync == DUNLIN_SYNC_DEFAULT) return std::nullopt;
    } else if (name == "keep") {
      plan.workload.keep = number;
    } else if (number == 0) {
      return std::nullopt;
    } else if (name == "batches") {
      plan.workload.batches = number;
    } else if (name == "subjects") {
      plan.workload.subjects = number;
    } else if (name == "payload") {
      plan.workload.payload_bytes = number;
    } else if (name.empty()) {
      plan.batches.push_back(number);
    } else {
      return std::nullopt;
    }
  }
  return plan.batches.empty() ? std::nullopt : std::optional(plan);
}

class StoreBench {
 public:
  explicit StoreBench(dunlin::Host host) : host_(host) {
    command_.struct_size = sizeof command_;
    command_.name = "store-bench";
    command_.summary = "Measures a storage alone";
    command_.usage = usage;
    command_.run = [](void* self, const dunlin_str* args, std::size_t n,
                      dunlin_command_output output, void* user) noexcept -> std::int32_t {
      return static_cast<StoreBench*>(self)->run({args, n}, output, user);
    };
  }

  dunlin::result<> configure(dunlin::Config config) {
    if (auto ok = config.declare(keys); !ok) return ok;
    subject_ = config.text("subject").value();
    read_subject_ = config.text("read").value();
    log_count_ = static_cast<std::uint32_t>(config.integer("logs").value());
    kind_ = config.text("storage").value();
    dir_ = std::filesystem::absolute(config.text("dir").value());
    return {};
  }

  dunlin::result<> start() {
    if (auto ok = host_.get<dunlin::Registry>().offer(DUNLIN_EXT_COMMAND ":store-bench", &command_,
                                                      this);
        !ok)
      return ok;
    return subject_.empty() ? dunlin::result<>() : serve();
  }

  void stop() noexcept {
    served_.clear();
    store_ = {};
  }

 private:
  dunlin::result<> open(const std::string& dir, std::uint32_t sync) {
    auto offer = host_.get<dunlin::Registry>().find((DUNLIN_EXT_STORAGE ":" + kind_).c_str());
    if (!offer) return offer.error();
    dunlin_store_options options{};
    options.flags = DUNLIN_LOG_CREATE;
    options.dir = {dir.data(), dir.size()};
    options.sync = sync;
    auto store = dunlin::Storage(*offer).open(options);
    if (!store) return store.error();
    store_ = std::move(*store);
    return {};
  }

  dunlin::result<> serve() {
    if (auto ok = open(dir_, DUNLIN_SYNC_ALWAYS); !ok) return ok;
    const auto shards = host_.get<dunlin::Executor>().shard_count();
    for (std::uint32_t i = 0; i < log_count_; ++i) {
      const auto end = log_count_ == 1 ? std::string() : std::string(".").append(std::to_string(i));
      const auto reads = read_subject_.empty() ? std::string() : read_subject_ + end;
      served_.push_back(std::make_unique<ServedLog>(host_, i % shards));
      if (auto ok = served_.back()->open(store_, log_name + end, subject_ + end, reads); !ok)
        return ok;
    }
    return {};
  }

  std::int32_t run(std::span<const dunlin_str> args, dunlin_command_output output, void* user) {
    const auto say = [&](const std::string& text) {
      output(user, DUNLIN_COMMAND_RESULT, {text.data(), text.size()});
    };
    const auto plan = read_plan(args);
    if (!plan || !subject_.empty()) {
      output(user, DUNLIN_COMMAND_MESSAGE, {usage, std::strlen(usage)});
      return DUNLIN_COMMAND_USAGE;
    }
    try {
      open_alone(*plan);
      say("records a batch | records/s | batches/s | with pwrite, fdatasync/s | ratio |"
          " p50 us |    p99 |  p99.9 |    max | pwrite, fdatasync: p50 | p99.9\n");
      for (const auto batch : plan->batches) say(measure(*plan, batch));
    } catch (const std::exception& failure) {
      say(std::string(failure.what()) + "\n");
    }
    // Here, since it completes on control, which waits in `stop` for nobody.
    close_and_wait(log_);
    return DUNLIN_COMMAND_DONE;
  }

  void open_alone(const Plan& plan) {
    if (auto ok = open(plan.dir + "/store", plan.sync); !ok)
      throw std::runtime_error(ok.error().text);
    dunlin_log_options options{};
    options.flags = DUNLIN_LOG_CREATE;
    options.thread = DUNLIN_THREAD_CONTROL;
    options.event = [](void* self, const dunlin_log_event* event) {
      auto* const running = static_cast<StoreBench*>(self)->running_.load();
      if (event->kind == DUNLIN_LOG_ROOM && running != nullptr) running->go_on();
    };
    options.user = this;
    auto opened = store_.open_log(log_name, options);
    if (!opened) throw std::runtime_error(opened.error().text);
    log_ = std::move(*opened);
  }

  // Taking turns: what else the machine does meets both.
  std::string measure(const Plan& plan, std::size_t batch) {
    constexpr int turns = 4;
    auto workload = plan.workload;
    workload.batch = batch;
    workload.seconds /= turns;
    Figures ours, raw;
    const auto add = [](Figures& sum, const Figures& turn) {
      sum.seconds += turn.seconds;
      sum.records += turn.records;
      sum.commits.add(turn.commits);
    };
    for (int turn = 0; turn < turns; ++turn) {
      Measurement measurement(host_, log_, workload);
      running_ = &measurement;
      add(ours, measurement.run());
      running_ = nullptr;
      add(raw, measure_raw(host_.get<dunlin::Clock>(), plan.dir + "/raw", workload,
                           plan.sync == DUNLIN_SYNC_ALWAYS));
    }
    const auto rate = [](const Figures& of) {
      return static_cast<double>(of.commits.count()) / of.seconds;
    };
    char line[240];
    std::snprintf(line, sizeof line,
                  "%15zu | %9.0f | %9.0f | %24.0f | %5.2f | %6.0f | %6.0f | %6.0f | %6.0f |"
                  " %22.0f | %5.0f\n",
                  batch, static_cast<double>(ours.records) / ours.seconds, rate(ours), rate(raw),
                  rate(ours) / rate(raw), ours.commits.at(0.5), ours.commits.at(0.99),
                  ours.commits.at(0.999), ours.commits.at(1), raw.commits.at(0.5),
                  raw.commits.at(0.999));
    return line;
  }

  dunlin::Host host_;
  dunlin_command command_{};
  std::string subject_, read_subject_, kind_, dir_;
  std::uint32_t log_count_ = 1;
  dunlin::Store store_;
  std::vector<std::unique_ptr<ServedLog>> served_;
  dunlin::StoredLog log_;  // of the command
  std::atomic<Measurement*> running_{nullptr};
};

}  // namespace
}  // namespace store_bench

DUNLIN_PLUGIN(store_bench, store_bench::StoreBench,
              dunlin::Describe{.id = "store-bench",
                               .version = "0.1.0",
                               .summary = "Measures a storage",
                               .license = "Apache-2.0",
                               .provides = {DUNLIN_EXT_COMMAND ":store-bench"},
                               .needs = {dunlin::need(DUNLIN_EXT_STORAGE)}});
