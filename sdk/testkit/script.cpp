#include "sdk/testkit/script.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace dunlin::testkit {
namespace {

constexpr std::int64_t second = 1'000'000'000;

struct Weight {
  const char* kind;
  unsigned weight;
};
constexpr Weight weights[] = {
    {"append", 30}, {"batch", 8},  {"skip", 4},      {"remove", 10},    {"purge", 3},
    {"group", 6},
    {"truncate", 2}, {"reschedule", 4}, {"sync", 6}, {"read", 12},      {"count", 6},
    {"subjects", 4}, {"spans", 4},  {"last_each", 4}, {"seq_at", 4},     {"due", 4},
    {"gaps", 3},     {"check", 2},  {"time", 3},      {"reopen", 2},     {"cut", 2}};

const Filters& filters_of(std::uint64_t choice) {
  static const std::vector<Filters> choices = {
      {}, {">"}, {"a.*"}, {"*.x"}, {"a.x"}, {"a.>", "b.y"}, {"rare.*"}, {"*.*.>"}, {"b.y", "*.y"}};
  return choices[choice % choices.size()];
}

std::string subject_of(std::uint64_t choice) {
  static constexpr const char* all[] = {"a.x", "a.y", "a.x.deep", "b.x", "b.y", "c", "c.y"};
  if (choice % 16 == 0) return cat("rare.", choice % 1000);
  return all[choice % std::size(all)];
}

Record drawn(Rig& rig, std::uint64_t number) {
  Rng rng(number);
  auto record = rig.record(subject_of(rng.next()), rng.chance(3) ? rng.below(9000) : rng.below(50),
                           rng.chance(20) ? "NATS/1.0\r\n\r\n" : "");
  const auto later = [&] { return static_cast<std::int64_t>(rng.below(20)) * second + 1; };
  if (rng.chance(20)) record.expires_ns = record.time_ns + later();
  if (rng.chance(15)) record.due_ns = record.time_ns + later();
  return record;
}

// A sequence near the log: mostly inside, sometimes around it.
std::uint64_t seq_of(Rig& rig, std::uint64_t number) {
  const auto first = rig.model.first();
  const auto span = std::min<std::uint64_t>(rig.model.last() + 3 - first, 1u << 30);
  const auto seq = first + number % (span + 1);
  return number % 17 == 0 ? number % 64 : seq == 0 ? 0 : seq - 1;
}

void change(Rig& rig, const Op& op) {
  if (op.kind == "append") {
    rig.append(std::vector{drawn(rig, op.a)});
  } else if (op.kind == "batch") {
    std::vector<Record> batch;
    for (std::uint64_t i = 0; i < 1 + op.b % 12; ++i) {
      batch.push_back(drawn(rig, op.a + i));
      batch.back().seq += i;
    }
    rig.append(batch);
  } else if (op.kind == "group") {
    rig.append_group(rig.make_group(2 + op.a % (op.b % 10 == 0 ? 200 : 12)));
  } else if (op.kind == "skip") {
    const bool stamps = op.b % 2 == 0;
    rig.skip(1 + op.a % (op.c % 5 == 0 ? 1000 : 4),
             stamps ? std::max(rig.now(), rig.model.last_time()) : 0);
  } else if (op.kind == "remove") {
    std::vector<std::uint64_t> seqs;
    for (std::uint64_t i = 0; i < 1 + op.b % 4; ++i) {
      seqs.push_back(seq_of(rig, op.a + i * op.c) + (i == 0 ? 0 : i));
    }
    std::sort(seqs.begin(), seqs.end());
    seqs.erase(std::unique(seqs.begin(), seqs.end()), seqs.end());
    rig.remove(seqs);
  } else if (op.kind == "purge") {
    const auto& filters = filters_of(op.a);
    const std::string filter = filters.empty() ? "" : filters[0];
    const bool jumps = filter.empty() && op.b % 10 == 0;
    const auto below = op.b % 3 == 1 ? UINT64_MAX
                       : jumps       ? rig.model.last() + 1 + op.b % 50
                                     : std::min(seq_of(rig, op.b), rig.model.last() + 1);
    rig.purge(filter, below, jumps ? 0 : op.c % 5);
  } else if (op.kind == "truncate") {
    const auto back = op.a % 8;
    rig.truncate(rig.model.last() - std::min(back, rig.model.last()));
  } else if (op.kind == "reschedule") {
    const auto at = rig.model.live().lower_bound(seq_of(rig, op.a));
    if (at == rig.model.live().end()) return;
    rig.reschedule(at->first, op.b % 4 == 0 ? 0 : rig.now() + static_cast<std::int64_t>(
                                                                  op.b % 30) * second);
  }
}

void ask(Rig& rig, const Op& op) {
  if (op.kind == "read") {
    ReadQuery query;
    query.from = op.a % 5 == 0 ? 0 : seq_of(rig, op.a);
    query.to = op.b % 3 == 0 ? UINT64_MAX : seq_of(rig, op.b);
    if (query.from > query.to) std::swap(query.from, query.to);
    query.filters = filters_of(op.c);
    query.backward = op.c / 16 % 3 == 0;
    query.bare = op.c / 64 % 5 == 0;
    query.records_max = op.c / 512 % 3 == 0 ? op.b % 8 : 0;
    query.gaps = query.records_max == 0 && op.c / 4096 % 4 == 0 && query.filters.empty();
    rig.check_read(query);
  } else if (op.kind == "count") {
    rig.check_count(op.a % 4 == 0 ? 0 : seq_of(rig, op.a), filters_of(op.b), op.c % 3 == 0);
  } else if (op.kind == "subjects") {
    const auto& filters = filters_of(op.a);
    rig.check_subjects(filters.empty() ? "" : filters[0], op.b % 2 == 0 ? "" : subject_of(op.b),
                       op.c % 5);
  } else if (op.kind == "spans") {
    rig.check_spans({subject_of(op.a), subject_of(op.b), subject_of(op.c)});
  } else if (op.kind == "last_each") {
    rig.check_last_each(filters_of(op.a), op.b % 2 == 0 ? UINT64_MAX : seq_of(rig, op.b),
                        op.c % 6);
  } else if (op.kind == "seq_at") {
    const auto at = rig.model.live().lower_bound(seq_of(rig, op.a));
    const auto time = at == rig.model.live().end() ? rig.now() : at->second.time_ns;
    rig.check_seq_at(time + static_cast<std::int64_t>(op.b % 3) - 1);
  } else if (op.kind == "due") {
    rig.check_due(op.a % 2 == 0 ? DUNLIN_DUE_EXPIRY : DUNLIN_DUE_SCHEDULE,
                  rig.now() + static_cast<std::int64_t>(op.b % 20) * second, op.c % 4);
  } else if (op.kind == "gaps") {
    const auto from = seq_of(rig, op.a), to = seq_of(rig, op.b);
    rig.check_gaps(std::min(from, to), std::max(from, to));
  } else if (op.kind == "check") {
    rig.check_all();
  }
}

}  // namespace

