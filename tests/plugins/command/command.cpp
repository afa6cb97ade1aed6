// The command "greet": answers with its arguments, ends as it is told, and waits for the threads
// a command may wait for.

#include <dunlin/executor.hpp>
#include <dunlin/ext/command.h>
#include <dunlin/plugin.hpp>
#include <dunlin/registry.hpp>

#include <condition_variable>
#include <mutex>
#include <string>

namespace {

constexpr dunlin_key keys[] = {
    dunlin::key("greeting", DUNLIN_KEY_TEXT, "hello", "What names stand behind"),
};

class Meeting {
 public:
  void arrive() {
    const std::lock_guard lock(mutex_);
    ++arrived_;
    changed_.notify_all();
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ == count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
};

class Command {
 public:
  explicit Command(dunlin::Host host) : host_(host) {
    table_.struct_size = sizeof table_;
    table_.name = "greet";
    table_.summary = "Greets";
    table_.usage = "greet NAME...\n";
    table_.run = [](void* self, const dunlin_str* args, std::size_t n,
                    dunlin_command_output output, void* user) noexcept -> std::int32_t {
      return static_cast<Command*>(self)->run(args, n, output, user);
    };
  }

  dunlin::result<> configure(dunlin::Config config) {
    if (auto ok = config.declare(keys); !ok) return ok;
    auto greeting = config.text("greeting");
    if (!greeting) return greeting.error();
    greeting_ = *greeting;
    return {};
  }
  dunlin::result<> start() {
    return host_.get<dunlin::Registry>().offer(DUNLIN_EXT_COMMAND ":greet", &table_, this);
  }

 private:
  std::int32_t run(const dunlin_str* args, std::size_t n, dunlin_command_output output,
                   void* user) {
    const auto say = [&](std::uint32_t stream, const std::string& text) {
      output(user, stream, {text.data(), text.size()});
    };
    if (n == 0) {
      say(DUNLIN_COMMAND_MESSAGE, table_.usage);
      return DUNLIN_COMMAND_USAGE;
    }
    const auto executor = host_.get<dunlin::Executor>();
    Meeting meeting;
    const auto arrive = [&] { meeting.arrive(); };
    if (!executor.post_control(arrive) || !executor.post_worker(arrive)) return 70;
    meeting.wait_for(2);
    for (std::size_t i = 0; i < n; ++i)
      say(DUNLIN_COMMAND_RESULT, greeting_ + " " + std::string(args[i].data, args[i].size) + "\n");
    if (executor.thread() != DUNLIN_THREAD_WORKER) return 71;
    return static_cast<std::int32_t>(n);
  }

  dunlin::Host host_;
  dunlin_command table_{};
  std::string greeting_;
};

}  // namespace

DUNLIN_PLUGIN(command, Command,
              dunlin::Describe{.id = "command",
                               .version = "1.0.0",
                               .summary = "Greets",
                               .license = "Apache-2.0",
                               .provides = {DUNLIN_EXT_COMMAND ":greet"}});
