// What a configuration reload means for a connected client.

#include <fmt/format.h>

#include "core/base/log.hpp"
#include "core/client/client.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::client {

void Client::settings_changed() {
  if (is_closed()) return;
  settings_ = &host_.settings();
  traces_ = settings_->traces;
}

// The user is looked up again: gone, moved to another account, or with other permissions.
void Client::reauthorize() {
  if (is_closed()) return;
  // Who is being decided on already is asked about anew.
  Waiting what = Waiting::reload;
  if (waiting_ == Waiting::opening || waiting_ == Waiting::connect)
    what = waiting_;
  else if (awaiting_connect_)
    return;
  Admission admission = ask(!connected_);
  waiting_ = what;
  if (admission.pending)
    wait(what);
  else
    decided(question_, std::move(admission));
}

void Client::reauthorized(Admission admission) {
  if (!admission.accepted) {
    log_error("{} - authentication error", label());
    refuse("Authorization Violation", admission.refused_as);
    return;
  }
  if (admission.account != account()) {
    // It reconnects, and is in its new account then.
    close(ClosedReason::client_closed);
    return;
  }
  become(std::move(admission));
  drop_forbidden();
}

void Client::drop_forbidden() {
  std::vector<Subscription*> forbidden;
  subscriptions_.for_each([&](Subscription& subscription) {
    if (permissions_.is_restricted() &&
        !permissions_.check_subscribe(subscription.subject(), subscription.queue()))
      forbidden.push_back(&subscription);
  });
  for (Subscription* const subscription : forbidden) {
    const std::string subject = protocol::go_quote(subscription->subject());
    const std::string sid(subscription->sid());
    if (subscription->is_queue())
      send_error(fmt::format(
          "Permissions Violation for Subscription to {} using queue {} (sid \"{}\")", subject,
          protocol::go_quote(subscription->queue()), sid));
    else
      send_error(
          fmt::format("Permissions Violation for Subscription to {} (sid \"{}\")", subject, sid));
    log_info("{} - Removed sub {} (sid \"{}\") for {} - not authorized", label(), subject, sid,
             protocol::go_quote(user_));
    drop(subscription);
  }
  refresh_filter();
}

}  // namespace dunlin::client