Script random_script(Rng& rng, std::size_t operations, bool crashes) {
  unsigned total = 0;
  for (const auto& one : weights) total += one.weight;
  Script out;
  while (out.size() < operations) {
    auto drawn_weight = static_cast<unsigned>(rng.below(total));
    const Weight* at = weights;
    while (drawn_weight >= at->weight) drawn_weight -= (at++)->weight;
    const std::string kind = at->kind == std::string("cut") && !crashes ? "reopen" : at->kind;
    out.push_back({kind, rng.below(1 << 20), rng.below(1 << 20), rng.below(1 << 20)});
  }
  return out;
}

void run_op(Rig& rig, const Op& op) {
  if (op.kind == "sync") return rig.sync();
  if (op.kind == "reopen") return rig.reopen();
  if (op.kind == "cut") return rig.power_cut(static_cast<Cut>(op.a % 4));
  if (op.kind == "time") {
    rig.advance(static_cast<std::int64_t>(op.a % 10) * second / 2);
    rig.world().scheduler.pass(op.b % 3 * 500'000'000);
    return;
  }
  change(rig, op);
  ask(rig, op);
}

void run_script(Rig& rig, const Script& script) {
  rig.remember = true;
  for (std::size_t i = 0; i < script.size(); ++i) {
    try {
      run_op(rig, script[i]);
      rig.check_state();
    } catch (const Failure& failure) {
      throw Failure(failure.clause, cat("operation ", i + 1, " (", script[i].kind, "): ",
                                        failure.text));
    }
  }
  rig.check_all();
  rig.reopen();
  rig.check_all();
}

std::string script_text(const Script& script) {
  std::string out;
  for (const auto& op : script) out += cat(op.kind, " ", op.a, " ", op.b, " ", op.c, "\n");
  return out;
}

Script parse_script(const std::string& text) {
  Script out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    Op op;
    words >> op.kind >> op.a >> op.b >> op.c;
    const auto known = [&](const Weight& one) { return op.kind == one.kind; };
    if (!words || std::none_of(std::begin(weights), std::end(weights), known)) {
      throw Failure("usage", cat("not an operation: ", line));
    }
    out.push_back(op);
  }
  return out;
}

Result run_script_alone(const Options& options, std::uint64_t seed, const Script& script) {
  // Each sync of a real disk takes milliseconds.
  const unsigned seconds = options.real_dir.empty() ? 20 : 300;
  return run_alone(options, seed, seconds, "model", [&](Context& context) {
    Rig rig(context);
    run_script(rig, script);
  });
}

Script shrink(const Options& options, std::uint64_t seed, const Script& script,
              const Result& failure, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  Script best = script;
  // Delta debugging: leave out larger parts first, then smaller ones.
  for (std::size_t part = std::max<std::size_t>(best.size() / 2, 1);;) {
    bool smaller = false;
    for (std::size_t at = 0; at < best.size() && Clock::now() < end;) {
      Script without = best;
      const auto from = without.begin() + static_cast<std::ptrdiff_t>(at);
      without.erase(from, from + static_cast<std::ptrdiff_t>(std::min(part, best.size() - at)));
      const auto result = run_script_alone(options, seed, without);
      if (result.bad() && result.kind == failure.kind && result.clause == failure.clause) {
        best = without;
        smaller = true;
      } else {
        at += part;
      }
    }
    if (Clock::now() >= end || (part == 1 && !smaller)) return best;
    if (!smaller || part > best.size()) part = std::max<std::size_t>(part / 2, 1);
  }
}

int replay_script(const Options& options) {
  std::ifstream file(options.script);
  if (!file) throw Failure("usage", cat("cannot read ", options.script));
  std::stringstream text;
  text << file.rdbuf();
  const auto result = run_script_alone(options, options.seed, parse_script(text.str()));
  std::printf("%s %s: %s\n", result_name(result.kind), result.clause.c_str(), result.text.c_str());
  return result.bad() ? 1 : 0;
}

}  // namespace dunlin::testkit
