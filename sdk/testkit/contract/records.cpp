// Contract: append, skip, read, state, gaps.
#include <algorithm>

#include "sdk/testkit/rig.hpp"

namespace dunlin::testkit {
namespace {

void empty_log(Context& context) {
  Rig rig(context);
  rig.check_lasting();
  rig.sync();
  ReadQuery query;
  query.from = query.to = 1;
  rig.check_read(query);
  query.to = UINT64_MAX;
  query.records_max = 1;
  rig.check_read(query);
}

void one_record(Context& context) {
  Rig rig(context);
  rig.append("orders.eu.1");
  rig.check_lasting();
  rig.append("orders.eu.1");
  rig.sync();
  rig.check_lasting();
}

void first_seq(Context& context) {
  for (const std::uint64_t first : {1000ull, 1ull << 40}) {
    OpenLog options;
    options.first_seq = first;
    Rig rig(context, options);
    rig.check_state();
    rig.reopen();
    rig.check_state();
    rig.append_mixed(20);
    rig.check_lasting();
  }
}

void many_records(Context& context) {
  Rig rig(context);
  rig.append_mixed(1500);
  rig.check_all();
  rig.sync();
  rig.append_mixed(300);
  rig.check_lasting();
  rig.append_mixed(50);
  rig.check_lasting();
}

void batches(Context& context) {
  Rig rig(context);
  for (const std::size_t n : {1u, 2u, 7u, 64u, 500u}) {
    std::vector<Record> batch;
    for (std::size_t i = 0; i < n; ++i) {
      auto record = rig.record(cat("audit.us.", i % 5), i % 100);
      record.seq += i;
      batch.push_back(record);
      // The next one's time must not be before this one's.
      rig.advance(1);
    }
    rig.append(batch);
    rig.check_state();
  }
  rig.append(std::vector<Record>{});
  rig.check_lasting();
}

void sizes(Context& context) {
  Rig rig(context);
  for (const std::size_t n : {0u, 1u, 7u, 511u, 512u, 513u, 4095u, 4096u, 4097u, 65535u, 65536u,
                              65537u, 1u << 20}) {
    rig.append("audit.us.2", n);
    auto record = rig.record("orders.eu.1", 3, std::string(n, 'h'));
    rig.append(std::vector{record});
  }
  rig.append(std::string(400, 's') + "." + std::string(400, 't'), 10);
  rig.append("a", 0);
  rig.check_lasting();
}

void largest(Context& context) {
  Rig rig(context);
  rig.append("orders.eu.1", DUNLIN_RECORD_MAX - 11);
  rig.append("orders.eu.1", 5);
  rig.sync();
  rig.check_read({});
  auto record = rig.record("orders.eu.1", DUNLIN_RECORD_MAX - 10);
  const auto out = rig.log().append({record});
  expect(out.status == DUNLIN_E_INVALID, "append", "a record above DUNLIN_RECORD_MAX: ",
         status_name(out.status), ", should be E_INVALID");
  rig.reopen();
  rig.check_read({});
  rig.check_state();
}

void refuse(Rig& rig, std::vector<Record> records, std::size_t good, const char* what) {
  const auto out = rig.log().append(records);
  expect(out.status == DUNLIN_E_INVALID, "append", what, ": ", status_name(out.status),
         ", should be E_INVALID");
  expect(out.accepted <= good, "append", what, ": accepted ", out.accepted, " records");
  for (std::size_t i = 0; i < out.accepted; ++i) rig.model.append(records[i]);
  rig.check_all();
}

void wrong_append(Context& context) {
  Rig rig(context);
  rig.append_mixed(5);
  auto record = rig.record("audit.us.1");
  record.seq += 1;
  refuse(rig, {record}, 0, "a sequence behind a hole");
  record.seq -= 2;
  refuse(rig, {record}, 0, "a sequence that is there already");
  record.seq = 0;
  refuse(rig, {record}, 0, "sequence 0");
  record = rig.record("audit.us.1");
  record.time_ns = rig.model.last_time() - 1;
  refuse(rig, {record}, 0, "a time before the last record's");
  auto good = rig.record("audit.us.1");
  auto bad = good;
  bad.seq += 2;
  refuse(rig, {good, bad}, 1, "a hole inside of a batch");
  rig.append_mixed(3);
  rig.check_lasting();
}

void skips(Context& context) {
  Rig rig(context);
  rig.skip(1);
  rig.check_all();
  rig.skip(1000);
  rig.check_all();
  rig.append_mixed(3);
  rig.skip(5, rig.now() + 1000);
  rig.check_all();
  rig.advance(5000);
  rig.append_mixed(2);
  rig.skip(1'000'000'000'000);
  rig.check_all();
  rig.append_mixed(4);
  rig.check_lasting();
  auto out = rig.log().skip(rig.model.last() + 2, 1, 0);
  expect(out.status == DUNLIN_E_INVALID, "skip", "behind a hole: ", status_name(out.status),
         ", should be E_INVALID");
  out = rig.log().skip(rig.model.last(), 1, 0);
  expect(out.status == DUNLIN_E_INVALID, "skip", "of a sequence that is there: ",
         status_name(out.status), ", should be E_INVALID");
  rig.skip(3);
  rig.check_lasting();
}

void reads(Context& context) {
  Rig rig(context);
  rig.append_mixed(200);
  rig.skip(10);
  rig.remove({5, 6, 7, 30, 199});
  rig.append_mixed(60);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; ++i) {
      ReadQuery query;
      query.from = rig.rng.below(280);
      query.to = rig.rng.chance(40) ? UINT64_MAX : rig.rng.below(300);
      static const Filters choices[] = {{}, {"orders.>"}, {"*.eu.*", "rare.>"}, {"audit.us.2"},
                                        {">"}, {"nothing.*"}, {"orders.eu.1", "orders.eu.*"}};
      query.filters = choices[rig.rng.below(std::size(choices))];
      query.backward = rig.rng.chance(40);
      query.bare = rig.rng.chance(20);
      query.records_max = rig.rng.chance(50) ? rig.rng.below(20) : 0;
      if (query.from > query.to) std::swap(query.from, query.to);
      rig.check_read(query);
    }
    rig.reopen();
  }
}

