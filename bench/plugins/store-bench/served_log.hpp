// One log of a store behind two subjects: what is published on the first is stored and answered
// with its sequence once that is durable, as a JetStream acknowledgement; requests on the second,
// "FROM COUNT", are answered with the records, one message each, and a last one that says how it
// ended.
//
// An answer with a record has the record's header and payload as its payload, and says in its own
// header what is which: Nats-Sequence, Nats-Subject, Header-Bytes. The last one has the status 204
// and Next, where to go on, or 500 and the error in front of Next.
//
// This is how a plugin uses a log: what came in one turn of the shard is one append and one sync,
// and what one sync made durable is answered with one publish. Nothing waits for anything; what
// comes while a sync is under way is served by the next.
//
// All of it happens on one shard, except `open` and `close`, which are for control.

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
  // Records of one append, whose publishers wait.
  struct Waiting {
    std::uint64_t first = 0;
    std::string replies;  // one behind the other
    std::vector<std::uint32_t> ends;
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
  // How many of them were accepted.
  std::size_t append(std::span<const dunlin_msg> messages);
  void keep(std::span<const dunlin_msg> messages);
  void on_room();
  void acknowledge(const dunlin::result<>& outcome);
  void read(std::span<const dunlin_msg> messages);
  void read_for(std::string reply, std::uint64_t from, std::uint64_t count);

  dunlin::Host host_;
  dunlin::Clock clock_;
  dunlin::Router router_;
  dunlin_account* account_;
  std::uint32_t shard_;
  std::optional<dunlin::Subscription> stores_, reads_;
  dunlin::StoredLog log_;
  std::uint64_t last_ = 0;
  std::int64_t last_time_ns_ = 0;
  std::deque<Waiting> waiting_;
  std::deque<Kept> backlog_;
  // Used again and again.
  std::vector<Waiting> spares_;
  std::vector<dunlin_record> records_;
  std::vector<dunlin_msg> answers_;
  std::string texts_;
};

}  // namespace store_bench
