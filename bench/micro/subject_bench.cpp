// What subscribing and matching cost: time and memory per subscription at a million, matches that
// are hot and cold, with and without wildcards, through the Sublist and through a shard's cache.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "core/base/hash.hpp"
#include "core/subject/match_cache.hpp"
#include "core/subject/subject.hpp"
#include "core/subject/sublist.hpp"

namespace dunlin::subject {
namespace {

constexpr int million = 1'000'000;

std::size_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long total = 0, resident = 0;
  const int got = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return got == 2 ? resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

std::string device_subject(int i) {
  char text[64];
  std::snprintf(text, sizeof text, "dev.r%02d.s%04d.id%07d.temp", i % 100, i / 100 % 1000, i);
  return text;
}

std::string device_pattern(int i, int shape) {
  char text[64];
  const int rack = i % 100, site = i / 100 % 1000;
  if (shape == 0)
    std::snprintf(text, sizeof text, "dev.*.s%04d.id%07d.temp", site, i);
  else if (shape == 1)
    std::snprintf(text, sizeof text, "dev.r%02d.s%04d.id%07d.>", rack, site, i);
  else
    std::snprintf(text, sizeof text, "dev.r%02d.s%04d.id%07d.*", rack, site, i);
  return text;
}

// A Sublist with everything that a benchmark puts in.
class Table {
 public:
  Table() : sublist(quiescence) {}
  ~Table() {
    for (auto* const subscription : subscriptions) {
      if (!sublist.remove(subscription)) std::abort();
      Subscription::destroy(subscription);
    }
  }
  void add(std::string_view subject, std::uint16_t shard = 0) {
    Subscription::Parts parts;
    parts.subject = subject;
    parts.sid = "1234567";
    parts.shard = shard;
    subscriptions.push_back(Subscription::create(parts));
    if (!sublist.insert(subscriptions.back())) std::abort();
    quiescence.collect();
  }

