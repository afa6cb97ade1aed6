// Subscribes and unsubscribes at a steady pace beside a load.
//
// Never waits: what the socket does not take now is sent on a later turn, and how far the real
// pace fell behind is visible in made(). One thread; socket failures throw.

#pragma once

#include <cstdint>
#include <string>

#include "bench/load/client.hpp"

namespace dunlin::bench {

class Churn {
 public:
  Churn(const Target& target, std::size_t pairs_per_s)
      : client_{target}, pairs_per_s_{pairs_per_s}, start_ns_{now_ns()} {}

  // Sends what is due at `now`, at most `pairs_per_turn` pairs.
  void turn(std::uint64_t now);

  [[nodiscard]] std::uint64_t made() const noexcept { return made_; }

 private:
  static constexpr std::uint64_t pairs_per_turn = 256;

  void answer_pings();

  Client client_;
  std::size_t pairs_per_s_;
  std::uint64_t start_ns_;
  std::uint64_t made_ = 0;
  std::string pending_;
};

}  // namespace dunlin::bench
