// Batches of work handed from one shard to another.
//
// A sender fills one Batch per receiver during its turn and hands it over once, at the turn's end.
// The receiver takes everything at once and gives each batch back to its sender's free list, so
// that memory is reused by the thread that allocated it. Both lists are lock-free stacks; the order
// of batches of one sender is kept.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace dunlin::net {

class Shard;

struct Batch {
  static constexpr std::size_t capacity_usual = 96 * 1024;
  static constexpr std::size_t full = 64 * 1024;  // handed over early from here on

  Batch* next = nullptr;
  Shard* sender = nullptr;  // null when a thread that is no shard sent it
  // A task instead of records, with `data` as its argument; `runs` is false when it is thrown away.
  void (*run_task)(void*, bool runs) = nullptr;
  std::size_t size = 0;
  std::size_t capacity = 0;
  char* data = nullptr;

  static Batch* create(Shard* sender, std::size_t capacity);
  static void destroy(Batch* batch) noexcept;
};

// Many senders, one receiver.
class BatchStack {
 public:
  // Throws away what nobody took, tasks with what they hold included.
  ~BatchStack();
  // True when the stack was empty before.  [any thread]
  bool push(Batch* batch) noexcept {
    Batch* head = head_.load(std::memory_order_relaxed);
    do {
      batch->next = head;
    } while (!head_.compare_exchange_weak(head, batch, std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
    return head == nullptr;
  }
  [[nodiscard]] bool empty() const noexcept {
    return head_.load(std::memory_order_seq_cst) == nullptr;
  }
  // Everything, newest first.  [receiver]
  Batch* take_all() noexcept { return head_.exchange(nullptr, std::memory_order_acquire); }
  // Everything, oldest first.  [receiver]
  Batch* take_all_in_order() noexcept {
    Batch* newest = take_all();
    Batch* oldest = nullptr;
    while (newest != nullptr) {
      Batch* const next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    return oldest;
  }

 private:
  alignas(64) std::atomic<Batch*> head_{nullptr};
};

}  // namespace dunlin::net