  Quiescence quiescence;
  Sublist sublist;
  std::vector<Subscription*> subscriptions;
};

void fill(Table& table, int count, int wildcards_in_hundred) {
  for (int i = 0; i < count; ++i)
    table.add(i / 100 % 100 < wildcards_in_hundred ? device_pattern(i, i % 3)
                                                   : device_subject(i));
}

// Subjects one behind the other, as in a read buffer, in random order over `domain` devices.
struct Published {
  explicit Published(int domain, int count = 1 << 20) {
    std::mt19937_64 random(1);
    for (int i = 0; i < count; ++i)
      add(device_subject(static_cast<int>(random() % domain) * (million / domain)));
    finish();
  }
  explicit Published(const std::vector<std::string>& names) {
    for (const auto& name : names) add(name);
    finish();
  }
  void add(const std::string& subject) {
    places.emplace_back(text.size(), subject.size());
    text += subject;
  }
  void finish() {
    for (const auto& [at, size] : places) subjects.emplace_back(text.data() + at, size);
  }
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> places;
  std::vector<std::string_view> subjects;
};

void insert_million(benchmark::State& state) {
  const int shape = static_cast<int>(state.range(0));  // -1: literals
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<std::string> names;
    names.reserve(million);
    for (int i = 0; i < million; ++i)
      names.push_back(shape < 0 ? device_subject(i) : device_pattern(i, shape));
    auto* const table = new Table;
    table->subscriptions.reserve(million);
    const auto before = resident_bytes();
    state.ResumeTiming();
    for (const auto& name : names) table->add(name);
    state.PauseTiming();
    state.counters["bytes_per_subscription"] =
        static_cast<double>(resident_bytes() - before) / million;
    state.ResumeTiming();
    delete table;
  }
  state.SetItemsProcessed(state.iterations() * million);
}
BENCHMARK(insert_million)
    ->Arg(-1)
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// One subject with many subscribers that come and go.
void subscribe_one_subject(benchmark::State& state) {
  const auto count = state.range(0);
  for (auto _ : state) {
    Table table;
    for (int i = 0; i < count; ++i) table.add("busy.subject", static_cast<std::uint16_t>(i % 4));
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(subscribe_one_subject)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMillisecond);

enum class Through { sublist, prefetched, cache };

void match_all(benchmark::State& state, Table& table, const Published& published,
               Through through) {
  MatchCache cache;
  Match match;
  const auto& subjects = published.subjects;
  const std::size_t count = subjects.size();
  constexpr std::size_t ahead = 16;
  std::uint64_t hashes[ahead] = {};
  std::size_t i = 0, found = 0;
  for (auto _ : state) {
    const auto subject = subjects[i];
    if (through == Through::prefetched) {
      const auto hash = hashes[i % ahead];
      const auto next = hash_bytes(subjects[i + ahead < count ? i + ahead : i + ahead - count]);
      hashes[i % ahead] = next;
      table.sublist.prefetch(next);
      table.sublist.prefetch_endpoint(hashes[(i + ahead / 2) % ahead]);
      table.sublist.match(subject, hash != 0 ? hash : hash_bytes(subject), match);
      found += match.plain.size();
    } else if (through == Through::cache) {
      found += cache.lookup(table.sublist, subject, hash_bytes(subject)).plain.size();
    } else {
      table.sublist.match(subject, hash_bytes(subject), match);
      found += match.plain.size();
    }
    if (++i == count) i = 0;
  }
  state.counters["found"] = static_cast<double>(found) / static_cast<double>(state.iterations());
}

Through through_of(std::int64_t number) { return static_cast<Through>(number); }

void match_devices(benchmark::State& state) {
  static int filled = -1;
  static std::unique_ptr<Table> table;
  const int wildcards = static_cast<int>(state.range(0));
  if (filled != wildcards) {
    table = nullptr;
    table = std::make_unique<Table>();
    fill(*table, million, wildcards);
    filled = wildcards;
  }
  const Published published(static_cast<int>(state.range(1)));
  match_all(state, *table, published, through_of(state.range(2)));
}
BENCHMARK(match_devices)
    ->ArgNames({"wildcards", "subjects", "through"})
    ->ArgsProduct({{0, 10, 100}, {million, 50'000, 1000}, {0, 1, 2}});

void match_one_wildcard(benchmark::State& state) {
  Table table;
  table.add("dev.>");
  const Published published(static_cast<int>(state.range(0)));
  match_all(state, table, published, through_of(state.range(1)));
}
BENCHMARK(match_one_wildcard)
    ->ArgNames({"subjects", "through"})
    ->ArgsProduct({{million, 1000, 1}, {0, 2}});

// Requests and replies: every client waits on an inbox of its own.
void match_inboxes(benchmark::State& state) {
  Table table;
  const auto inbox = [](int i) {
    char text[64];
    std::snprintf(text, sizeof text, "_INBOX.Zk%07dq8Zk9mPw2vLx0aB1", i);
    return std::string(text);
  };
  const auto count = static_cast<int>(state.range(0));
  for (int i = 0; i < count; ++i) table.add(inbox(i) + ".*");
  std::mt19937_64 random(1);
  std::vector<std::string> replies;
  for (int i = 0; i < 1 << 18; ++i)
    replies.push_back(inbox(static_cast<int>(random() % static_cast<unsigned>(count))) + ".r" +
                      std::to_string(i));
  match_all(state, table, Published(replies), through_of(state.range(1)));
}
BENCHMARK(match_inboxes)
    ->ArgNames({"inboxes", "through"})
    ->ArgsProduct({{100, million}, {0, 2}});

void match_fan_out(benchmark::State& state) {
  Table table;
  for (int i = 0; i < state.range(0); ++i)
    table.add("dev.>", static_cast<std::uint16_t>(i * 7 % 4));
  const Published published(std::vector<std::string>{"dev.r01"});
  match_all(state, table, published, through_of(state.range(1)));
}
BENCHMARK(match_fan_out)
    ->ArgNames({"subscribers", "through"})
    ->ArgsProduct({{10, 1000, 10'000}, {0, 2}});

void validate_subject(benchmark::State& state) {
  const auto subject = device_subject(77);
  for (auto _ : state) benchmark::DoNotOptimize(is_valid_subject(subject));
}
BENCHMARK(validate_subject);

void validate_publish_subject(benchmark::State& state) {
  const auto subject = device_subject(77);
  for (auto _ : state) benchmark::DoNotOptimize(is_valid_publish_subject(subject));
}
BENCHMARK(validate_publish_subject);

}  // namespace
}  // namespace dunlin::subject
