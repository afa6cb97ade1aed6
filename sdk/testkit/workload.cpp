#include "sdk/testkit/workload.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace dunlin::testkit {

const char* const log_names[log_count] = {"stream/A", "raft/1"};

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start_ns = 1'750'000'000'000'000'000;

std::uint64_t meta_digest(const std::map<std::string, std::string>& items) {
  std::uint64_t hash = hash_start;
  for (const auto& [path, blob] : items) {
    hash = hash_number(hash_bytes(hash_bytes(hash, path), blob), path.size());
  }
  return hash;
}

std::string meta_text(const std::map<std::string, std::string>& items) {
  const auto at = items.find("counter");
  return cat(items.size(), " items, counter ", at == items.end() ? "none" : at->second);
}

std::string log_text(std::uint64_t first, std::uint64_t last, std::size_t records,
                     std::size_t schedule) {
  return cat(first, "..", last, " with ", records, " records, ", schedule, " scheduled");
}

class Maker {
 public:
  Maker(Rng& rng, const WorkloadOptions& options)
      : rng_(rng), options_(options), models_{Model(options.costs), Model(options.costs)} {
    for (std::size_t log = 0; log < log_count; ++log) note(log);
    note_meta();
  }

  Workload make() {
    while (out_.steps.size() < options_.steps) {
      const std::size_t log = rng_.chance(25) ? 1 : 0;
      const auto choice = rng_.below(100);
      if (choice < 50) {
        append(log);
      } else if (choice < 72) {
        add({Step::sync, log, {}, {}, {}, waits(), 0, {}});
      } else if (choice < 78) {
        add({Step::pump, 0, {}, {}, {}, rng_.below(12), 0, {}});
      } else if (choice < 79) {
        add({Step::pass, 0, {}, {}, {}, rng_.below(3) * second, 0, {}});
      } else if (choice < 84 && options_.metadata) {
        put_meta();
      } else {
        change(log, choice);
      }
    }
    for (std::size_t log = 0; log < log_count; ++log) add({Step::sync, log, {}, {}, {}, 1, 0, {}});
    out_.finals = {models_[0], models_[1]};
    return std::move(out_);
  }

 private:
  std::uint64_t waits() { return options_.waits ? 1 : rng_.below(2); }
  void add(Step step) { out_.steps.push_back(std::move(step)); }

  void note(std::size_t log) {
    const Model& model = models_[log];
    out_.tracks[log].digests.push_back(model.digest());
    out_.tracks[log].lasts.push_back(model.last());
    out_.tracks[log].texts.push_back(log_text(model.first(), model.last(), model.live().size(),
                                              model.due(DUNLIN_DUE_SCHEDULE).size()));
  }
  void note_meta() {
    out_.tracks[meta_track].digests.push_back(meta_digest(items_));
    out_.tracks[meta_track].texts.push_back(meta_text(items_));
  }

  void append(std::size_t log) {
    static constexpr const char* subjects[] = {"a.x", "a.y", "b.x", "b.y.z", "c"};
    const auto n = rng_.chance(10) ? 20 : 1 + rng_.below(4);
    const bool is_group = n > 1 && (options_.features & DUNLIN_STORE_ATOMIC_BATCH) != 0 &&
                          rng_.chance(40);
    std::vector<Record> group;
    for (std::uint64_t i = 0; i < n; ++i) {
      Record record;
      record.seq = models_[log].last() + 1;
      time_ += static_cast<std::int64_t>(rng_.below(1000));
      record.time_ns = std::max(time_, models_[log].last_time());
      if (log == 0) record.subject = subjects[rng_.below(std::size(subjects))];
      if (rng_.chance(20)) record.header = "NATS/1.0\r\n\r\n";
      const auto size = rng_.chance(5) ? rng_.below(6000) : rng_.below(120);
      for (std::uint64_t at = 0; at < size; ++at) {
        record.payload += static_cast<char>(rng_.next());
      }
      const bool timed = (options_.features & DUNLIN_STORE_DUE_INDEX) != 0 && log == 0;
      if (timed && rng_.chance(15)) record.expires_ns = record.time_ns + second;
      if (timed && rng_.chance(15)) record.due_ns = record.time_ns + second;
      models_[log].append(record);
      group.push_back(std::move(record));
      if (is_group && i + 1 < n) continue;
      note(log);
      add({Step::append, log, std::exchange(group, {}), {}, {}, 0, 0, {}});
    }
  }

  void put_meta() {
    std::vector<MetaItem> items = {{"counter", cat(++puts_), false}};
    for (std::uint64_t i = 0; i < rng_.below(5); ++i) {
      const auto path = cat("consumers/", rng_.below(6));
      items.push_back({path, std::string(rng_.below(700), static_cast<char>('a' + puts_ % 26)),
                       rng_.chance(20)});
    }
    for (const auto& item : items) {
      if (item.erase) {
        items_.erase(item.path);
      } else {
        items_[item.path] = item.blob;
      }
    }
    note_meta();
    add({Step::put_meta, 0, {}, {}, {}, waits(), 0, std::move(items)});
  }

