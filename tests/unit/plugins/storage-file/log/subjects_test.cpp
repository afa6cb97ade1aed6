// Subjects that do not fit in memory: their files, what is known without the disk, and damage.

#include <algorithm>

#include "plugins/storage-file/log/subject_run.hpp"
#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;

SubjectSpan span_of(std::int64_t count, std::uint64_t first, std::uint64_t last) {
  SubjectSpan span;
  span.count = count;
  span.first = first;
  span.last = last;
  return span;
}
SubjectSpan change_of(std::int64_t count, std::uint64_t first, std::uint64_t last) {
  auto span = span_of(count, first, last);
  span.is_change = true;
  return span;
}

TEST(SubjectSpanTest, what_came_on_top_leaves_the_first_as_it_was) {
  const auto whole = apply_change(span_of(3, 10, 30), change_of(2, 40, 50));
  EXPECT_EQ(whole, span_of(5, 10, 50));
  EXPECT_TRUE(whole.is_exact());
  EXPECT_EQ(apply_change(std::nullopt, change_of(2, 40, 50)), span_of(2, 40, 50));
  EXPECT_EQ(apply_change(span_of(0, 0, 0), change_of(2, 40, 50)), span_of(2, 40, 50));
}

TEST(SubjectSpanTest, a_removal_of_what_is_not_known_leaves_bounds) {
  auto removal = change_of(-1, 0, 0);
  removal.is_first_bound = removal.is_last_bound = true;
  const auto left = apply_change(span_of(3, 10, 30), removal);
  EXPECT_EQ(left.count, 2);
  EXPECT_EQ(left.first, 10u);
  EXPECT_EQ(left.last, 30u);
  EXPECT_TRUE(left.is_first_bound && left.is_last_bound);
  EXPECT_EQ(apply_change(span_of(1, 10, 10), removal), SubjectSpan{});
}

class SubjectRunTest : public LogFixture {
 protected:
  SubjectRunTest() : directory(host->raw(), host->fs(), "/store/log") {
    for (int i = 0; i < 5000; ++i) names.push_back("kv.users." + std::to_string(i * 7919 % 5000));
    std::sort(names.begin(), names.end());
  }
  RunNote write() {
    auto writer = RunWriter::create(directory, 7, 1, 99).value();
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_TRUE(succeeded(writer.add(names[i], expected(i))));
    }
    return writer.finish().value();
  }
  // Every tenth is gone.
  static SubjectSpan expected(std::size_t i) {
    return i % 10 == 0 ? SubjectSpan{} : span_of(2, i, i + 9);
  }
  Directory directory;
  std::vector<std::string> names;
};

TEST_F(SubjectRunTest, finds_every_subject_with_one_block_and_walks_in_order) {
  const auto note = write();
  const auto run = SubjectRun::open(directory, 7, note).value();
  EXPECT_GT(run->fences().size(), 5u);
  EXPECT_LT(run->memory_bytes(), note.bytes / 10);
  RunReader reader(run);
  for (std::size_t i = names.size(); i-- > 0;) {
    const auto found = reader.find(names[i]).value();
    ASSERT_TRUE(found.has_value()) << names[i];
    EXPECT_EQ(*found, expected(i));
    EXPECT_FALSE(reader.find(names[i] + "x").value().has_value());
  }
  EXPECT_FALSE(reader.find("a").value().has_value());
  EXPECT_FALSE(reader.find("z").value().has_value());
  std::size_t place = 0;
  for (auto outcome = reader.seek(""); outcome && !reader.at_end(); outcome = reader.next()) {
    ASSERT_EQ(reader.name(), names.at(place++));
  }
  EXPECT_EQ(place, names.size());
}

TEST_F(SubjectRunTest, the_newest_run_is_right) {
  const auto old_run = SubjectRun::open(directory, 7, write()).value();
  auto writer = RunWriter::create(directory, 7, 2, 100).value();
  ASSERT_TRUE(succeeded(writer.add(names[3], span_of(9, 1, 100))));
  const auto run = SubjectRun::open(directory, 7, writer.finish().value()).value();
  RunsReader reader({run, old_run});
  EXPECT_EQ(reader.find(names[3]).value(), span_of(9, 1, 100));
  EXPECT_EQ(reader.find(names[4]).value(), span_of(2, 4, 13));
  ASSERT_TRUE(succeeded(reader.seek(names[3])));
  EXPECT_EQ(reader.span(), span_of(9, 1, 100));
  ASSERT_TRUE(succeeded(reader.next()));
  EXPECT_EQ(reader.name(), names[4]);
}

