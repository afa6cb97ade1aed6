// A plugin's request: an inbox that takes one reply, a deadline, and exactly one answer to the
// plugin, on control.
//
// Shared by the router service's table, the inbox's entry in the Sublist and the timer. Whoever
// settles it first decides the answer.

#pragma once

#include <dunlin/ext/router.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "core/plugin/host_services.hpp"
#include "core/routing/internal_subscriber.hpp"
#include "core/server/handles.hpp"

namespace dunlin::server {

class PluginRequest final : public routing::InternalSubscriber,
                            public std::enable_shared_from_this<PluginRequest> {
 public:
  struct Wish {
    plugin::Owner owner = 0;
    dunlin_request_id id = 0;
    routing::Account* account = nullptr;
    dunlin_on_reply on_reply = nullptr;
    void* user = nullptr;
  };
  // `over` runs on control just before the plugin gets its answer.
  PluginRequest(boost::asio::io_context& control, Quiescence& quiescence, const Wish& wish,
                std::function<void()> over);

  [[nodiscard]] const Wish& wish() const noexcept { return wish_; }
  [[nodiscard]] const std::string& inbox() const noexcept { return inbox_; }

  // Subscribes the inbox and starts the clock.  [any thread, once]
  bool open(std::uint64_t timeout_ns);
  // Decides the answer, unless it has been decided.  [any thread]
  void settle(dunlin_status status);
  // No answer will be given any more.  [control]
  void silence() noexcept { silenced_ = true; }

  void on_message(const routing::Message& message, const routing::Subscription& entry,
                  const routing::Origin& origin) override;

 private:
  void answer(dunlin_status status, SharedBuffer* buffer, dunlin_msg reply);
  void close_inbox();

  boost::asio::io_context& control_;
  Quiescence& quiescence_;
  const Wish wish_;
  const std::function<void()> over_;
  const std::string inbox_;
  subject::Subscription* entry_ = nullptr;
  boost::asio::steady_timer timer_;  // [control]
  std::atomic<bool> settled_{false};
  bool silenced_ = false;
};

}  // namespace dunlin::server
