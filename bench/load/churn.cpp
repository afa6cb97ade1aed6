#include "bench/load/churn.hpp"

#include <array>
#include <stdexcept>
#include <string_view>

namespace dunlin::bench {

void Churn::turn(std::uint64_t now) {
  answer_pings();
  if (pending_.empty()) {
    const double elapsed_s = static_cast<double>(now - start_ns_) / 1e9;
    const auto due = static_cast<std::uint64_t>(elapsed_s * static_cast<double>(pairs_per_s_));
    for (std::uint64_t i = 0; made_ < due && i < pairs_per_turn; ++i, ++made_) {
      const std::string sid = std::to_string(made_ + 1);
      pending_ += "SUB bench.churn." + sid + ' ' + sid + "\r\nUNSUB " + sid + "\r\n";
    }
  }
  if (!pending_.empty()) pending_.erase(0, client_.socket().send(pending_));
}

void Churn::answer_pings() {
  std::array<char, 512> buffer;
  const std::size_t size = client_.socket().receive(buffer.data(), buffer.size());
  const std::string_view text{buffer.data(), size};
  if (text.find("-ERR") != std::string_view::npos) throw std::runtime_error(std::string{text});
  if (text.find("PING") != std::string_view::npos) pending_ += "PONG\r\n";
}

}  // namespace dunlin::bench
