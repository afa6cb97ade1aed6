#include "core/net/mailbox.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace dunlin::net {
namespace {

Batch* numbered(std::size_t number, std::size_t producer = 0) {
  Batch* const batch = Batch::create(nullptr, sizeof producer);
  batch->size = number;
  std::memcpy(batch->data, &producer, sizeof producer);
  return batch;
}

TEST(BatchStack, only_the_first_push_finds_it_empty) {
  BatchStack stack;
  EXPECT_TRUE(stack.empty());
  EXPECT_TRUE(stack.push(numbered(1)));
  EXPECT_FALSE(stack.push(numbered(2)));
  EXPECT_FALSE(stack.empty());
}

TEST(BatchStack, gives_out_newest_or_oldest_first) {
  BatchStack stack;
  for (std::size_t i = 0; i < 3; ++i) stack.push(numbered(i));
  std::size_t expected = 3;
  Batch* batch = stack.take_all();
  EXPECT_TRUE(stack.empty());
  for (Batch* next = nullptr; batch != nullptr; batch = next) {
    EXPECT_EQ(batch->size, --expected);
    next = batch->next;
    batch->next = nullptr;
    Batch::destroy(batch);
  }
  EXPECT_EQ(expected, 0u);

  for (std::size_t i = 0; i < 3; ++i) stack.push(numbered(i));
  batch = stack.take_all_in_order();
  for (Batch* next = nullptr; batch != nullptr; batch = next) {
    EXPECT_EQ(batch->size, expected++);
    next = batch->next;
    Batch::destroy(batch);
  }
  EXPECT_EQ(expected, 3u);
  EXPECT_EQ(stack.take_all_in_order(), nullptr);
}

TEST(BatchStack, every_batch_of_many_senders_arrives_once_and_in_its_senders_order) {
  constexpr std::size_t senders = 4;
  constexpr std::size_t batches = 5000;
  BatchStack stack;
  std::vector<std::thread> threads;
  for (std::size_t sender = 0; sender < senders; ++sender)
    threads.emplace_back([&stack, sender] {
      for (std::size_t i = 0; i < batches; ++i) stack.push(numbered(i, sender));
    });
  std::array<std::size_t, senders> expected{};
  for (std::size_t received = 0; received < senders * batches;) {
    Batch* batch = stack.take_all_in_order();
    if (batch == nullptr) std::this_thread::yield();
    for (Batch* next = nullptr; batch != nullptr; batch = next) {
      std::size_t sender = 0;
      std::memcpy(&sender, batch->data, sizeof sender);
      EXPECT_EQ(batch->size, expected[sender]++);
      next = batch->next;
      Batch::destroy(batch);
      ++received;
    }
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(stack.empty());
}

TEST(BatchStack, throws_away_the_tasks_nobody_took_with_what_they_hold) {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  {
    BatchStack stack;
    Batch* const batch = Batch::create(nullptr, 0);
    batch->data = reinterpret_cast<char*>(new std::shared_ptr<int>(std::move(held)));
    batch->run_task = [](void* argument, bool runs) {
      EXPECT_FALSE(runs);
      delete static_cast<std::shared_ptr<int>*>(argument);
    };
    stack.push(batch);
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace dunlin::net