TEST_F(SubjectRunTest, what_is_damaged_is_not_believed) {
  const auto note = write();
  const auto path = files(".sub").at(0);
  const auto intact = host->content(path);
  host->flip(path, 5000, 1);
  {
    const auto run = SubjectRun::open(directory, 7, note).value();
    RunReader reader(run);
    auto outcome = reader.seek("");
    while (outcome && !reader.at_end()) outcome = reader.next();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().status, DUNLIN_E_CORRUPT);
  }
  host->write(path, intact);
  host->flip(path, intact.size() - 100, 1);
  EXPECT_FALSE(SubjectRun::open(directory, 7, note));
  host->write(path, intact.substr(0, intact.size() - 1));
  EXPECT_FALSE(SubjectRun::open(directory, 7, note));
  auto other = note;
  other.salt = 1;
  host->write(path, intact);
  EXPECT_FALSE(SubjectRun::open(directory, 7, other));
}

class SubjectMemoryTest : public LogFixture {
 protected:
  SubjectMemoryTest() { store.settings.subject_memory_bytes = 64u << 10; }
  // More subjects than memory may have, three records each.
  void fill() {
    open();
    for (int turn = 0; turn < 3; ++turn) {
      append_many(4000, "kv.", 4000, 300);
      ASSERT_EQ(sync(), DUNLIN_OK);
    }
  }
};

TEST_F(SubjectMemoryTest, memory_is_bounded_and_every_question_answered) {
  fill();
  EXPECT_EQ(state().subjects, 4000u);
  // What the segment that is written to has stays, and as much again may be on its way.
  EXPECT_LT(store.subject_memory->used.load(), 3u * (64u << 10));
  const auto found = subjects("kv.*");
  ASSERT_EQ(found.size(), 4000u);
  for (const auto& [subject, span] : found) {
    EXPECT_EQ(span.count, 3u) << subject;
    EXPECT_EQ(span.last - span.first, 8000u) << subject;
  }
  EXPECT_EQ(count({"kv.1*", "kv.17"}).count, 3u);
  EXPECT_EQ(spans({"kv.17", "kv.4000"})[0].first, 18u);
  EXPECT_EQ(spans({"kv.17", "kv.4000"})[1].count, 0u);
  EXPECT_EQ(last_each({"kv.17", "kv.3999"}), (std::vector<std::uint64_t>{8018, 12000}));
  EXPECT_EQ(last_each({"kv.17", "kv.3999"}, 8000), (std::vector<std::uint64_t>{4018, 8000}));
}

TEST_F(SubjectMemoryTest, a_start_reads_no_subjects) {
  fill();
  close();
  open();
  EXPECT_LT(store.subject_memory->used.load(), 1024u);
  EXPECT_EQ(state().subjects, 4000u);
  EXPECT_EQ(spans({"kv.3000"})[0].count, 3u);
  EXPECT_EQ(observer.damages, 0);
}

TEST_F(SubjectMemoryTest, records_of_a_subject_that_is_not_in_memory_are_counted_without_the_disk) {
  fill();
  close();
  open();
  Message message;
  message.seq = state().last_seq + 1;
  message.time_ns = ++clock_ns;
  message.subject = "kv.3000";
  const auto record = message.record();
  std::size_t accepted = 0;
  dunlin_span span{};
  ASSERT_TRUE(succeeded(log->append(std::span(&record, 1), 0, accepted, std::span(&span, 1))));
  EXPECT_EQ(span.count, 0u);
  EXPECT_EQ(spans({"kv.3000"})[0].count, 4u);
  EXPECT_EQ(spans({"kv.3000"})[0].last, 12001u);
  ASSERT_EQ(sync(), DUNLIN_OK);
  crash(Cut::lost);
  open();
  EXPECT_EQ(spans({"kv.3000"})[0].count, 4u);
  host->run();
  EXPECT_EQ(state().subjects, 4000u);
}

