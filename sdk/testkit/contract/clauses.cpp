// The promises S1 to S9, each tried on its own.
#include <algorithm>

#include "sdk/testkit/rig.hpp"

namespace dunlin::testkit {
namespace {

void need_durable(Rig& rig, const Context& context) {
  if (rig.has(DUNLIN_STORE_VOLATILE)) throw Skipped("nothing survives by design");
  if (!context.options.real_dir.empty()) throw Skipped("needs the simulated disk");
}

constexpr Cut cuts[] = {Cut::lost, Cut::kept, Cut::torn, Cut::reordered};

void synced_survives(Context& context) {
  for (const auto cut : cuts) {
    Rig rig(context);
    need_durable(rig, context);
    rig.remember = true;
    for (int round = 0; round < 5; ++round) {
      rig.append_mixed(20);
      rig.skip(2);
      rig.remove({rig.model.first(), rig.model.last() - 5});
      rig.purge("orders.>", rig.model.last(), 3);
      if (round == 3) rig.truncate(rig.model.last() - 4);
      rig.sync();
      const Model synced = rig.model;
      rig.power_cut(cut);
      expect(rig.model.digest() == synced.digest(), "S1", "what was synced changed");
      rig.check_all();
    }
  }
}

void prefix_survives(Context& context) {
  for (const auto cut : cuts) {
    Rig rig(context);
    need_durable(rig, context);
    rig.remember = true;
    for (int round = 0; round < 10; ++round) {
      rig.append_mixed(10);
      if (round % 2 == 0) rig.sync();
      rig.append_mixed(10);
      rig.remove({rig.model.last() - 12});
      rig.skip(3);
      if (round % 3 == 0) rig.world().scheduler.pass(2'000'000'000);
      rig.power_cut(cut);
      rig.check_all();
    }
  }
}

void durable_seq_rises(Context& context) {
  Rig rig(context);
  std::uint64_t before = rig.log().durable_seq();
  std::vector<std::shared_ptr<Waiter>> waiting;
  for (int i = 0; i < 40; ++i) {
    rig.append_mixed(5);
    if (i % 3 == 0) waiting.push_back(rig.log().sync_later());
    const auto now = rig.log().durable_seq();
    expect(now >= before, "S1", "durable_seq moved back from ", before, " to ", now);
    expect(now <= rig.model.last(), "S1", "durable_seq is behind the end");
    before = now;
  }
  std::size_t done = 0;
  rig.world().scheduler.run_until([&] {
    // Completions come in the order of the calls.
    std::size_t first_open = 0;
    while (first_open < waiting.size() && waiting[first_open]->over()) ++first_open;
    for (std::size_t i = first_open; i < waiting.size(); ++i) {
      expect(!waiting[i]->over(), "sync", "sync ", i, " completed before sync ", first_open);
    }
    done = first_open;
    return done == waiting.size();
  });
  expect(done == waiting.size(), "sync", "only ", done, " of ", waiting.size(), " completed");
  rig.session().check_rules();
}

void fail_sync(Context& context, std::uint64_t times) {
  Rig rig(context);
  need_durable(rig, context);
  rig.remember = true;
  rig.append_mixed(10);
  rig.sync();
  rig.append_mixed(10);
  rig.world().fs_calls = 0;
  rig.world().fault = {Fault::sync_error, 1, times, 0};
  auto out = rig.log().sync();
  if (rig.world().fs_calls == 0) throw Skipped("the backend does not use dunlin.fs/1");
  expect(out.status == DUNLIN_E_IO, "S4", "a sync whose disk failed to sync answers ",
         status_name(out.status), ", should be E_IO");
  rig.world().fault = {};
  out = rig.log().sync();
  expect(!out.ok(), "S4", "a second sync reports success after the first one failed");
  const auto appended = rig.log().append({rig.record("orders.eu.1")});
  expect(appended.status == DUNLIN_E_IO && appended.accepted == 0, "S4",
         "append after a failed sync: ", status_name(appended.status), ", should be E_IO");
  Removed removed;
  expect(!rig.log().remove({2}, removed).ok(), "S4", "remove after a failed sync answered OK");
  // Reads still answer, and after opening it again all is well.
  expect(rig.log().read({}).records.size() >= 10, "S4", "nothing can be read after a failed sync");
  const bool told = std::any_of(
      rig.log().events.begin(), rig.log().events.end(),
      [](const LogEvent& event) { return event.kind == DUNLIN_LOG_POISONED; });
  expect(told, "S4", "a failed sync was not told by the event DUNLIN_LOG_POISONED");
  rig.power_cut(Cut::lost);
  rig.append_mixed(5);
  rig.sync();
  rig.check_lasting();
}

void failed_sync(Context& context) {
  fail_sync(context, 1);
  fail_sync(context, UINT64_MAX);
}

void atomic_metadata(Context& context) {
  {
    const Rig rig(context);
    need_durable(const_cast<Rig&>(rig), context);
  }
  Rng rng(context.seed);
  for (int round = 0; round < 60; ++round) {
    Rig rig(context);
    std::vector<std::shared_ptr<Waiter>> waiting;
    const int puts = 1 + static_cast<int>(rng.below(6));
    for (int put = 1; put <= puts; ++put) {
      std::vector<MetaItem> items;
      for (int i = 0; i < 12; ++i) {
        items.push_back({cat("item/", i), cat(put, std::string(rng.below(900), 'm'))});
      }
      waiting.push_back(rig.session().put_meta_later(items));
    }
    // Some tasks run, then the power goes.
    auto steps = rng.below(30);
    rig.world().scheduler.run_until([&] { return steps-- == 0; });
    int acknowledged = 0;
    for (const auto& one : waiting) acknowledged += one->over() && one->outcome.ok() ? 1 : 0;
    rig.start(rig.pull_plug(cuts[rng.below(4)]));
    std::vector<MetaItem> items;
    rig.session().list_meta("item/", items);
    int found = 0;
    for (const auto& item : items) {
      const int put = std::atoi(item.blob.c_str());
      expect(found == 0 || put == found, "S5", "items of put ", found, " and of put ", put,
             " are there after a cut");
      found = put;
    }
    expect(found == 0 || items.size() == 12, "S5", items.size(), " of the 12 items of one put");
    expect(found >= acknowledged, "S5", "put ", acknowledged, " was acknowledged, put ", found,
           " is there");
  }
}

void reads_see_appends(Context& context) {
  Rig rig(context);
  for (int i = 0; i < 100; ++i) {
    rig.append_mixed(1);
    ReadQuery query;
    query.from = query.to = rig.model.last();
    rig.check_read(query);
    query.from = 0;
    query.to = UINT64_MAX;
    query.backward = true;
    query.records_max = 1;
    query.filters = {rig.model.live().rbegin()->second.subject};
    rig.check_read(query);
    rig.check_spans(query.filters);
    rig.check_count(0, {});
  }
}

void honest_features(Context& context) {
  Rig rig(context);
  rig.append_mixed(20);
  const auto unsupported = [](const char* what, const Outcome& out) {
    expect(out.status == DUNLIN_E_UNSUPPORTED, "S8", what, " is not claimed and answers ",
           status_name(out.status));
  };
  if (!rig.has(DUNLIN_STORE_SUBJECT_INDEX)) {
    std::vector<std::pair<std::string, Span>> subjects;
    std::vector<Span> spans;
    std::vector<std::uint64_t> seqs;
    Span span;
    ReadQuery query;
    query.filters = {"orders.>"};
    unsupported("subjects", rig.log().subjects("", "", 0, subjects));
    unsupported("spans", rig.log().spans({"orders.eu.1"}, spans));
    unsupported("last_each", rig.log().last_each({">"}, UINT64_MAX, 0, seqs));
    unsupported("count by filter", rig.log().count(0, {"orders.>"}, 0, span));
    unsupported("read by filter", rig.log().read(query));
  }
  if (!rig.has(DUNLIN_STORE_DUE_INDEX)) {
    unsupported("due", rig.log().due(DUNLIN_DUE_EXPIRY, 0));
    unsupported("reschedule", rig.log().reschedule(1, 5));
  }
  if (!rig.has(DUNLIN_STORE_SNAPSHOTS)) {
    std::uint64_t snapshot = 0;
    unsupported("snapshot_open", rig.log().snapshot_open(snapshot));
  }
  if (!rig.has(DUNLIN_STORE_ATOMIC_BATCH)) {
    unsupported("an atomic append",
                rig.log().append(rig.make_group(3), false, DUNLIN_APPEND_ATOMIC));
    rig.check_all();
  }
  const std::uint32_t known = DUNLIN_STORE_VOLATILE | DUNLIN_STORE_SUBJECT_INDEX |
                              DUNLIN_STORE_SNAPSHOTS | DUNLIN_STORE_DUE_INDEX |
                              DUNLIN_STORE_COMPRESSION | DUNLIN_STORE_ENCRYPTION |
                              DUNLIN_STORE_ERASE | DUNLIN_STORE_ATOMIC_BATCH;
  const auto features = rig.world().storage().features;
  expect((features & ~known) == 0, "S8", "claims features that do not exist: ", features);
  expect(rig.world().capability() == cat("storage/1:", rig.world().storage().kind), "S8",
         "`kind` is ", rig.world().storage().kind, " and the capability ",
         rig.world().capability());
}

void sound_verify(Context& context) {
  Rig rig(context);
  rig.append_mixed(100);
  rig.remove({5, 50});
  rig.skip(3);
  for (int round = 0; round < 2; ++round) {
    std::vector<Damage> found;
    const auto out = rig.log().verify(found);
    expect(out.ok(), "verify", "failed: ", status_name(out.status), " ", out.text);
    expect(found.empty(), "verify", "of a sound log reports ", found.size(), " damages");
    rig.check_all();
    rig.reopen();
  }
}

// Groups of all sizes, with nobody waiting in between: the write buffer becomes full, and files
// end, in the middle of groups.
void groups_or_nothing(Context& context) {
  Rig rig(context);
  rig.need(DUNLIN_STORE_ATOMIC_BATCH, "atomic appends");
  for (std::size_t n = 1; n <= 1000; n = n * 3 / 2 + 1) {
    rig.append_group(rig.make_group(n));
    rig.append_mixed(1);
    rig.check_state();
  }
  for (int i = 0; i < 60; ++i) rig.append_group(rig.make_group(2 + rig.rng.below(40), 40'000));
  rig.append_group(rig.make_group(2, 3 << 20));
  rig.check_lasting();
  rig.append_group(rig.make_group(30));
  rig.remove({rig.model.last() - 3});
  rig.check_lasting();
}

void groups_refused(Context& context) {
  Rig rig(context);
  rig.need(DUNLIN_STORE_ATOMIC_BATCH, "atomic appends");
  rig.append_mixed(10);
  const auto refused = [&](const char* what, const std::vector<Record>& group,
                           dunlin_status wanted) {
    const auto out = rig.log().append(group, false, DUNLIN_APPEND_ATOMIC);
    expect(out.status == wanted, "S9", what, ": ", status_name(out.status), " ", out.text,
           ", should be ", status_name(wanted));
    rig.check_all();
  };
  auto group = rig.make_group(10);
  group[9].seq += 1;
  refused("a hole in front of the last record of a group", group, DUNLIN_E_INVALID);
  group = rig.make_group(10);
  for (auto& record : group) record.seq += 1;
  refused("a hole in front of a group", group, DUNLIN_E_INVALID);
  group = rig.make_group(3);
  group[2].payload.resize(DUNLIN_RECORD_MAX);
  refused("a group of more than DUNLIN_ATOMIC_MAX bytes", group, DUNLIN_E_LIMIT);
  refused("a group of too many records", rig.make_group(DUNLIN_ATOMIC_RECORDS_MAX + 1, 0),
          DUNLIN_E_LIMIT);
  group = rig.make_group(4);
  group[2] = {group[2].seq, group[2].time_ns, 0, 0, {}, {}, {}, DUNLIN_RECORD_GAP};
  expect(rig.log().append(group, false, DUNLIN_APPEND_ATOMIC).ok(), "S9",
         "a group with a gap was refused");
  for (const auto& record : group) {
    if ((record.flags & DUNLIN_RECORD_GAP) != 0) {
      rig.model.skip(1, record.time_ns);
    } else {
      rig.model.append(record);
    }
  }
  rig.check_lasting();
  group = rig.make_group(DUNLIN_ATOMIC_RECORDS_MAX, 0);
  rig.append_group(group);
  rig.sync();
  rig.check_state();
}

// Groups under way, and each change of the disk that they caused.
struct GroupRun {
  Disk start;
  std::vector<DiskChange> changes;
  std::vector<std::uint64_t> ends;  // of groups
  Model appended;
};

GroupRun run_groups(Rig& rig) {
  GroupRun run;
  rig.append_mixed(3);
  rig.sync();
  run.ends = {rig.model.last()};
  run.start = rig.world().disk;
  rig.world().disk.recorder = &run.changes;
  for (std::uint64_t i = 1 + rig.rng.below(5); i > 0; --i) {
    rig.append_group(rig.make_group(2 + rig.rng.below(60), 200));
    run.ends.push_back(rig.model.last());
    if (rig.rng.chance(50)) rig.log().sync_later();
    auto steps = rig.rng.below(8);
    rig.world().scheduler.run_until([&] { return steps-- == 0; });
  }
  rig.sync();
  rig.world().disk.recorder = nullptr;
  run.appended = rig.model;
  return run;
}

// What a cut leaves ends where a group ends; and so it stays when the log went on and the power
// goes once more.
void groups_survive_whole(Context& context) {
  for (int round = 0; round < 20; ++round) {
    Rig rig(context);
    need_durable(rig, context);
    rig.need(DUNLIN_STORE_ATOMIC_BATCH, "atomic appends");
    rig.rng = Rng(context.seed * 100 + static_cast<std::uint64_t>(round));
    const auto run = run_groups(rig);
    for (int cut = 0; cut < 8; ++cut) {
      Disk disk = run.start;
      auto left = rig.rng.below(run.changes.size() + 1);
      for (const auto& change : run.changes) {
        if (left-- == 0) break;
        disk.apply(change);
      }
      rig.pull_plug(Cut::lost);
      rig.start(disk.cut(cuts[rig.rng.below(4)], rig.rng));
      const auto found = dump(rig.log(), false);
      expect(std::find(run.ends.begin(), run.ends.end(), found.last) != run.ends.end(), "S9",
             "after a cut the log ends with ", found.last, ", inside of a group");
      rig.model = Model(rig.session().costs());
      for (const auto& [seq, record] : run.appended.live()) {
        if (seq <= found.last) rig.model.append(record);
      }
      rig.check_all();
      rig.append_group(rig.make_group(2 + rig.rng.below(5)));
      rig.append_mixed(1);
      rig.sync();
      rig.start(rig.pull_plug(Cut::lost));
      rig.check_all();
    }
  }
}

}  // namespace

void add_clause_tests(Suite& suite) {
  suite.push_back({"s1.synced_changes_survive_a_power_cut", "S1", synced_survives});
  suite.push_back({"s1.durable_seq_rises_and_syncs_complete_in_order", "S1", durable_seq_rises});
  suite.push_back({"s2.a_prefix_survives_a_power_cut", "S2", prefix_survives});
  suite.push_back({"s3.verify_of_a_sound_log_is_silent", "S3", sound_verify});
  suite.push_back({"s4.a_failed_sync_is_final", "S4", failed_sync});
  suite.push_back({"s5.metadata_is_atomic", "S5", atomic_metadata});
  suite.push_back({"s6.reads_see_appends", "S6", reads_see_appends});
  suite.push_back({"s8.features_are_honest", "S8", honest_features});
  suite.push_back({"s9.groups_are_accepted_whole_or_not_at_all", "S9", groups_or_nothing});
  suite.push_back({"s9.bad_groups_change_nothing", "S9", groups_refused});
  suite.push_back({"s9.groups_survive_a_power_cut_whole_or_not_at_all", "S9",
                   groups_survive_whole});
}

}  // namespace dunlin::testkit
