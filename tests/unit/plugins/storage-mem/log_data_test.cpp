// What LogData costs, what it refuses, and what it leaves behind.

#include "tests/unit/plugins/storage-mem/support.hpp"

namespace dunlin::storage_mem::test {
namespace {

NaiveRecord record_of(const std::string& subject, std::size_t payload_bytes) {
  return {1, 0, 0, subject, "", std::string(payload_bytes, 'p')};
}

TEST(LogData, a_message_costs_at_most_64_bytes_beside_payload_and_subject) {
  for (const std::size_t payload_bytes : {16U, 128U, 1000U, 20000U}) {
    LogData log(1, true, 1);
    const std::uint64_t count = 20'000'000 / (payload_bytes + 400);
    for (std::uint64_t seq = 1; seq <= count; ++seq) {
      ASSERT_TRUE(append(log, seq, record_of("orders.new", payload_bytes)));
    }
    // The block that is being filled is not paid for by the messages in it yet.
    const auto open_block = Segment::bytes_max * 2;
    EXPECT_LE(log.state().memory_bytes, count * (payload_bytes + 10 + 64) + open_block)
        << payload_bytes;
  }
}

TEST(LogData, memory_comes_back_wherever_messages_are_removed) {
  LogData log(1, true, 1);
  constexpr std::uint64_t count = 50000;
  for (std::uint64_t seq = 1; seq <= count; ++seq) {
    ASSERT_TRUE(append(log, seq, record_of("a", 100)));
  }
  for (std::uint64_t seq = 1; seq <= count; ++seq) {
    if (seq % 100 != 0) log.remove({&seq, 1}, false);
  }
  EXPECT_EQ(log.state().records, count / 100);
  EXPECT_LE(log.state().memory_bytes, count / 100 * 400 + Segment::bytes_max * 2);
}

TEST(LogData, records_that_break_the_rules_are_refused_and_change_nothing) {
  LogData log(5, true, 1);
  ASSERT_TRUE(append(log, 5, record_of("a", 1)));
  auto early = record_of("a", 1);
  early.time_ns = 0;
  EXPECT_EQ(append(log, 6, early).error().status, DUNLIN_E_INVALID);
  EXPECT_EQ(append(log, 7, record_of("a", 1)).error().status, DUNLIN_E_INVALID);
  EXPECT_EQ(append(log, 6, record_of("", 1)).error().status, DUNLIN_E_INVALID);
  EXPECT_EQ(append(log, 6, record_of("a.*", 1)).error().status, DUNLIN_E_INVALID);
  EXPECT_EQ(append(log, 6, record_of(std::string(70000, 's'), 1)).error().status,
            DUNLIN_E_INVALID);
  EXPECT_EQ(append(log, 6, record_of("a", DUNLIN_RECORD_MAX)).error().status, DUNLIN_E_INVALID);
  EXPECT_EQ(log.state().last_seq, 5U);
  EXPECT_EQ(log.state().subjects, 1U);
}

TEST(LogData, a_batch_is_taken_up_to_its_first_bad_record) {
  LogData log(1, true, 1);
  const auto good = record_of("a", 3);
  const dunlin_record batch[] = {raw(1, good), raw(2, good), raw(9, good)};
  std::size_t accepted = 0;
  dunlin_span spans[3] = {};
  EXPECT_EQ(log.append(batch, accepted, spans).error().status, DUNLIN_E_INVALID);
  EXPECT_EQ(accepted, 2U);
  EXPECT_EQ(spans[1].count, 2U);
  EXPECT_EQ(spans[1].first, 1U);
  EXPECT_EQ(spans[1].last, 2U);
}

TEST(LogData, what_is_erased_is_overwritten_once_no_snapshot_sees_it) {
  LogData log(1, true, 1);
  for (std::uint64_t seq = 1; seq <= 3; ++seq) ASSERT_TRUE(append(log, seq, record_of("a", 40)));
  const auto content_of = [&](std::uint64_t seq) {
    const auto stored = log.records().at(*log.records().find(seq));
    return reinterpret_cast<const char*>(stored.content());
  };
  const auto* const first = content_of(1);
  const auto* const second = content_of(2);
  std::uint64_t seq = 1;
  log.remove({&seq, 1}, true);
  EXPECT_EQ(std::string(first, 40), std::string(40, '\0'));
  const auto snapshot = log.snapshot_open();
  seq = 2;
  log.remove({&seq, 1}, true);
  EXPECT_EQ(std::string(second, 40), std::string(40, 'p'));
  log.snapshot_close(snapshot);
  EXPECT_EQ(std::string(second, 40), std::string(40, '\0'));
}

}  // namespace
}  // namespace dunlin::storage_mem::test
