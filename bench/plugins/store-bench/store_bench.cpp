// store-bench: what a storage does for a stream, and nothing else of a stream.
//
// With a subject it stores each message on it and answers with its sequence once that is durable,
// as a JetStream acknowledgement. All work is on shard 0: the log is that shard's. While a sync is
// under way, what comes in gathers for the next: group commit.
//
// The command "store-bench" appends to a log alone, batch by batch, each followed by a sync, and
// writes the same bytes with pwrite and fdatasync beside it: what the disk can do, in the same run.

#include <fcntl.h>
#include <unistd.h>

#include <dunlin/clock.hpp>
#include <dunlin/ext/command.h>
#include <dunlin/plugin.hpp>
#include <dunlin/registry.hpp>
#include <dunlin/router.hpp>
#include <dunlin/storage.hpp>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr dunlin_key keys[] = {
    dunlin::key("subject", DUNLIN_KEY_TEXT, "", "Store what is published here, and answer"),
    dunlin::key("storage", DUNLIN_KEY_TEXT, "file", "Which storage"),
    dunlin::key("dir", DUNLIN_KEY_TEXT, "store", "Directory of the store"),
};
constexpr std::size_t payload_bytes = 128;
constexpr std::string_view log_name = "bench";

// A completion that one thread waits for on another.
class Waiter {
 public:
  void done() {
    const std::lock_guard lock(mutex_);
    is_done_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_done_; });
    is_done_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_done_ = false;
};