void reads_by_seqs(Context& context) {
  Rig rig(context);
  rig.append_mixed(100);
  rig.remove({4, 5, 50});
  ReadQuery query;
  query.by_seqs = true;
  query.seqs = {1, 2, 4, 49, 50, 51, 99, 100, 101, 5000};
  rig.check_read(query);
  query.filters = {"orders.>"};
  rig.check_read(query);
  query.filters.clear();
  query.seqs.clear();
  for (std::uint64_t seq = 1; seq <= 100; seq += 3) query.seqs.push_back(seq);
  query.records_max = 5;
  rig.check_read(query);
  rig.reopen();
  rig.check_read(query);
}

void read_limits(Context& context) {
  Rig rig(context);
  rig.append_mixed(50);
  for (const std::uint64_t n : {1u, 2u, 49u, 50u, 51u}) {
    ReadQuery query;
    query.records_max = n;
    rig.check_read(query);
    query.records_max = 0;
    query.stop_after = n;
    rig.check_read(query);
    query.stop_after = 0;
    query.bytes_max = n * 30;
    rig.check_read(query);
  }
  // Going on at `next` visits everything once.
  ReadQuery query;
  query.records_max = 7;
  std::vector<std::uint64_t> seen;
  for (;;) {
    const auto got = rig.log().read(query);
    expect(got.ok(), "read", "failed: ", status_name(got.status));
    for (const auto& record : got.records) seen.push_back(record.seq);
    if (got.why == DUNLIN_READ_END) break;
    query.from = got.next;
  }
  expect(seen.size() == 50 && std::is_sorted(seen.begin(), seen.end()), "read",
         "pages of 7 gave ", seen.size(), " of 50 records");
}

void gap_runs(Context& context) {
  Rig rig(context);
  rig.append_mixed(40);
  rig.remove({2, 3, 4, 10, 12, 13, 39});
  rig.skip(5);
  rig.append_mixed(3);
  for (int round = 0; round < 2; ++round) {
    for (const auto& [from, to] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
             {0, UINT64_MAX}, {3, 12}, {4, 4}, {5, 9}, {11, 11}, {1, 2}, {41, 44}, {100, 200}}) {
      rig.check_gaps(from, to);
      ReadQuery query;
      query.gaps = true;
      query.from = from;
      query.to = to;
      rig.check_read(query);
      query.backward = true;
      rig.check_read(query);
    }
    rig.reopen();
  }
}

void no_subjects(Context& context) {
  OpenLog options;
  options.flags |= DUNLIN_LOG_NO_SUBJECTS;
  Rig rig(context, options);
  for (int i = 0; i < 50; ++i) rig.append("", 30);
  rig.remove({3, 4});
  rig.truncate(40);
  rig.append("", 10);
  const auto check = [&] {
    rig.check_state();
    rig.check_read({});
    rig.check_count(10, {});
    rig.check_gaps(0, UINT64_MAX);
  };
  check();
  rig.sync();
  rig.reopen();
  check();
}

}  // namespace

void add_record_tests(Suite& suite) {
  suite.push_back({"append.empty_log_answers_everything", "append", empty_log});
  suite.push_back({"append.one_record", "append", one_record});
  suite.push_back({"append.many_records", "append", many_records});
  suite.push_back({"append.batches", "append", batches});
  suite.push_back({"append.sizes_around_boundaries", "append", sizes});
  suite.push_back({"append.largest_record", "append", largest});
  suite.push_back({"append.refuses_what_breaks_the_rules", "append", wrong_append});
  suite.push_back({"append.without_subjects", "append", no_subjects});
  suite.push_back({"open_log.first_seq", "open_log", first_seq});
  suite.push_back({"skip.leaves_gaps", "skip", skips});
  suite.push_back({"read.ranges_filters_directions", "read", reads});
  suite.push_back({"read.by_sequences", "read", reads_by_seqs});
  suite.push_back({"read.limits_and_going_on", "read", read_limits});
  suite.push_back({"gaps.runs", "gaps", gap_runs});
}

}  // namespace dunlin::testkit
