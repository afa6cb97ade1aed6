// Quiescence: when may memory that other threads read without a lock be freed?
//
// Readers (shards) use shared tables freely during a loop turn and announce the end of each turn.
// A writer unlinks something, then retires it with the current epoch; once every reader has
// announced a later turn, no one can still hold a pointer to it. A reader that sleeps is offline
// and holds nothing. This is quiescent-state-based reclamation.
//
//   writer:  unlink(x);  retire(x)            -> x is tagged with epoch e, epoch becomes e + 1
//   reader:  e = current(); ... turn ...; announce(e)
//   anyone:  collect()                        -> frees every x whose e < oldest_seen()

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace dunlin {

class Quiescence {
 public:
  static constexpr unsigned readers_max = 256;
  using Reader = unsigned;

  Quiescence() = default;
  ~Quiescence();  // frees whatever is still retired; no reader may be active
  Quiescence(const Quiescence&) = delete;
  Quiescence& operator=(const Quiescence&) = delete;

  // Gives the calling thread a reader's slot; it starts offline.  [any thread]
  Reader enter();
  void leave(Reader reader);

  // The reader starts a turn after sleeping; it may touch shared tables until offline().
  // [its thread]
  void online(Reader reader) noexcept;
  void offline(Reader reader) noexcept;
  // The epoch a turn belongs to; read it before the turn touches anything shared.  [any thread]
  [[nodiscard]] std::uint64_t current() const noexcept {
    return epoch_.load(std::memory_order_acquire);
  }
  // The turn that began in `epoch` is over: the reader holds nothing it read in it.  [its thread]
  void announce(Reader reader, std::uint64_t epoch) noexcept {
    auto& seen = slots_[reader].seen;
    if (seen.load(std::memory_order_relaxed) != epoch) seen.store(epoch, std::memory_order_release);
  }

  // Starts a new epoch and returns the one that ended: what was unlinked before this call may be
  // freed once oldest_seen() is greater than the returned value.  [any thread]
  std::uint64_t advance() noexcept { return epoch_.fetch_add(1, std::memory_order_seq_cst); }
  [[nodiscard]] std::uint64_t oldest_seen() const noexcept;

  // Frees `object` by `release(object)` when no reader can hold it. It must be unlinked already.
  // `release` runs on whichever thread calls collect().  [any thread]
  void retire(void* object, void (*release)(void*));
  template <class T>
  void retire(T* object) {
    retire(const_cast<std::remove_const_t<T>*>(object),
           [](void* pointer) { delete static_cast<std::remove_const_t<T>*>(pointer); });
  }
  // Frees what can be freed; cheap when nothing is retired.  [any thread]
  void collect();

 private:
  struct Retired {
    std::uint64_t epoch;
    void* object;
    void (*release)(void*);
  };
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> seen{offline_mark};
    std::atomic<bool> taken{false};
  };
  static constexpr std::uint64_t offline_mark = ~std::uint64_t{0};

  alignas(64) std::atomic<std::uint64_t> epoch_{1};
  alignas(64) Slot slots_[readers_max];
  std::atomic<unsigned> slots_used_{0};
  std::atomic<std::size_t> retired_count_{0};
  std::mutex mutex_;  // guards retired_
  std::vector<Retired> retired_;
};

}  // namespace dunlin