void close_and_wait(dunlin::StoredLog& log) {
  if (!log) return;
  Waiter waiter;
  log.raw().close(
      log.handle(),
      [](void* user, dunlin_status, const dunlin_error*) { static_cast<Waiter*>(user)->done(); },
      &waiter);
  waiter.wait();
  log = {};
}

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
    kind_ = config.text("storage").value();
    dir_ = std::filesystem::absolute(config.text("dir").value());
    return {};
  }

  dunlin::result<> start() {
    clock_ = host_.get<dunlin::Clock>();
    if (auto ok = host_.get<dunlin::Registry>().offer(DUNLIN_EXT_COMMAND ":store-bench", &command_,
                                                      this);
        !ok)
      return ok;
    return subject_.empty() ? dunlin::result<>() : serve();
  }

  void stop() noexcept {
    if (subscription_) router_.raw().unsubscribe(host_.raw(), subscription_->id());
    subscription_.reset();
    close_and_wait(log_);
    store_ = {};
  }

 private:
  struct Waiting {
    std::string reply;
    std::uint64_t seq;
  };

  dunlin::result<> open(const std::string& dir, std::uint32_t thread) {
    auto offer = host_.get<dunlin::Registry>().find((DUNLIN_EXT_STORAGE ":" + kind_).c_str());
    if (!offer) return offer.error();
    dunlin_store_options options{};
    options.flags = DUNLIN_LOG_CREATE;
    options.dir = {dir.data(), dir.size()};
    options.sync = DUNLIN_SYNC_ALWAYS;
    auto store = dunlin::Storage(*offer).open(options);
    if (!store) return store.error();
    store_ = std::move(*store);
    dunlin_log_options log{};
    log.flags = DUNLIN_LOG_CREATE;
    log.thread = thread;
    log.event = [](void* self, const dunlin_log_event* event) {
      if (event->kind == DUNLIN_LOG_ROOM) static_cast<StoreBench*>(self)->on_room();
    };
    log.user = this;
    auto opened = store_.open_log(log_name, log);
    if (!opened) return opened.error();
    log_ = std::move(*opened);
    last_ = log_.state().last_seq;
    return {};
  }

  dunlin::result<> serve() {
    if (auto ok = open(dir_, DUNLIN_THREAD_SHARD); !ok) return ok;
    router_ = host_.get<dunlin::Router>();
    account_ = host_.get<dunlin::Accounts>().global();
    dunlin_sub_options options{};
    options.struct_size = sizeof options;
    options.home_shard = 0;
    options.subject = {subject_.data(), subject_.size()};
    auto made = router_.subscribe(
        account_, options, [this](std::span<const dunlin_msg> messages) { take(messages); });
    if (!made) return made.error();
    subscription_.emplace(std::move(*made));
    return {};
  }

  // ---- the service, on shard 0 ------------------------------------------------------------

  void take(std::span<const dunlin_msg> messages) {
    for (const dunlin_msg& message : messages) {
      if (!backlog_.empty() || !append(message)) keep(message);
    }
    sync();
  }

  bool append(const dunlin_msg& message) {
    dunlin_record record{};
    record.seq = last_ + 1;
    record.time_ns = clock_.wall_ns();
    record.subject = message.subject;
    record.payload = message.payload;
    std::size_t accepted = 0;
    const auto outcome = log_.append({&record, 1}, accepted);
    if (accepted == 0) return false;
    ++last_;
    waiting_.push_back({{message.reply.data, message.reply.size}, last_});
    return true;
  }

  void keep(const dunlin_msg& message) {
    router_.raw().retain(message.owner);
    backlog_.push_back(message);
  }

  void on_room() {
    if (subject_.empty()) {
      room_.done();
      return;
    }
    while (!backlog_.empty() && append(backlog_.front())) {
      router_.raw().release(backlog_.front().owner);
      backlog_.pop_front();
    }
    sync();
  }

  // Completions come in the order of the calls: each answers what had been appended by then.
  void sync() {
    if (waiting_.empty() || last_ == asked_) return;
    asked_ = last_;
    log_.sync([this, up_to = last_](const dunlin::result<>& outcome) { answer(up_to, outcome); });
  }

  void answer(std::uint64_t up_to, const dunlin::result<>& outcome) {
    std::vector<std::string> texts;
    std::vector<Waiting> answered;
    while (!waiting_.empty() && waiting_.front().seq <= up_to) {
      answered.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      texts.push_back(outcome ? "{\"stream\":\"bench\",\"seq\":" +
                                    std::to_string(answered.back().seq) + "}"
                              : "{\"error\":\"" + outcome.error().text + "\"}");
    }
    std::vector<dunlin_msg> messages(answered.size());
    for (std::size_t i = 0; i < answered.size(); ++i) {
      messages[i].subject = {answered[i].reply.data(), answered[i].reply.size()};
      messages[i].payload = {reinterpret_cast<const std::uint8_t*>(texts[i].data()),
                             texts[i].size()};
    }
    static_cast<void>(router_.publish(account_, messages));
  }

  // ---- the command, on a worker -----------------------------------------------------------

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
    try {
      if (auto ok = open(dir / "store", DUNLIN_THREAD_CONTROL); !ok)
        throw std::runtime_error(ok.error().text);
      measure_all(dir, seconds, args.subspan(2), say);
    } catch (const std::exception& failure) {
      say(std::string(failure.what()) + "\n");
    }
    // Here, since it completes on control, which waits in `stop` for nobody.
    close_and_wait(log_);
    return DUNLIN_COMMAND_DONE;
  }

  template <class Say>
  void measure_all(const std::filesystem::path& dir, double seconds,
                   std::span<const dunlin_str> batches, Say&& say) {
    say("records a batch | records/s | syncs/s | the same with pwrite, fdatasync/s | ratio\n");
    for (const dunlin_str& arg : batches) {
      const auto batch = std::strtoull(std::string(arg.data, arg.size).c_str(), nullptr, 10);
      if (batch == 0) throw std::runtime_error("a batch has at least one record");
      // Taking turns: what else the machine does meets both.
      double ours = 0, raw = 0;
      for (int turn = 0; turn < turns; ++turn) {
        ours += measure(seconds / turns, [&] { append_batch(batch); }) / turns;
        raw += measure_raw(dir / "raw", seconds / turns, batch) / turns;
      }
      char line[160];
      std::snprintf(line, sizeof line, "%15llu | %9.0f | %7.0f | %34.0f | %.2f\n",
                    static_cast<unsigned long long>(batch), ours * static_cast<double>(batch),
                    ours, raw, ours / raw);
      say(line);
    }
  }

  // Calls a second.
  template <class Call>
  double measure(double seconds, Call&& call) {
    const auto begin = clock_.monotonic_ns();
    const auto end = begin + static_cast<std::uint64_t>(seconds * 1e9);
    std::uint64_t calls = 0;
    while (clock_.monotonic_ns() < end) {
      call();
      ++calls;
    }
    return static_cast<double>(calls) * 1e9 / static_cast<double>(clock_.monotonic_ns() - begin);
  }

  void append_batch(std::size_t size) {
    const std::string payload(payload_bytes, 'x');
    std::vector<dunlin_record> records(size);
    const auto now = clock_.wall_ns();
    for (auto& record : records) {
      record.seq = ++last_;
      record.time_ns = now;
      record.subject = {"bench", 5};
      record.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    }
    for (std::span<const dunlin_record> rest(records); !rest.empty();) {
      std::size_t accepted = 0;
      const auto outcome = log_.append(rest, accepted);
      rest = rest.subspan(accepted);
      if (!outcome && outcome.error().status == DUNLIN_E_AGAIN) room_.wait();
      else if (!outcome) throw std::runtime_error(outcome.error().text);
    }
    Waiter synced;
    log_.sync([&](const dunlin::result<>&) { synced.done(); });
    synced.wait();
  }

  // Into a file that is full of zeros already, so that no metadata changes.
  double measure_raw(const std::filesystem::path& path, double seconds, std::size_t batch) {
    constexpr off_t file_bytes = 16 << 20;
    const std::string bytes(batch * (payload_bytes + 5), 'x');
    const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) throw std::runtime_error("cannot open " + path.string());
    const std::string zeros(1 << 20, '\0');
    for (off_t at = 0; at < file_bytes; at += 1 << 20)
      if (::pwrite(file, zeros.data(), zeros.size(), at) < 0) break;
    ::fsync(file);
    off_t at = 0;
    const double rate = measure(seconds, [&] {
      if (at + static_cast<off_t>(bytes.size()) > file_bytes) at = 0;
      if (::pwrite(file, bytes.data(), bytes.size(), at) < 0 || ::fdatasync(file) != 0)
        throw std::runtime_error("cannot write " + path.string());
      at += static_cast<off_t>(bytes.size());
    });
    ::close(file);
    ::unlink(path.c_str());
    return rate;
  }

  static constexpr int turns = 4;

  dunlin::Host host_;
  dunlin_command command_{};
  std::string subject_, kind_, dir_;
  dunlin::Clock clock_;
  dunlin::Router router_;
  dunlin_account* account_ = nullptr;
  std::optional<dunlin::Subscription> subscription_;
  dunlin::Store store_;
  dunlin::StoredLog log_;
  std::uint64_t last_ = 0, asked_ = 0;
  std::deque<Waiting> waiting_;
  std::deque<dunlin_msg> backlog_;
  Waiter room_;
};

}  // namespace

DUNLIN_PLUGIN(store_bench, StoreBench,
              dunlin::Describe{.id = "store-bench",
                               .version = "0.1.0",
                               .summary = "Measures a storage",
                               .license = "Apache-2.0",
                               .provides = {DUNLIN_EXT_COMMAND ":store-bench"},
                               .needs = {dunlin::need(DUNLIN_EXT_STORAGE)}});
