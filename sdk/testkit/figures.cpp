// Memory, judged for backends that are not volatile; and a performance card, reported and not
// judged. Both on real files: in the temporary directory with tasks on one thread, or with --real
// there and with threads.
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "sdk/testkit/rig.hpp"

namespace dunlin::testkit {
namespace {

using Clock = std::chrono::steady_clock;
// What the heap may grow by while the second half of the records is appended. Caches are
// configured smaller than that with --set.
constexpr std::int64_t growth_max = 4 << 20;
constexpr std::size_t batch_records = 512;

class Place {
 public:
  explicit Place(const Context& context) {
    const auto base = context.options.real_dir.empty()
                          ? std::filesystem::temp_directory_path().string()
                          : context.options.real_dir;
    path_ = cat(base, "/dunlin-testkit-", ::getpid());
    std::filesystem::create_directories(path_);
  }
  ~Place() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] WorldOptions options(const Context& context) const {
    auto out = context.world();
    out.real_dir = path_;
    out.real_threads = !context.options.real_dir.empty();
    return out;
  }
  [[nodiscard]] std::string store() const { return path_ + "/store"; }

 private:
  std::string path_;
};

class Feeder {
 public:
  explicit Feeder(Session& session, Log& log) : session_(session), log_(log) {}

  void append(std::size_t n) {
    std::vector<Record> batch(n);
    for (auto& record : batch) {
      record.seq = ++seq_;
      record.time_ns = static_cast<std::int64_t>(seq_) * 1000;
      record.subject = cat("bench.", seq_ % 1000);
      record.payload.assign(128, static_cast<char>('a' + seq_ % 26));
    }
    while (!batch.empty()) {
      const std::size_t events = log_.events.size();
      const auto out = log_.append(batch);
      batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(out.accepted));
      if (out.ok()) return;
      expect(out.status == DUNLIN_E_AGAIN, "append", "failed: ", status_name(out.status), " ",
             out.text);
      session_.world().scheduler.run_until([&] { return log_.events.size() > events; });
    }
  }
  void sync() {
    const auto out = log_.sync();
    expect(out.ok(), "sync", "failed: ", status_name(out.status), " ", out.text);
  }
  [[nodiscard]] std::uint64_t last() const { return seq_; }

 private:
  Session& session_;
  Log& log_;
  std::uint64_t seq_ = 0;
};

std::int64_t heap_bytes() {
  const auto info = ::mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

void memory(Context& context) {
  const Place place(context);
  World world(place.options(context), Disk{});
  Session session(world, place.store());
  Log* log = session.open_log("memory");
  Feeder feeder(session, *log);
  const auto all = context.options.records_max;
  const auto before = heap_bytes();
  const auto feed_until = [&](std::uint64_t n) {
    while (feeder.last() < n) {
      feeder.append(batch_records);
      feeder.sync();
      log->events.clear();
    }
  };
  feed_until(all / 2);
  const auto half = heap_bytes();
  feed_until(all);
  const auto end = heap_bytes();
  const auto state = log->state();
  context.notes.push_back(cat(feeder.last(), " records of 128 B, 1000 subjects: the heap grew by ",
                              (end - before) / 1024, " KiB, in the second half by ",
                              (end - half) / 1024, " KiB; the log says ",
                              state.memory_bytes / 1024, " KiB in memory, ",
                              state.disk_bytes / feeder.last(), " B a record on disk"));
  if (session.has(DUNLIN_STORE_VOLATILE)) {
    context.notes.push_back(cat("bytes in memory a record: ",
                                (end - before) / static_cast<std::int64_t>(feeder.last())));
    return;
  }
  expect(end - half <= growth_max, "S7", "memory grows with the records: by ", end - half,
         " bytes for the last ", feeder.last() - all / 2,
         " records (are caches configured small enough?)");
}

template <class Body>
double seconds_of(Body&& body) {
  const auto begin = Clock::now();
  body();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string rate(std::uint64_t n, double seconds) {
  char out[64];
  std::snprintf(out, sizeof out, "%.0f/s", static_cast<double>(n) / seconds);
  return out;
}

void metadata(Context& context, Session& session) {
  constexpr std::size_t one_by_one = 100, rounds = 20, in_flight = 64;
  const auto alone = seconds_of([&] {
    for (std::size_t i = 0; i < one_by_one; ++i) session.put_meta({{"figures/one", cat(i)}});
  });
  const auto together = seconds_of([&] {
    for (std::size_t round = 0; round < rounds; ++round) {
      std::vector<std::shared_ptr<Waiter>> waiting;
      for (std::size_t i = 0; i < in_flight; ++i) {
        waiting.push_back(session.put_meta_later({{cat("figures/", i), cat(round)}}));
      }
      for (const auto& one : waiting) session.await(*one);
    }
  });
  context.notes.push_back(cat("put_meta, one in flight: ", rate(one_by_one, alone)));
  context.notes.push_back(cat("put_meta, 64 in flight: ", rate(rounds * in_flight, together)));
}

void performance(Context& context) {
  const Place place(context);
  auto world = std::make_unique<World>(place.options(context), Disk{});
  auto session = std::make_unique<Session>(*world, place.store());
  Log* log = session->open_log("figures");
  Feeder feeder(*session, *log);
  const auto note = [&](const char* what, std::uint64_t n, double seconds) {
    context.notes.push_back(cat(what, ": ", rate(n, seconds)));
  };
  note("append and sync, one in flight", 100, seconds_of([&] {
         for (int i = 0; i < 100; ++i) {
           feeder.append(1);
           feeder.sync();
         }
       }));
  note("append and sync, 512 in flight", 100 * batch_records, seconds_of([&] {
         for (int i = 0; i < 100; ++i) {
           feeder.append(batch_records);
           feeder.sync();
         }
       }));
  note("append, one sync at the end", 100 * batch_records, seconds_of([&] {
         for (int i = 0; i < 100; ++i) feeder.append(batch_records);
         feeder.sync();
       }));
  Rng rng(context.seed);
  note("read one by sequence", 2000, seconds_of([&] {
         for (int i = 0; i < 2000; ++i) {
           ReadQuery query;
           query.from = query.to = 1 + rng.below(feeder.last());
           log->read(query);
         }
       }));
  if (session->has(DUNLIN_STORE_SUBJECT_INDEX)) {
    note("read the newest of a subject", 500, seconds_of([&] {
           for (int i = 0; i < 500; ++i) {
             ReadQuery query;
             query.backward = true;
             query.from = 0;
             query.records_max = 1;
             query.filters = {cat("bench.", rng.below(1000))};
             log->read(query);
           }
         }));
  }
  note("read all", feeder.last(), seconds_of([&] {
         ReadQuery query;
         query.records_max = 4096;
         for (;;) {
           const auto got = log->read(query);
           if (!got.ok() || got.why == DUNLIN_READ_END) break;
           query.from = got.next;
         }
       }));
  metadata(context, *session);
  session->close();
  context.notes.push_back(cat("open again: ", seconds_of([&] {
                                session = std::make_unique<Session>(*world, place.store());
                                session->open_log("figures");
                              }) * 1000,
                              " ms"));
  session.reset();
  world.reset();
}

}  // namespace

void add_figure_tests(Suite& suite) {
  suite.push_back({"s7.memory_does_not_grow_with_records", "S7", memory});
  suite.push_back({"figures.performance", "figures", performance});
}

}  // namespace dunlin::testkit
