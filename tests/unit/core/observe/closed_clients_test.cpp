#include "core/observe/closed_clients.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace dunlin::observe {
namespace {

using ::testing::ElementsAre;

ConnectionSnapshot closed(std::uint64_t id) {
  ConnectionSnapshot snapshot;
  snapshot.id = id;
  return snapshot;
}

std::vector<std::uint64_t> ids(const ClosedClients& clients) {
  std::vector<std::uint64_t> all;
  for (const auto& snapshot : clients.all()) all.push_back(snapshot.id);
  return all;
}

// TestClosedConnsAccounting
TEST(ClosedClients, keeps_the_last_ones_oldest_first_and_counts_all) {
  ClosedClients clients(3);
  EXPECT_TRUE(clients.all().empty());
  for (std::uint64_t id = 1; id <= 5; ++id) clients.add(closed(id));
  EXPECT_THAT(ids(clients), ElementsAre(3, 4, 5));
  EXPECT_EQ(clients.total(), 5u);
}

TEST(ClosedClients, without_places_it_only_counts) {
  ClosedClients clients(0);
  clients.add(closed(1));
  EXPECT_TRUE(clients.all().empty());
  EXPECT_EQ(clients.total(), 1u);
}

TEST(ClosedClients, many_threads_may_add_while_another_reads) {
  ClosedClients clients(10);
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 3; ++thread)
    threads.emplace_back([&clients, thread] {
      for (std::uint64_t i = 0; i < 1000; ++i) clients.add(closed(thread * 1000 + i));
    });
  while (clients.total() < 3000) EXPECT_LE(clients.all().size(), 10u);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(clients.all().size(), 10u);
}

}  // namespace
}  // namespace dunlin::observe