  void change(std::size_t log, std::uint64_t choice) {
    Model& model = models_[log];
    if (model.live().empty()) return;
    const auto any = [&] { return model.first() + rng_.below(model.last() - model.first() + 1); };
    if (choice < 87) {
      const auto count = 1 + rng_.below(3);
      model.skip(count, 0);
      note(log);
      add({Step::skip, log, {}, {}, {}, count, 0, {}});
    } else if (choice < 93) {
      std::vector<std::uint64_t> seqs = {any(), any()};
      std::sort(seqs.begin(), seqs.end());
      seqs.erase(std::unique(seqs.begin(), seqs.end()), seqs.end());
      model.remove(seqs);
      note(log);
      add({Step::remove, log, {}, std::move(seqs), {}, 0, 0, {}});
    } else if (choice < 96) {
      const bool filters = log == 0 && (options_.features & DUNLIN_STORE_SUBJECT_INDEX) != 0;
      const std::string filter = filters && rng_.chance(50) ? "a.*" : "";
      const auto below = any(), keep = rng_.below(3);
      model.purge(filter, below, keep);
      note(log);
      add({Step::purge, log, {}, {}, filter, below, keep, {}});
    } else if (choice < 98) {
      const auto last = model.last() - std::min<std::uint64_t>(rng_.below(6), model.last());
      model.truncate(last);
      note(log);
      add({Step::truncate, log, {}, {}, {}, last, 0, {}});
    } else if (log == 0 && (options_.features & DUNLIN_STORE_DUE_INDEX) != 0) {
      const auto seq = model.live().lower_bound(any())->first;
      const auto due = rng_.chance(30) ? 0 : time_ + static_cast<std::int64_t>(rng_.below(100));
      model.reschedule(seq, due);
      note(log);
      add({Step::reschedule, log, {}, {seq}, {}, static_cast<std::uint64_t>(due), 0, {}});
    }
  }

  Rng& rng_;
  WorkloadOptions options_;
  Workload out_;
  Model models_[log_count];
  std::map<std::string, std::string> items_;
  std::uint64_t puts_ = 0;
  std::int64_t time_ = start_ns;
};

// Runs the steps; remembers syncs and puts that are still to complete.
class Runner {
 public:
  Runner(Session& session, Log* const (&logs)[log_count], const Workload& workload,
         Progress& progress)
      : session_(session), logs_(logs), workload_(workload), progress_(progress) {}

  Outcome run() {
    for (const auto& step : workload_.steps) {
      Outcome out = one(step);
      collect();
      if (!failed_.ok()) return failed_;
      if (!out.ok()) return out;
    }
    while (!waiting_.empty()) {
      session_.await(*waiting_.front().waiter);
      collect();
    }
    return failed_;
  }

 private:
  struct Waiting {
    std::shared_ptr<Waiter> waiter;
    std::size_t track;
    std::uint64_t changes;
  };

  void begin(std::size_t track) {
    progress_.begun[track].push_back(progress_.clock());
    if (progress_.tell) progress_.tell(track, progress_.begun[track].size(), false);
  }

  void collect() {
    std::erase_if(waiting_, [&](const Waiting& one) {
      if (one.waiter->answered && !one.waiter->outcome.ok()) failed_ = one.waiter->outcome;
      if (!one.waiter->over()) return one.waiter->answered;
      if (one.waiter->outcome.ok()) {
        if (progress_.syncs_late && one.track != meta_track) return true;
        progress_.acked[one.track].emplace_back(progress_.clock(), one.changes);
        if (progress_.tell) progress_.tell(one.track, one.changes, true);
      } else {
        failed_ = one.waiter->outcome;
      }
      return true;
    });
    if (progress_.syncs_late) see_durable();
  }

  // The change that made the last durable sequence is durable, and with it all before.
  void see_durable() {
    for (std::size_t log = 0; log < log_count; ++log) {
      const auto durable = logs_[log]->durable_seq();
      if (durable == std::exchange(durable_[log], durable)) continue;
      const auto& lasts = workload_.tracks[log].lasts;
      auto change = progress_.begun[log].size();
      while (change > 0 && (lasts[change] != durable || lasts[change - 1] >= durable)) --change;
      progress_.acked[log].emplace_back(progress_.clock(), change);
    }
  }

  // Makes a change, again when it had to wait.
  template <class Change>
  Outcome insist(const char* what, Log& log, Change&& change) {
    for (;;) {
      const std::size_t events = log.events.size();
      const Outcome out = change();
      if (out.status != DUNLIN_E_AGAIN) return out;
      const bool room = session_.world().scheduler.run_until([&] {
        collect();
        return log.events.size() > events || !failed_.ok();
      });
      if (!failed_.ok()) return failed_;
      expect(room, what, "E_AGAIN, and DUNLIN_LOG_ROOM never came");
    }
  }