TEST_F(SubjectMemoryTest, a_damaged_run_is_made_again) {
  fill();
  close();
  for (const auto& path : files(".sub")) host->flip(path, host->content(path).size() / 2, 1);
  open();
  const auto found = subjects("kv.*");
  ASSERT_EQ(found.size(), 4000u);
  for (const auto& [subject, span] : found) EXPECT_EQ(span.count, 3u) << subject;
  EXPECT_GT(observer.damages, 0);
  append("kv.1", "more");
  EXPECT_EQ(spans({"kv.1"})[0].count, 4u);
  EXPECT_EQ(state().subjects, 4000u);
  close();
  const auto damages = observer.damages;
  open();
  EXPECT_EQ(subjects("kv.*").size(), 4000u);
  EXPECT_EQ(spans({"kv.1"})[0].count, 4u);
  EXPECT_EQ(observer.damages, damages);
}

TEST_F(SubjectMemoryTest, what_was_truncated_is_not_counted_when_a_run_is_made_again) {
  fill();
  truncate(9000);
  append_many(3000, "new.", 1000, 300);
  ASSERT_EQ(sync(), DUNLIN_OK);
  const auto before = subjects();
  ASSERT_EQ(before.size(), 5000u);
  close();
  for (const auto& path : files(".sub")) host->flip(path, host->content(path).size() / 2, 1);
  open();
  const auto after = subjects();
  EXPECT_GT(observer.damages, 0);
  EXPECT_EQ(state().subjects, 5000u);
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [subject, span] : before) {
    EXPECT_EQ(after.at(subject).count, span.count) << subject;
    EXPECT_EQ(after.at(subject).last, span.last) << subject;
  }
}

TEST_F(SubjectMemoryTest, verify_says_which_run_is_damaged_and_where) {
  fill();
  close();
  const auto path = files(".sub").at(0);
  host->flip(path, host->content(path).size() / 2, 1);
  open();
  const auto damages = verify();
  ASSERT_EQ(damages.size(), 1u);
  EXPECT_EQ(damages[0].first, 0u);
  EXPECT_TRUE(damages[0].file.ends_with(".sub")) << damages[0].file;
}

TEST_F(SubjectMemoryTest, everything_purged_while_a_run_is_made_again_stays_purged) {
  fill();
  close();
  for (const auto& path : files(".sub")) host->flip(path, host->content(path).size() / 2, 1);
  open();
  // The question finds the damage; what is made again meets an empty log.
  bool is_answered = false;
  dunlin_subjects query{};
  query.struct_size = sizeof query;
  query.user = &is_answered;
  query.visit = [](void*, dunlin_str, const dunlin_span*) { return true; };
  query.done = [](void* user, dunlin_status, const dunlin_error*) {
    *static_cast<bool*>(user) = true;
  };
  ASSERT_FALSE(log->subjects(query));
  const auto damages = observer.damages;
  while (observer.damages == damages && !host->tasks.empty()) {
    const auto task = host->tasks.front();
    host->tasks.pop_front();
    host->thread = task.thread;
    task.run(task.user);
    host->thread = DUNLIN_THREAD_CONTROL;
  }
  purge("");
  append("other", "left");
  host->run();
  EXPECT_TRUE(is_answered);
  EXPECT_EQ(state().subjects, 1u);
  EXPECT_EQ(subjects().size(), 1u);
  close();
  open();
  EXPECT_EQ(state().subjects, 1u);
  EXPECT_EQ(subjects().size(), 1u);
}

TEST_F(SubjectMemoryTest, a_lost_run_is_made_again_when_the_log_is_opened) {
  fill();
  close();
  for (const auto& path : files(".sub")) host->remove(path);
  open();
  EXPECT_GT(observer.damages, 0);
  EXPECT_EQ(state().subjects, 4000u);
  EXPECT_EQ(subjects("kv.*").size(), 4000u);
  EXPECT_EQ(spans({"kv.1"})[0].count, 3u);
}

TEST_F(SubjectMemoryTest, a_purge_of_many_segments_holds_few_of_their_indexes) {
  store.settings.index_cache_bytes = 1;
  store.settings.segment_bytes = 64u << 10;
  fill();
  ASSERT_GE(files(".seg").size(), 8u);
  EXPECT_EQ(purge("kv.*", UINT64_MAX, 2).records, 11998u);
  EXPECT_EQ(state().records, 2u);
  host->run();
  EXPECT_EQ(state().subjects, 2u);
  EXPECT_EQ(subjects().size(), 2u);
  // What is let go of is counted: nothing of all these indexes is left.
  EXPECT_LT(store.index_memory->used.load(), 64u << 10);
  close();
  open();
  EXPECT_EQ(state().records, 2u);
  EXPECT_EQ(subjects().size(), 2u);
}

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
