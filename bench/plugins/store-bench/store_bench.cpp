// store-bench: what a storage does for a stream, and nothing else of a stream. See served_log.hpp
// for what it does with a subject, measure.hpp for its command.

#include <dunlin/ext/command.h>
#include <dunlin/plugin.hpp>
#include <dunlin/registry.hpp>

#include <cstdlib>
#include <cstring>
#include <memory>
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

class StoreBench {
 public:
  explicit StoreBench(dunlin::Host host) : host_(host) {
    command_.struct_size = sizeof command_;
    command_.name = "store-bench";
    command_.summary = "Measures a storage alone";
    command_.usage = "store-bench DIR SECONDS RECORDS_IN_A_BATCH...\n";
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
  dunlin::result<> open(const std::string& dir) {
    auto offer = host_.get<dunlin::Registry>().find((DUNLIN_EXT_STORAGE ":" + kind_).c_str());
    if (!offer) return offer.error();
    dunlin_store_options options{};
    options.flags = DUNLIN_LOG_CREATE;
    options.dir = {dir.data(), dir.size()};
    options.sync = DUNLIN_SYNC_ALWAYS;
    auto store = dunlin::Storage(*offer).open(options);
    if (!store) return store.error();
    store_ = std::move(*store);
    return {};
  }

  dunlin::result<> serve() {
    if (auto ok = open(dir_); !ok) return ok;
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
    if (args.size() < 3 || !subject_.empty()) {
      output(user, DUNLIN_COMMAND_MESSAGE, {command_.usage, std::strlen(command_.usage)});
      return DUNLIN_COMMAND_USAGE;
    }
    const auto dir = std::filesystem::absolute(std::string(args[0].data, args[0].size));
    const double seconds = std::atof(std::string(args[1].data, args[1].size).c_str());
    dunlin::StoredLog log;
    try {
      log = open_alone(dir / "store");
      Measurement(host_.get<dunlin::Clock>(), log, room_).run(dir, seconds, args.subspan(2), say);
    } catch (const std::exception& failure) {
      say(std::string(failure.what()) + "\n");
    }
    // Here, since it completes on control, which waits in `stop` for nobody.
    close_and_wait(log);
    return DUNLIN_COMMAND_DONE;
  }

  dunlin::StoredLog open_alone(const std::string& dir) {
    if (auto ok = open(dir); !ok) throw std::runtime_error(ok.error().text);
    dunlin_log_options options{};
    options.flags = DUNLIN_LOG_CREATE;
    options.thread = DUNLIN_THREAD_CONTROL;
    options.event = [](void* self, const dunlin_log_event* event) {
      if (event->kind == DUNLIN_LOG_ROOM) static_cast<StoreBench*>(self)->room_.done();
    };
    options.user = this;
    auto opened = store_.open_log(log_name, options);
    if (!opened) throw std::runtime_error(opened.error().text);
    return *opened;
  }

  dunlin::Host host_;
  dunlin_command command_{};
  std::string subject_, read_subject_, kind_, dir_;
  std::uint32_t log_count_ = 1;
  dunlin::Store store_;
  std::vector<std::unique_ptr<ServedLog>> served_;
  Waiter room_;
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