  void wait_for(std::shared_ptr<Waiter> waiter, std::size_t track, bool now) {
    waiting_.push_back({waiter, track, progress_.begun[track].size()});
    if (now && !waiter->answered) {
      session_.world().scheduler.run_until([&] {
        collect();
        return waiter->over();
      });
      session_.await(*waiter);
    }
  }

  Outcome one(const Step& step) {
    Log& log = *logs_[step.log];
    Removed removed;
    switch (step.kind) {
      case Step::sync: wait_for(log.sync_later(), step.log, step.a != 0); return {};
      case Step::pass: session_.world().scheduler.pass(step.a); return {};
      case Step::pump: {
        auto left = step.a;
        session_.world().scheduler.run_until([&] {
          collect();
          return left-- == 0;
        });
        return {};
      }
      case Step::put_meta:
        begin(meta_track);
        wait_for(session_.put_meta_later(step.items), meta_track, step.a != 0);
        return {};
      default: begin(step.log);
    }
    switch (step.kind) {
      case Step::append:
        return insist("append", log, [&]() -> Outcome {
          return log.append(step.records, false,
                            step.records.size() > 1 ? DUNLIN_APPEND_ATOMIC : 0);
        });
      case Step::skip:
        return insist("skip", log, [&] { return log.skip(log.state().last_seq + 1, step.a, 0); });
      case Step::remove: return log.remove(step.seqs, removed);
      case Step::purge: return log.purge(step.filter, step.a, step.b, removed);
      case Step::truncate: return log.truncate(step.a, removed);
      default:
        return insist("reschedule", log, [&] {
          return log.reschedule(step.seqs[0], static_cast<std::int64_t>(step.a));
        });
    }
  }

  Session& session_;
  Log* const (&logs_)[log_count];
  const Workload& workload_;
  Progress& progress_;
  std::uint64_t durable_[log_count] = {};
  std::vector<Waiting> waiting_;
  Outcome failed_;
};

}  // namespace

Workload make_workload(Rng& rng, const WorkloadOptions& options) {
  return Maker(rng, options).make();
}

std::uint64_t Progress::least(std::size_t track, std::uint64_t at) const {
  std::uint64_t out = 0;
  for (const auto& [when, changes] : acked[track]) {
    if (when <= at) out = std::max(out, changes);
  }
  return out;
}

std::uint64_t Progress::most(std::size_t track, std::uint64_t at) const {
  const auto& all = begun[track];
  return static_cast<std::uint64_t>(std::upper_bound(all.begin(), all.end(), at) - all.begin());
}

Outcome run_workload(Session& session, Log* const (&logs)[log_count], const Workload& workload,
                     Progress& progress) {
  return Runner(session, logs, workload, progress).run();
}

OpenLog options_of(std::size_t log, std::uint32_t sync) {
  OpenLog options;
  options.sync = sync;
  if (log == 1) options.flags |= DUNLIN_LOG_NO_SUBJECTS;
  return options;
}

std::uint64_t check_track(Session& session, Log* log, std::size_t track, const Workload& workload,
                          std::uint64_t least, std::uint64_t most, const std::string& where) {
  std::uint64_t digest = 0;
  std::string text;
  if (track == meta_track) {
    std::vector<MetaItem> found;
    const auto out = session.list_meta("", found);
    expect(out.ok(), "S5", where, ": metadata cannot be listed: ", status_name(out.status));
    std::map<std::string, std::string> items;
    for (auto& item : found) items[item.path] = item.blob;
    digest = meta_digest(items);
    text = meta_text(items);
  } else {
    const auto found = dump(*log, track == 0 && session.has(DUNLIN_STORE_DUE_INDEX));
    if (!found.unreadable.empty()) {
      const auto first = found.unreadable[0].first;
      std::string told;
      for (const auto& event : log->events) told += event.text.empty() ? "" : "; " + event.text;
      // What was not acknowledged may be gone, but then as if it had never been.
      throw Failure(first <= workload.tracks[track].lasts[least] ? "S1" : "S2",
                    cat(where, ": ", log->name(), ": sequence ", first, " is unreadable", told));
    }
    digest = found.digest();
    text = log_text(found.first, found.last, found.records.size(), found.schedule.size());
  }
  const auto& states = workload.tracks[track];
  for (auto i = most + 1; i > least; --i) {
    if (states.digests[i - 1] == digest) return i - 1;
  }
  std::string clause = track == meta_track ? "S5" : "S2";
  std::string known;
  for (std::uint64_t i = 0; i < states.digests.size(); ++i) {
    if (states.digests[i] != digest) continue;
    known = cat(" (it is state ", i, ")");
    if (i < least) clause = "S1";
  }
  throw Failure(clause, cat(where, ": ", track == meta_track ? "metadata" : log_names[track],
                            " is ", text, known, "; must be one of the states ", least, " (",
                            states.texts[least], ", acknowledged) to ", most, " (",
                            states.texts[most], ", begun)"));
}

}  // namespace dunlin::testkit
