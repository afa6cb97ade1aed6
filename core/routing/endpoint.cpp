#include "core/routing/endpoint.hpp"

#include <algorithm>

namespace dunlin::routing {

void Endpoint::hold_back(std::uint64_t publisher) {
  if (std::find(held_back_.begin(), held_back_.end(), publisher) == held_back_.end())
    held_back_.push_back(publisher);
}

void Endpoint::on_drained() {
  std::vector<std::uint64_t> waiting;
  waiting.swap(held_back_);
  for (const std::uint64_t id : waiting)
    if (net::Connection* const publisher = shard().find(id)) publisher->resume();
}

}  // namespace dunlin::routing
