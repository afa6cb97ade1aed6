// Keeps one outbound connection of a plugin up: resolves, connects, and connects again when an
// attempt fails or the connection is lost, with a delay that doubles up to a maximum.
//
// Lives on control. Names are resolved on a worker; a socket is connected on the shard it will live
// on, without blocking it. Shared by whatever is under way: end() makes all of that come to
// nothing.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/plugin/executor.hpp"
#include "core/plugin/host_services.hpp"
#include "core/server/protocol_connection.hpp"

namespace dunlin::server {

class Dialer;

class OutboundConnector : public std::enable_shared_from_this<OutboundConnector> {
 public:
  struct Wish {
    std::vector<std::string> addresses;  // "host:port"
    std::uint32_t attempts_max = 0;      // in a row; 0: no end
    std::chrono::nanoseconds connect_timeout{};
    std::chrono::nanoseconds delay{}, delay_max{}, jitter{};
    dunlin_on_connect on_connect = nullptr;
    void* user = nullptr;
  };
  // Makes a connection of a connected socket, on the shard chosen for it. `host`: as it stands in
  // the address that was connected to.
  using Adopt = std::function<void(net::Shard&, int socket, net::PeerAddress,
                                   const std::string& host)>;
  using ChooseShard = std::function<net::Shard&()>;

  OutboundConnector(dunlin_connector id, Wish wish, std::shared_ptr<ProtocolSettings> settings,
                    plugin::Executor& executor, boost::asio::io_context& control,
                    ChooseShard choose_shard, Adopt adopt);
  ~OutboundConnector();

  [[nodiscard]] dunlin_connector id() const noexcept { return id_; }
  [[nodiscard]] const std::shared_ptr<ProtocolSettings>& settings() const noexcept {
    return settings_;
  }
  void start();
  // The host of "host:port" or "[::1]:port"; empty when the address is neither.
  [[nodiscard]] static std::string host_of(const std::string& address);
  // No callback follows. A connection that is up is the caller's to close.
  void end();

 private:
  struct Target {
    net::PeerAddress shown;
    std::string raw;  // the bytes of a sockaddr
  };
  struct Resolved {
    std::vector<Target> targets;
    std::string why;
  };
  static Resolved resolve(const std::string& address);

  void attempt();
  void dial(std::vector<Target> targets, std::size_t next);
  void failed(const std::string& why);
  void opened();
  void closed(net::ClosedReason reason, bool was_ready);
  void try_again_later();
  void tell(std::uint32_t event, dunlin_status status, const std::string& why);
  // Runs `task(*this)` on control unless end() came first.
  template <class Task>
  std::function<void()> guarded(Task task);

  const dunlin_connector id_;
  const Wish wish_;
  const std::shared_ptr<ProtocolSettings> settings_;
  plugin::Executor& executor_;
  const ChooseShard choose_shard_;
  const Adopt adopt_;
  boost::asio::steady_timer timer_;
  std::minstd_rand random_;
  std::shared_ptr<Dialer> dialer_;
  std::uint32_t dialer_shard_ = 0;
  std::string address_;    // of the present attempt
  std::size_t next_ = 0;   // of wish_.addresses
  std::uint32_t attempts_ = 0;
  std::chrono::nanoseconds delay_{};
  bool ended_ = false;
};

}  // namespace dunlin::server
