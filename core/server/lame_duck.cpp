// Lame duck: no new clients, word to the old ones, then one close after the other.

#include <algorithm>
#include <future>
#include <random>

#include "core/base/log.hpp"
#include "core/server/plugin_wiring.hpp"
#include "core/server/server.hpp"

namespace dunlin::server {

namespace {

constexpr std::chrono::nanoseconds close_interval_most = std::chrono::seconds(1);
constexpr std::initializer_list<routing::Kind> leaving_kinds = {routing::Kind::client,
                                                                routing::Kind::leaf};

}  // namespace

// The shard and id of every connection of one of these kinds, of clients that plugins speak to as
// well. Waits for the shards, which never wait for control.
std::vector<std::pair<std::uint16_t, std::uint64_t>> Server::connection_ids(
    std::initializer_list<routing::Kind> kinds) {
  std::vector<std::pair<std::uint16_t, std::uint64_t>> ids;
  for (auto& shard : shards_) {
    std::promise<std::vector<std::uint64_t>> promise;
    shard->post([&shard, &promise, kinds] {
      std::vector<std::uint64_t> mine;
      shard->for_each_connection([&mine, kinds](const net::Connection& connection) {
        const auto& endpoint = static_cast<const routing::Endpoint&>(connection);
        if (std::find(kinds.begin(), kinds.end(), endpoint.kind()) != kinds.end() &&
            !connection.is_closed())
          mine.push_back(connection.id());
      });
      promise.set_value(std::move(mine));
    });
    for (const std::uint64_t id : promise.get_future().get()) ids.emplace_back(shard->index(), id);
  }
  return ids;
}

void Server::enter_lame_duck() {
  if (shutting_down_ || lame_duck_.exchange(true)) return;
  log_info("Entering lame duck mode, stop accepting new clients");
  client_listener_->stop();
  if (plugins_ != nullptr) plugins_->drain(options_.lame_duck_duration);
  leaving_ = connection_ids(leaving_kinds);
  if (leaving_.empty() ||
      (clients_->client_count() == 0 && connection_ids(leaving_kinds).empty())) {
    shut_down();
    return;
  }
  for (auto& shard : shards_)
    shard->post([&shard] {
      shard->for_each_connection([](net::Connection& connection) {
        if (auto* const client = dynamic_cast<client::Client*>(&connection))
          client->announce_lame_duck();
      });
    });
  std::shuffle(leaving_.begin(), leaving_.end(), std::minstd_rand(std::random_device{}()));
  const auto remaining = options_.lame_duck_duration - options_.lame_duck_grace_period;
  leaving_interval_ =
      std::min(close_interval_most,
               std::chrono::nanoseconds(remaining / static_cast<std::int64_t>(leaving_.size())));
  lame_duck_timer_.expires_after(options_.lame_duck_grace_period);
  lame_duck_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    log_info("Closing existing clients");
    close_next_client();
  });
}

void Server::close_next_client() {
  if (leaving_.empty()) {
    shut_down();
    return;
  }
  const auto [shard, id] = leaving_.back();
  leaving_.pop_back();
  shards_[shard]->post([where = shards_[shard].get(), id = id] {
    if (net::Connection* const client = where->find(id))
      client->close(net::ClosedReason::server_shutdown);
  });
  if (leaving_.empty()) {
    shut_down();
    return;
  }
  // Between half and all of the interval, so that clients of several servers do not come in step.
  static std::minstd_rand random{std::random_device{}()};
  const auto half = leaving_interval_.count() / 2;
  lame_duck_timer_.expires_after(std::chrono::nanoseconds(
      half + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(half + 1))));
  lame_duck_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) close_next_client();
  });
}

}  // namespace dunlin::server
