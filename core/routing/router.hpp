// The router: one published message to its deliveries.
//
// One ShardRouter per shard, used only there. route() matches through the shard's cache and
// delivers: to connections of this shard by writing the frame into their output, to connections of
// other shards by one record per shard in the outgoing batch, to links once per link, to internal
// subscribers by a call. Nothing is locked and, once warm, nothing is allocated.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/net/mailbox.hpp"
#include "core/net/shard.hpp"
#include "core/protocol/client_parser.hpp"
#include "core/routing/account.hpp"
#include "core/routing/delivery_rules.hpp"
#include "core/routing/endpoint.hpp"
#include "core/routing/internal_subscriber.hpp"
#include "core/routing/message.hpp"
#include "core/subject/match_cache.hpp"

namespace dunlin::routing {

// What the operator can change about delivery; read by every shard.
struct DeliverySettings {
  std::atomic<bool> stalls_fast_producers{true};
};

// Counts of one shard; the server's totals are their sums.
struct ShardStats {
  Counter in_messages, in_bytes, out_messages, out_bytes;
  Counter slow_consumers, stalled_producers;
};

// Collects deliveries of a turn so that they are handed over together.  [the shard]
class TurnListener {
 public:
  virtual void on_turn_end() = 0;
  // As RecordHandler's.
  [[nodiscard]] virtual bool has_unsent() const noexcept = 0;

 protected:
  ~TurnListener() = default;
};

class ShardRouter final : public net::RecordHandler {
 public:
  // A receiver with more than this pending holds its publishers back.
  static constexpr std::size_t stall_bytes = 2 * 1024 * 1024;

  ShardRouter(net::Shard& shard, const DeliverySettings& settings, std::size_t cache_entries);
  ~ShardRouter();

  [[nodiscard]] net::Shard& shard() noexcept { return shard_; }
  [[nodiscard]] ShardStats& stats() noexcept { return stats_; }
  // A cheap random number, good enough to spread load.
  std::uint32_t random() noexcept;
  // Room to write out a message whose frame is not in canonical form; good until the next use.
  [[nodiscard]] std::string& scratch() noexcept { return scratch_; }
  [[nodiscard]] const subject::MatchCache& cache() const noexcept { return cache_; }

  // Starts loading what route() will touch for this subject.
  void prefetch(const Account& account, std::uint64_t hash) const noexcept {
    cache_.prefetch(account.sublist(), hash);
  }
  // The second step, once prefetch() was called for the whole batch.
  void prefetch_subscribers(const Account& account, std::uint64_t hash) const noexcept {
    account.sublist().prefetch_endpoint(hash);
  }
  // Delivers to everyone who wants it; false when that was nobody.
  bool route(Account& account, const Message& message, std::uint64_t hash, const Origin& origin);

  // The same for canonical frames with one subject, when a single plain subscription of a client
  // on this shard wants them and nothing has to be decided message by message. Returns how many of
  // the first ones it delivered; route() is for the others.
  std::size_t route_run(Account& account, const protocol::Publish* frames, std::size_t count,
                        const Origin& origin);

  void on_records(const net::Batch& batch) override;
  void on_turn_end() override;
  [[nodiscard]] bool has_unsent() const noexcept override {
    return !noted_links_.empty() || (turn_listener_ != nullptr && turn_listener_->has_unsent());
  }
  // Null for none; it lives until it was replaced.
  void set_turn_listener(TurnListener* listener) noexcept { turn_listener_ = listener; }

  // A publisher that was held back may be read from again; `from` is the shard of the receiver.
  static void let_go(net::Shard& from, std::uint64_t publisher, std::uint16_t shard);
  // A plain subscription of `owner`, which is in `account`, that matches; null without one.
  const Subscription* plain_subscription(const Account& account, std::string_view subject,
                                         const Endpoint& owner);

  // `link`, of this shard, has taken deliveries: its flush_link() is called at the turn's end.
  void note_link(Endpoint& link) { noted_links_.push_back(&link); }

