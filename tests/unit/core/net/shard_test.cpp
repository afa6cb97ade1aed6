#include "core/net/shard.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <future>
#include <vector>

#include "tests/unit/core/net/shards.hpp"

namespace dunlin::net {
namespace {

using testing::Shards;

TEST(Shard, tasks_of_one_thread_run_in_the_order_they_were_posted) {
  Shards shards(1);
  shards.start();
  std::vector<int> ran;
  for (int i = 0; i < 10'000; ++i) shards[0].post([&ran, i] { ran.push_back(i); });
  const auto seen = shards.on(0, [&] { return ran; });
  ASSERT_EQ(seen.size(), 10'000u);
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(seen[i], i);
}

TEST(Shard, tasks_posted_before_the_start_run_after_it) {
  Shards shards(1);
  std::promise<void> ran;
  shards[0].post([&] { ran.set_value(); });
  shards.start();
  ran.get_future().get();
}

TEST(Shard, a_task_knows_its_shard) {
  Shards shards(2);
  shards.start();
  EXPECT_EQ(Shard::current(), nullptr);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(shards.on(i, [] { return Shard::current(); }), &shards[i]);
    EXPECT_TRUE(shards.on(i, [&, i] { return shards[i].is_current(); }));
    EXPECT_FALSE(shards.on(i, [&, i] { return shards[1 - i].is_current(); }));
  }
}

TEST(Shard, shards_wake_each_other_from_sleep) {
  Shards shards(2);
  shards.start();
  std::promise<int> finished;
  struct Rally {
    Shards& shards;
    std::promise<int>& finished;
    void hit(int count) {
      if (count == 2000)
        finished.set_value(count);
      else
        shards[static_cast<std::size_t>(count) % 2].post([this, count] { hit(count + 1); });
    }
  } rally{shards, finished};
  rally.hit(0);
  EXPECT_EQ(finished.get_future().get(), 2000);
}

// Checks that records come complete and in order, and tells when the last one did.
class CountingHandler final : public RecordHandler {
 public:
  void on_records(const Batch& batch) override {
    for (std::size_t at = 0; at < batch.size; at += record_size) {
      std::uint64_t number = 0;
      std::memcpy(&number, batch.data + at, sizeof number);
      if (number != received_++) in_order_ = false;
    }
    if (received_ == expected && !told_) {
      told_ = true;
      all_.set_value(in_order_);
    }
  }
  void on_turn_end() override {}
  [[nodiscard]] bool has_unsent() const noexcept override { return false; }
  bool wait() { return all_.get_future().get(); }

  static constexpr std::uint64_t expected = 20'000;
  static constexpr std::size_t record_size = 40;

 private:
  std::uint64_t received_ = 0;
  bool in_order_ = true;
  bool told_ = false;
  std::promise<bool> all_;
};

TEST(Shard, records_for_another_shard_arrive_in_order_over_many_batches_and_turns) {
  CountingHandler handler;
  Shards shards(2);
  shards[1].set_record_handler(&handler);
  shards.start();
  for (std::uint64_t turn = 0; turn < 10; ++turn)
    shards[0].post([&shards, turn] {
      constexpr std::uint64_t per_turn = CountingHandler::expected / 10;
      for (std::uint64_t i = 0; i < per_turn; ++i) {
        // 37 bytes take 40: records are aligned.
        char* const record = shards[0].reserve_record(1, CountingHandler::record_size - 3);
        const std::uint64_t number = turn * per_turn + i;
        std::memcpy(record, &number, sizeof number);
      }
    });
  EXPECT_TRUE(handler.wait());
}

TEST(Shard, what_it_retires_is_freed_only_after_the_other_shards_ended_their_turn) {
  static std::promise<void> freed;
  static std::atomic<bool> is_freed;
  freed = {};
  is_freed = false;
  Shards shards(2);
  shards.start();
  std::promise<void> entered;
  std::promise<void> may_leave;
  shards[1].post([&] {
    entered.set_value();
    may_leave.get_future().get();
  });
  entered.get_future().get();
  shards.on(0, [&] {
    shards[0].retire(nullptr, [](void*) {
      is_freed = true;
      freed.set_value();
    });
  });
  for (int turn = 0; turn < 100; ++turn) shards.on(0, [] {});
  EXPECT_FALSE(is_freed);
  may_leave.set_value();
  freed.get_future().get();
}

TEST(Shard, timers_run_on_its_thread_when_they_are_due) {
  class Due final : public Timer {
   public:
    explicit Due(Shard& shard) : shard_(shard) {}
    void on_due(Nanoseconds now) override { ran.set_value(shard_.is_current() && now >= at); }
    Nanoseconds at = 0;
    std::promise<bool> ran;

   private:
    Shard& shard_;
  };
  Shards shards(1);
  Due due(shards[0]);
  shards.start();
  shards.on(0, [&] {
    due.at = shards[0].now() + 10 * milliseconds;
    shards[0].timers().set(due, due.at);
  });
  EXPECT_TRUE(due.ran.get_future().get());
}

TEST(Shard, a_sleeping_shard_can_be_stopped) {
  Shards shards(2);
  shards.start();
  shards.on(0, [] {});
  shards.stop();
  EXPECT_EQ(shards[0].load(), 0u);
}

}  // namespace
}  // namespace dunlin::net
