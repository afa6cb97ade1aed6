// Contract: what indexes answer.
#include <algorithm>

#include "sdk/testkit/rig.hpp"

namespace dunlin::testkit {
namespace {

constexpr std::int64_t second = 1'000'000'000;

void prepare(Rig& rig) {
  rig.append_mixed(300);
  rig.skip(4);
  rig.remove({1, 2, 10, 11, 12, 150});
  rig.purge("metrics.x.*", 200, 1);
  rig.append_mixed(50);
}

// `check` on the prepared log, before and after it was reopened.
template <class Check>
void with_log(Context& context, std::uint32_t feature, const char* name, Check&& check) {
  Rig rig(context);
  rig.need(feature, name);
  prepare(rig);
  check(rig);
  rig.reopen();
  check(rig);
}

const Filters filter_choices[] = {{},
                                  {">"},
                                  {"orders.>"},
                                  {"*.eu.*"},
                                  {"orders.*"},
                                  {"*.*.3"},
                                  {"rare.*", "audit.us.1"},
                                  {"orders.eu.>", "orders.>", "orders.eu.1"},
                                  {"nobody.>"},
                                  {"orders.eu.1"}};

void count(Context& context) {
  with_log(context, DUNLIN_STORE_SUBJECT_INDEX, "a subject index", [](Rig& rig) {
    for (const auto& filters : filter_choices) {
      for (const std::uint64_t from : {0u, 1u, 10u, 151u, 250u, 354u, 355u, 9999u}) {
        rig.check_count(from, filters);
        rig.check_count(from, filters, true);
      }
    }
  });
}

void subjects(Context& context) {
  with_log(context, DUNLIN_STORE_SUBJECT_INDEX, "a subject index", [](Rig& rig) {
    for (const char* filter :
         {"", ">", "orders.>", "*.eu.*", "rare.*", "orders.eu.1", "nobody.>"}) {
      rig.check_subjects(filter);
      // Page by page.
      std::string after;
      for (int page = 0; page < 200; ++page) {
        rig.check_subjects(filter, after, 3);
        std::vector<std::pair<std::string, Span>> found;
        rig.log().subjects(filter, after, 3, found);
        if (found.empty()) break;
        after = found.back().first;
      }
      rig.check_subjects(filter, "orders.eu.1x");
      rig.check_subjects(filter, "zzz");
    }
  });
}

void spans(Context& context) {
  with_log(context, DUNLIN_STORE_SUBJECT_INDEX, "a subject index", [](Rig& rig) {
    std::vector<std::string> all = {"nobody", "orders", "orders.eu", "orders.eu.1.x"};
    for (const auto& [subject, span] : rig.model.spans("")) all.push_back(subject);
    rig.check_spans(all);
    rig.check_spans({});
    for (const auto& subject : all) rig.check_spans({subject});
  });
}

void last_each(Context& context) {
  with_log(context, DUNLIN_STORE_SUBJECT_INDEX, "a subject index", [](Rig& rig) {
    for (const auto& filters : filter_choices) {
      for (const std::uint64_t below : {~0ull, 1ull, 100ull, 305ull, 354ull}) {
        rig.check_last_each(filters, below);
        for (const std::uint64_t max : {1ull, 5ull, 1000ull}) {
          rig.check_last_each(filters, below, max);
        }
      }
    }
  });
}

void seq_at(Context& context) {
  Rig rig(context);
  prepare(rig);
  for (int round = 0; round < 2; ++round) {
    for (const auto& [seq, record] : rig.model.live()) {
      if (seq % 7 != 0) continue;
      for (const int offset : {-1, 0, 1}) rig.check_seq_at(record.time_ns + offset);
    }
    rig.check_seq_at(INT64_MIN);
    rig.check_seq_at(INT64_MAX);
    rig.reopen();
  }
}

void due(Context& context) {
  with_log(context, DUNLIN_STORE_DUE_INDEX, "a due index", [](Rig& rig) {
    for (const auto index : {DUNLIN_DUE_EXPIRY, DUNLIN_DUE_SCHEDULE}) {
      for (const auto& [at, seq] : rig.model.due(index)) {
        rig.check_due(index, at - 1);
        rig.check_due(index, at);
      }
      rig.check_due(index, 0);
      rig.check_due(index, rig.now() + 1800 * second);
      for (const std::uint64_t max : {1u, 2u, 10u}) {
        rig.check_due(index, INT64_MAX - 1, max);
        rig.check_due(index, rig.now() + 1000 * second, max);
      }
    }
  });
}

void due_removed(Context& context) {
  Rig rig(context);
  rig.need(DUNLIN_STORE_DUE_INDEX, "a due index");
  rig.append_mixed(100);
  for (const auto index : {DUNLIN_DUE_EXPIRY, DUNLIN_DUE_SCHEDULE}) {
    // What is due is removed, as a caller would, until nothing is left.
    for (int round = 0; round < 100; ++round) {
      const auto items = rig.log().due(index, INT64_MAX - 1, 5).items;
      if (items.empty()) break;
      std::vector<std::uint64_t> seqs;
      for (const auto& [at, seq] : items) seqs.push_back(seq);
      std::sort(seqs.begin(), seqs.end());
      rig.remove(seqs);
      rig.check_due(index, INT64_MAX - 1);
    }
  }
  rig.check_lasting();
}

void reschedule(Context& context) {
  Rig rig(context);
  rig.need(DUNLIN_STORE_DUE_INDEX, "a due index");
  rig.append_mixed(60);
  std::vector<std::uint64_t> seqs;
  for (const auto& [seq, record] : rig.model.live()) seqs.push_back(seq);
  for (const auto seq : seqs) {
    if (seq % 3 == 0) rig.reschedule(seq, rig.now() + static_cast<std::int64_t>(seq) * second);
    if (seq % 5 == 0) rig.reschedule(seq, 0);
    if (seq % 7 == 0) rig.reschedule(seq, 1);
  }
  rig.remove({9, 14});
  rig.check_lasting();
  rig.reschedule(12, rig.now());
  rig.reschedule(12, rig.now() + second);
  rig.sync();
  rig.check_lasting();
  const auto out = rig.log().reschedule(9, 5);
  expect(!out.ok(), "reschedule", "of a removed record answered OK");
  rig.check_all();
}

void snapshots(Context& context) {
  Rig rig(context);
  rig.need(DUNLIN_STORE_SNAPSHOTS, "snapshots");
  std::vector<std::pair<std::uint64_t, Model>> open;
  const auto take = [&] {
    std::uint64_t id = 0;
    const auto out = rig.log().snapshot_open(id);
    expect(out.ok() && id != 0, "snapshot_open", status_name(out.status), ", id ", id);
    open.emplace_back(id, rig.model);
  };
  const auto check = [&] {
    const Model now = rig.model;
    for (const auto& [id, then] : open) {
      rig.model = then;
      ReadQuery query;
      query.snapshot = id;
      rig.check_read(query);
      query.from = 20;
      query.to = 60;
      rig.check_read(query);
      query.filters = {"orders.>"};
      rig.check_read(query);
      query.backward = true;
      rig.check_read(query);
    }
    rig.model = now;
    rig.check_all();
  };
  take();
  rig.append_mixed(80);
  take();
  rig.remove({1, 2, 30, 31, 80});
  check();
  rig.sync();
  take();
  rig.purge("orders.>", 70, 2);
  rig.append_mixed(40);
  check();
  take();
  rig.truncate(50);
  rig.append_mixed(10);
  rig.purge("", UINT64_MAX, 0);
  check();
  rig.log().snapshot_close(open[1].first);
  open.erase(open.begin() + 1);
  rig.append_mixed(20);
  check();
  for (const auto& [id, then] : open) rig.log().snapshot_close(id);
  open.clear();
  rig.check_lasting();
}

}  // namespace

void add_query_tests(Suite& suite) {
  suite.push_back({"count.by_filters_and_start", "count", count});
  suite.push_back({"subjects.filters_and_pages", "subjects", subjects});
  suite.push_back({"spans.of_literal_subjects", "spans", spans});
  suite.push_back({"last_each.filters_bounds_limits", "last_each", last_each});
  suite.push_back({"seq_at.finds_the_first_at_or_after", "seq_at", seq_at});
  suite.push_back({"due.reports_until_removed", "due", due});
  suite.push_back({"due.drained_by_removal", "due", due_removed});
  suite.push_back({"reschedule.moves_records", "reschedule", reschedule});
  suite.push_back({"snapshot.stays_as_the_log_was", "snapshots", snapshots});
}

}  // namespace dunlin::testkit