 private:
  struct LinkTarget {
    Endpoint* link;
    std::vector<std::string_view> queues;
  };
  struct Record;

  const subject::Match& match(Account& account, std::string_view subject, std::uint64_t hash);
  const subject::Match& match_anew(Account& account, std::string_view subject, std::uint64_t hash);
  bool deliver_plain(const subject::Match& match, const Message& message, const Origin& origin);
  // `is_sole`: nobody outside the group gets the message.
  bool deliver_group(Account& account, const subject::Match& match,
                     const subject::Match::Group& group, const Message& message,
                     const Origin& origin, bool is_sole);
  bool pass_on(Account& account, std::string_view queue, const Message& message,
               const Origin& origin, bool is_sole);
  void take_deliveries(const Record& record, const char* subscriptions, const Message& message,
                       const Origin& origin);
  void report_nobody(const Message& message, const Origin& origin);
  void take_note(const Record& record, const char* text);
  bool is_better(GroupPlace here, const Endpoint& link, GroupPlace best_place,
                 const Subscription& best, const Origin& origin) noexcept;
  bool offer(Account& account, Subscription* member, const Message& message,
             const Origin& origin, bool is_sole);
  bool deliver(Subscription* subscription, const Message& message, const Origin& origin);
  bool deliver_to_client(Subscription* subscription, Endpoint& client, const Message& message,
                         const Origin& origin);
  std::size_t deliver_run(Subscription& subscription, Endpoint& client, std::string_view prefix,
                          const protocol::Publish* frames, std::size_t count,
                          const Origin& origin);
  void count_delivery(const Endpoint& client, std::uint64_t messages, std::uint64_t bytes);
  void count_deliveries();
  void write_frame(Endpoint& client, const Subscription& subscription, const Message& message);
  void write_without_header(Endpoint& client, const Subscription& subscription,
                            const Message& message);
  void gather_frame(Endpoint& client, const Subscription& subscription, const Message& message);
  void press(Endpoint& client, const Origin& origin);
  void hold_back(Endpoint& client, std::uint64_t publisher, std::uint16_t shard);
  static bool link_takes(const Endpoint& link, const Subscription& subscription,
                         const Message& message) noexcept;
  void add_link(const Subscription& subscription);
  bool flush_links(Account& account, const Message& message, const Origin& origin,
                   std::size_t first);
  // Of a queue member: its account, so that another member can take its place.
  struct Away {
    Account* account_of_group = nullptr;
    bool is_sole = false;
  };
  void send_away(std::uint16_t shard, Subscription* const* subscriptions, std::size_t count,
                 const Message& message, const Origin& origin, Away away);
  void send_to_link(Account& account, const LinkTarget& target, const Message& message,
                    const Origin& origin);

  net::Shard& shard_;
  const DeliverySettings& settings_;
  subject::MatchCache cache_;
  std::string scratch_;
  ShardStats stats_;
  std::vector<LinkTarget> links_;  // links the messages being routed go to, the innermost last
  std::size_t links_used_ = 0;
  std::size_t links_first_ = 0;  // where those of the innermost message begin
  std::vector<Endpoint*> noted_links_;
  TurnListener* turn_listener_ = nullptr;
  // The match before: publishers tend to stay with a subject for a while.
  struct {
    const Account* account = nullptr;
    std::uint64_t hash = 0;
    std::string subject;
    std::size_t slot = 0;
    std::uint64_t generation = 0;
    const subject::Match* match = nullptr;  // the cache's; stands until its next lookup
  } last_;
  // Deliveries since the counters were written, all in one account.
  struct {
    Account* account = nullptr;
    std::uint64_t messages = 0, bytes = 0;
  } delivered_;
  unsigned depth_ = 0;  // route() inside an internal subscriber's callback
  std::vector<std::unique_ptr<subject::Match>> nested_;
  subject::Match replies_;  // of plain_subscription()
  std::uint64_t random_state_;
};

}  // namespace dunlin::routing
