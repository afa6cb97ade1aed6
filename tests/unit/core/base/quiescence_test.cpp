#include "core/base/quiescence.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace dunlin {
namespace {

// Counts what was freed and spoils it, so that a reader that comes too late notices.
struct Tracked {
  static constexpr std::uint64_t alive = 0x600d600d600d600d;
  explicit Tracked(std::atomic<int>& counter) : freed(counter) {}
  ~Tracked() {
    mark.store(0, std::memory_order_relaxed);
    freed.fetch_add(1);
  }
  std::atomic<std::uint64_t> mark{alive};
  std::atomic<int>& freed;
};

TEST(Quiescence, without_readers_a_retired_object_is_freed_at_once) {
  Quiescence quiescence;
  std::atomic<int> freed{0};
  quiescence.retire(new Tracked(freed));
  EXPECT_EQ(freed, 0);
  quiescence.collect();
  EXPECT_EQ(freed, 1);
}

TEST(Quiescence, an_offline_reader_holds_nothing) {
  Quiescence quiescence;
  std::atomic<int> freed{0};
  const auto reader = quiescence.enter();
  quiescence.retire(new Tracked(freed));
  quiescence.collect();
  EXPECT_EQ(freed, 1);

  quiescence.online(reader);
  quiescence.offline(reader);
  quiescence.retire(new Tracked(freed));
  quiescence.collect();
  EXPECT_EQ(freed, 2);
  quiescence.leave(reader);
}

TEST(Quiescence, an_object_retired_during_a_turn_survives_that_turn) {
  Quiescence quiescence;
  std::atomic<int> freed{0};
  const auto reader = quiescence.enter();
  quiescence.online(reader);

  const auto turn = quiescence.current();
  quiescence.retire(new Tracked(freed));
  quiescence.collect();
  EXPECT_EQ(freed, 0);
  // The turn began before the object was retired: its end proves nothing.
  quiescence.announce(reader, turn);
  quiescence.collect();
  EXPECT_EQ(freed, 0);

  quiescence.announce(reader, quiescence.current());
  quiescence.collect();
  EXPECT_EQ(freed, 1);
  quiescence.leave(reader);
}

TEST(Quiescence, waits_for_every_reader_that_was_online) {
  Quiescence quiescence;
  std::atomic<int> freed{0};
  std::array<Quiescence::Reader, 5> readers{};
  for (auto& reader : readers) {
    reader = quiescence.enter();
    quiescence.online(reader);
  }
  quiescence.retire(new Tracked(freed));
  for (const auto reader : readers) {
    quiescence.collect();
    EXPECT_EQ(freed, 0) << "reader " << reader << " has not announced a later turn";
    quiescence.announce(reader, quiescence.current());
  }
  quiescence.collect();
  EXPECT_EQ(freed, 1);
  for (const auto reader : readers) quiescence.leave(reader);
}

TEST(Quiescence, a_reader_that_comes_online_later_does_not_hold_what_was_retired_before) {
  Quiescence quiescence;
  std::atomic<int> freed{0};
  const auto reader = quiescence.enter();
  quiescence.retire(new Tracked(freed));
  quiescence.online(reader);
  quiescence.collect();
  EXPECT_EQ(freed, 1);
  quiescence.retire(new Tracked(freed));
  quiescence.collect();
  EXPECT_EQ(freed, 1);
  quiescence.leave(reader);
}

TEST(Quiescence, frees_what_is_old_enough_and_keeps_the_rest) {
  Quiescence quiescence;
  std::atomic<int> freed{0};
  const auto reader = quiescence.enter();
  quiescence.online(reader);
  quiescence.retire(new Tracked(freed));
  quiescence.retire(new Tracked(freed));
  const auto turn = quiescence.current();
  quiescence.retire(new Tracked(freed));
  quiescence.announce(reader, turn);
  quiescence.collect();
  EXPECT_EQ(freed, 2);
  quiescence.leave(reader);
  quiescence.collect();
  EXPECT_EQ(freed, 3);
}

TEST(Quiescence, a_place_left_is_given_to_the_next_reader) {
  Quiescence quiescence;
  const auto first = quiescence.enter();
  const auto second = quiescence.enter();
  EXPECT_NE(first, second);
  quiescence.leave(first);
  EXPECT_EQ(quiescence.enter(), first);
}

TEST(Quiescence, the_end_of_the_table_frees_what_is_left) {
  std::atomic<int> freed{0};
  {
    Quiescence quiescence;
    const auto reader = quiescence.enter();
    quiescence.online(reader);
    quiescence.retire(new Tracked(freed));
    quiescence.collect();
    EXPECT_EQ(freed, 0);
    quiescence.leave(reader);
  }
  EXPECT_EQ(freed, 1);
}

TEST(QuiescenceDeathTest, more_readers_than_there_are_places_end_the_process) {
  const auto fill = [] {
    Quiescence quiescence;
    for (unsigned i = 0; i <= Quiescence::readers_max; ++i) quiescence.enter();
  };
  EXPECT_DEATH(fill(), "more_threads_than_readers_max");
}

// Writers replace what readers follow without a lock. A use after the free shows as a spoilt mark,
// and to a sanitizer.
TEST(Quiescence, readers_never_see_a_freed_object_while_writers_replace_it) {
  constexpr int places = 8;
  constexpr int replacements = 4000;
  std::atomic<int> freed{0};
  std::atomic<int> spoilt{0};
  std::atomic<bool> done{false};
  {
    Quiescence quiescence;
    std::array<std::atomic<Tracked*>, places> table{};
    for (auto& place : table) place = new Tracked(freed);

    const auto read = [&] {
      const auto reader = quiescence.enter();
      quiescence.online(reader);
      for (unsigned turns = 0; !done; ++turns) {
        const auto epoch = quiescence.current();
        std::array<Tracked*, places> held{};
        for (int i = 0; i < places; ++i) held[i] = table[i].load(std::memory_order_acquire);
        std::this_thread::yield();
        for (const Tracked* object : held)
          if (object->mark.load(std::memory_order_relaxed) != Tracked::alive) ++spoilt;
        quiescence.announce(reader, epoch);
        if (turns % 16 == 0) {
          quiescence.offline(reader);
          quiescence.online(reader);
        }
        quiescence.collect();
      }
      quiescence.leave(reader);
    };
    const auto write = [&](int seed) {
      for (int i = 0; i < replacements; ++i) {
        auto& place = table[(i * 5 + seed) % places];
        quiescence.retire(place.exchange(new Tracked(freed), std::memory_order_acq_rel));
        quiescence.collect();
      }
    };
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) readers.emplace_back(read);
    std::thread first(write, 0);
    std::thread second(write, 3);
    first.join();
    second.join();
    done = true;
    for (auto& reader : readers) reader.join();
    quiescence.collect();
    EXPECT_EQ(freed, 2 * replacements);
    for (auto& place : table) delete place.load();
  }
  EXPECT_EQ(spoilt, 0);
}

}  // namespace
}  // namespace dunlin
