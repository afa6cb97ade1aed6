#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "core/net/buffer_pool.hpp"
#include "core/net/outbound_queue.hpp"

namespace dunlin::net {
namespace {

TEST(BufferPool, gives_powers_of_two_that_are_large_enough) {
  BufferPool pool;
  for (const std::size_t size :
       {1u, 2047u, 2048u, 2049u, 4096u, 4097u, 262144u, 262145u, 999999u}) {
    std::size_t capacity = 0;
    char* const buffer = pool.take(size, capacity);
    EXPECT_GE(capacity, size);
    EXPECT_GE(capacity, BufferPool::smallest);
    EXPECT_EQ(capacity & (capacity - 1), 0u);
    EXPECT_TRUE(size <= BufferPool::smallest || capacity < 2 * size);
    std::memset(buffer, 'x', capacity);  // a sanitizer sees a buffer that is too small
    pool.give_back(buffer, capacity);
  }
}

TEST(BufferPool, a_buffer_given_back_is_the_next_of_its_size) {
  BufferPool pool;
  std::size_t capacity = 0;
  char* const small = pool.take(100, capacity);
  pool.give_back(small, capacity);
  EXPECT_EQ(pool.kept_bytes(), 2048u);
  char* const large = pool.take(5000, capacity);
  EXPECT_NE(large, small);
  EXPECT_EQ(capacity, 8192u);
  pool.give_back(large, capacity);
  EXPECT_EQ(pool.kept_bytes(), 2048u + 8192u);
  EXPECT_EQ(pool.take(2048, capacity), small);
  EXPECT_EQ(pool.kept_bytes(), 8192u);
  pool.give_back(small, capacity);
}

TEST(BufferPool, keeps_no_buffer_larger_than_the_largest_and_nothing_after_trim) {
  BufferPool pool;
  std::size_t capacity = 0;
  char* const huge = pool.take(BufferPool::largest_kept + 1, capacity);
  pool.give_back(huge, capacity);
  EXPECT_EQ(pool.kept_bytes(), 0u);
  char* const largest = pool.take(BufferPool::largest_kept, capacity);
  pool.give_back(largest, capacity);
  EXPECT_EQ(pool.kept_bytes(), BufferPool::largest_kept);
  pool.trim();
  EXPECT_EQ(pool.kept_bytes(), 0u);
  pool.give_back(nullptr, 0);
  EXPECT_EQ(pool.kept_bytes(), 0u);
}

TEST(OutboundQueue, an_idle_queue_owns_no_buffer) {
  BufferPool pool;
  OutboundQueue queue;
  queue.append(pool, {});
  EXPECT_TRUE(queue.empty());
  queue.append(pool, "PING\r\n");
  EXPECT_EQ(queue.pending(), 6u);
  EXPECT_EQ(pool.kept_bytes(), 0u);
  queue.consume(6);
  EXPECT_TRUE(queue.empty());
  queue.release(pool);
  EXPECT_EQ(pool.kept_bytes(), 2048u);
}

TEST(OutboundQueue, release_drops_what_is_pending) {
  BufferPool pool;
  OutboundQueue queue;
  queue.append(pool, "lost");
  queue.release(pool);
  EXPECT_TRUE(queue.empty());
  queue.append(pool, "kept");
  EXPECT_EQ(std::string(queue.pending_data(), queue.pending()), "kept");
  queue.release(pool);
}

TEST(OutboundQueue, random_appends_and_partial_sends_keep_every_byte_in_order) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    BufferPool pool;
    OutboundQueue queue;
    std::string model;
    unsigned char next = 0;
    const std::size_t longest = seed % 5 == 0 ? 100'000 : 3000;
    for (int step = 0; step < 300; ++step) {
      if (random() % 2 == 0) {
        std::string bytes(random() % longest, '\0');
        for (auto& byte : bytes) byte = static_cast<char>(next++);
        queue.append(pool, bytes);
        model += bytes;
      } else if (!model.empty()) {
        const std::size_t sent = random() % 4 == 0 ? model.size() : random() % model.size() + 1;
        queue.consume(sent);
        model.erase(0, sent);
      }
      ASSERT_EQ(queue.pending(), model.size());
      if (step % 8 == 0) {
        ASSERT_EQ(std::string_view(queue.pending_data(), queue.pending()), model)
            << "seed " << seed << " step " << step;
      }
    }
    queue.release(pool);
  }
}

}  // namespace
}  // namespace dunlin::net
