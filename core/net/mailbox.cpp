#include "core/net/mailbox.hpp"

#include <cstdlib>
#include <new>
#include <utility>

namespace dunlin::net {

Batch* Batch::create(Shard* sender, std::size_t capacity) {
  auto* const batch = new Batch;
  batch->sender = sender;
  batch->capacity = capacity;
  if (capacity != 0) {
    batch->data = static_cast<char*>(std::malloc(capacity));
    if (batch->data == nullptr) throw std::bad_alloc();
  }
  return batch;
}

void Batch::destroy(Batch* batch) noexcept {
  std::free(batch->data);
  delete batch;
}

BatchStack::~BatchStack() {
  for (Batch* batch = take_all(); batch != nullptr;) {
    Batch* const next = batch->next;
    if (batch->run_task != nullptr) batch->run_task(std::exchange(batch->data, nullptr), false);
    Batch::destroy(batch);
    batch = next;
  }
}

}  // namespace dunlin::net
