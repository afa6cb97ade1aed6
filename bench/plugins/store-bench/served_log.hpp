// One log of a store behind two subjects: what is published on the first is stored and answered
// with its sequence once that is durable, as a JetStream acknowledgement; requests on the second,
// "FROM COUNT", are answered with the records, one message each, and a last one that says how it
// ended.
//
// An answer with a record has the record's header and payload as its payload, and says in its own
// header what is which: Nats-Sequence, Nats-Subject, Header-Bytes. The last one has the status 204
// and Next, where to go on, or 500 and the error in front of Next.
//
// All of it happens on one shard, except `open` and `close`, which are for control. While a sync
// is under way, what comes in gathers for the next: group commit.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/router.hpp>
#include <dunlin/storage.hpp>

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace store_bench {

class ServedLog {
 public:
  ServedLog(dunlin::Host host, std::uint32_t shard)
      : host_(host), clock_(host.get<dunlin::Clock>()), router_(host.get<dunlin::Router>()),
        account_(host.get<dunlin::Accounts>().global()), shard_(shard) {}
  ServedLog(const ServedLog&) = delete;
  ServedLog& operator=(const ServedLog&) = delete;
  ~ServedLog() { close(); }

  // Serves nothing on an empty subject.
  dunlin::result<> open(const dunlin::Store& store, std::string_view name,
                        const std::string& subject, const std::string& read_subject);
  void close() noexcept;

 private:
  struct Waiting {
    std::string reply;
    std::uint64_t seq;
  };
  // A message that came while there was no room. Header and payload are the owner's.
  struct Kept {
    dunlin_msg message;
    std::string subject, reply;
  };

  dunlin::result<> subscribe(const std::string& subject,
                             std::optional<dunlin::Subscription>& subscription,
                             void (ServedLog::*take)(std::span<const dunlin_msg>));
  void store(std::span<const dunlin_msg> messages);
  bool append(const dunlin_msg& message);
  void keep(const dunlin_msg& message);
  void on_room();
  void sync();
  void acknowledge(std::uint64_t up_to, const dunlin::result<>& outcome);
  void read(std::span<const dunlin_msg> messages);
  void read_for(std::string reply, std::uint64_t from, std::uint64_t count);

  dunlin::Host host_;
  dunlin::Clock clock_;
  dunlin::Router router_;
  dunlin_account* account_;
  std::uint32_t shard_;
  std::optional<dunlin::Subscription> stores_, reads_;
  dunlin::StoredLog log_;
  std::uint64_t last_ = 0, asked_ = 0;
  std::deque<Waiting> waiting_;
  std::deque<Kept> backlog_;
};

}  // namespace store_bench
