#include "core/observe/closed_clients.hpp"

namespace dunlin::observe {

void ClosedClients::add(ConnectionSnapshot snapshot) {
  const std::lock_guard lock(mutex_);
  ++total_;
  if (most_ == 0) return;
  if (ring_.size() == most_) ring_.pop_front();
  ring_.push_back(std::move(snapshot));
}

std::vector<ConnectionSnapshot> ClosedClients::all() const {
  const std::lock_guard lock(mutex_);
  return {ring_.begin(), ring_.end()};
}

std::uint64_t ClosedClients::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

}  // namespace dunlin::observe
