// SIGKILL: a real process with the backend, on real files with real threads, ends in the middle of
// a run; another one opens the store and finds what was acknowledged. The tests for backends with
// files of their own, which the simulated disk does not see. What the operating system holds
// survives a kill, so a backend that acknowledges before it *writes* is caught, one that
// acknowledges before it *syncs* is not.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <new>
#include <thread>

#include "sdk/testkit/runner.hpp"
#include "sdk/testkit/workload.hpp"

namespace dunlin::testkit {
namespace {

// How far the process came. In memory that both processes share, so that its end does not matter.
struct Reached {
  std::atomic<std::uint64_t> begun[track_count];
  std::atomic<std::uint64_t> acked[track_count];
};

class Shared {
 public:
  Shared() {
    void* const memory = ::mmap(nullptr, sizeof(Reached), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    reached_ = new (memory) Reached{};
  }
  ~Shared() { ::munmap(reached_, sizeof(Reached)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  Reached* operator->() { return reached_; }
  Reached& operator*() { return *reached_; }

 private:
  Reached* reached_;
};

class Place {
 public:
  explicit Place(const Context& context) : path_(store_path(context)) {}
  ~Place() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void open_logs(Session& session, Log* (&logs)[log_count]) {
  for (std::size_t i = 0; i < log_count; ++i) {
    logs[i] = session.open_log(log_names[i], options_of(i));
  }
}

// A process that runs `body` and then waits for its end, whatever came of it.
class Doomed {
 public:
  explicit Doomed(const std::function<void()>& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    try {
      body();
    } catch (const Failure& failure) {
      std::fprintf(stderr, "      before the kill: %s\n", failure.text.c_str());
      ::_exit(3);
    } catch (...) {
      ::_exit(3);
    }
    for (;;) ::pause();
  }
  ~Doomed() { kill(); }
  Doomed(const Doomed&) = delete;
  Doomed& operator=(const Doomed&) = delete;

  [[nodiscard]] bool has_ended() {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<::id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
  }
  // False when it had ended by itself.
  bool kill() {
    if (pid_ <= 0) return false;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  ::pid_t pid_;
};

// Until `reached`, and some time more.
void wait_for(const std::function<bool()>& reached, std::uint64_t micros, const char* what) {
  using Clock = std::chrono::steady_clock;
  const auto give_up = Clock::now() + std::chrono::seconds(30);
  while (!reached()) {
    expect(Clock::now() < give_up, "lifecycle", what);
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  std::this_thread::sleep_for(std::chrono::microseconds(micros));
}

WorldOptions options_with(Context& context, std::uint64_t salt) {
  auto out = context.world();
  out.seed = context.seed * 131 + salt;
  return out;
}

struct Cycle {
  Workload workload;
  std::uint64_t number = 0;
  std::uint64_t kill_at = 0;  // changes of the first log
};

void load(Context& context, const std::string& path, const Cycle& cycle, Reached& reached) {
  World world(options_with(context, cycle.number), Disk{});
  Session session(world, path);
  Log* logs[log_count] = {};
  open_logs(session, logs);
  Progress progress;
  progress.clock = [] { return 0; };
  progress.tell = [&](std::size_t track, std::uint64_t changes, bool is_acked) {
    (is_acked ? reached.acked : reached.begun)[track] = changes;
  };
  const auto ended = run_workload(session, logs, cycle.workload, progress);
  expect(ended.ok(), "lifecycle", "the run failed: ", status_name(ended.status), " ", ended.text);
  for (;;) ::pause();
}

// What a process that opens the store finds.
void check(Context& context, const std::string& path, const Cycle& cycle, Reached& reached) {
  const auto where = cat("killed in cycle ", cycle.number, " after ",
                         reached.begun[0].load(), " changes");
  World world(options_with(context, cycle.number + 7919), Disk{});
  Session session(world, path);
  Log* logs[log_count] = {};
  open_logs(session, logs);
  for (std::size_t track = 0; track < track_count; ++track) {
    check_track(session, track < log_count ? logs[track] : nullptr, track, cycle.workload,
                reached.acked[track], reached.begun[track], where);
  }
  std::vector<Damage> damage;
  const auto verified = logs[0]->verify(damage);
  expect(verified.ok() && damage.empty(), "S3", where, ": verify says ",
         status_name(verified.status), damage.empty() ? "" : ", " + damage[0].text);
  Record record;
  record.seq = logs[0]->state().last_seq + 1;
  record.time_ns = INT64_MAX / 2;
  record.subject = "after.the.kill";
  expect(logs[0]->append({record}).ok() && logs[0]->sync().ok(), "S2", where,
         ": the log does not go on");
}

void one_cycle(Context& context, Rng& rng, Cycle& cycle) {
  const Place place(context);
  std::filesystem::remove_all(place.path());
  Shared reached;
  Doomed first([&] { load(context, place.path(), cycle, *reached); });
  wait_for([&] { return first.has_ended() || reached->begun[0] >= cycle.kill_at; }, rng.below(2000),
           "the run came to no end");
  expect(first.kill(), "lifecycle", "the process ended before it was killed");
  if (rng.chance(30)) {
    // The next one is killed while it opens, or shortly after.
    Doomed second([&] {
      World world(options_with(context, cycle.number), Disk{});
      const Session session(world, place.path());
      for (;;) ::pause();
    });
    wait_for([] { return true; }, rng.below(20'000), "");
    expect(second.kill(), "S1", "killed in cycle ", cycle.number,
           ": the store does not open again");
  }
  const auto result = run_alone(context.options, context.seed, 60, "S1", [&](Context& inner) {
    check(inner, place.path(), cycle, *reached);
  });
  if (!result.bad()) return;
  throw Failure(result.clause, result.kind == Result::failed
                                   ? result.text
                                   : cat(result_name(result.kind), " ", result.text));
}

void killed(Context& context) {
  if (context.options.real_dir.empty()) throw Skipped("needs real files: --real DIR");
  std::uint32_t features = 0;
  Costs costs;
  const auto met = run_alone(context.options, context.seed, 60, "lifecycle", [](Context& inner) {
    const World world(options_with(inner, 0), Disk{});
    const auto& storage = world.storage();
    inner.notes = {cat(storage.features), cat(storage.record_cost), cat(storage.header_cost)};
  });
  expect(met.notes.size() == 3, "lifecycle", "the backend does not start: ", met.text);
  features = static_cast<std::uint32_t>(std::stoul(met.notes[0]));
  costs = {static_cast<std::uint32_t>(std::stoul(met.notes[1])),
           static_cast<std::uint32_t>(std::stoul(met.notes[2]))};
  if ((features & DUNLIN_STORE_VOLATILE) != 0) throw Skipped("nothing survives by design");
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(context.options.minutes * 60);
  Rng rng(context.seed);
  Cycle cycle;
  std::uint64_t changes = 0;
  while (cycle.number < context.options.kills ||
         (context.options.minutes > 0 && Clock::now() < end)) {
    ++cycle.number;
    cycle.workload = make_workload(rng, {600, features, costs, true});
    cycle.kill_at = rng.below(cycle.workload.tracks[0].digests.size());
    changes += cycle.kill_at;
    one_cycle(context, rng, cycle);
  }
  context.notes.push_back(cat(cycle.number, " processes killed, after ", changes, " changes"));
}

}  // namespace

void add_kill_tests(Suite& suite) {
  suite.push_back({"s1.what_was_acknowledged_survives_a_kill", "S1", killed});
}

}  // namespace dunlin::testkit
