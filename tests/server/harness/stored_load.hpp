// Load for a server with the plugin store-bench (bench/plugins): messages that are like no other,
// with what is known of each, and a comparison of what is in the store with all that was
// acknowledged.
//
// The content of a message follows from a seed and its number, so nothing but the sequence of its
// acknowledgement is kept. One owner, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/server/harness/raw_client.hpp"
#include "tests/server/harness/server_process.hpp"

namespace dunlin::testing {

class StoredLoad {
 public:
  StoredLoad(std::uint64_t seed, std::size_t logs)
      : seed_(seed), logs_(logs), acknowledged_(logs) {}

  // The section of the configuration that this load needs.
  [[nodiscard]] std::string section(const std::string& storage) const;

  // Publishes with `window` messages on the way until `acks` more were acknowledged; then `last`
  // is called with messages still on the way. What the server said until it closed counts too.
  void publish(const ServerProcess& server, std::size_t acks, std::size_t window,
               const std::function<void()>& last);

  // Reads every record of every log; what is wrong, in words, nothing when all is well: an
  // acknowledged message that is missing or differs, a record nobody published or one too many, a
  // hole.
  [[nodiscard]] std::vector<std::string> compare(const ServerProcess& server);

  [[nodiscard]] std::size_t acknowledged() const;
  // Records beside the acknowledged ones, at the last comparison.
  [[nodiscard]] std::size_t unacknowledged() const { return unacknowledged_; }

 private:
  struct Message {
    std::string header, payload;
  };
  struct Page {
    std::vector<std::pair<std::uint64_t, std::string>> records;  // sequence; header and payload
    std::string end;                                             // the status of the last answer
    std::uint64_t next = 0;
  };

  [[nodiscard]] Message message(std::uint64_t number) const;
  [[nodiscard]] std::string frame(std::uint64_t number) const;
  // Takes one acknowledgement in; false at the close.
  bool take_ack(RawClient& client);
  Page read_page(RawClient& client, std::size_t log, std::uint64_t from);
  void compare_log(RawClient& client, std::size_t log, std::vector<std::string>& wrong);
  // The number of the message this content is of; 0 when it is of none.
  [[nodiscard]] std::uint64_t number_of(const std::string& content) const;

  std::uint64_t seed_;
  std::size_t logs_;
  std::uint64_t published_ = 0;
  std::size_t on_the_way_ = 0;
  std::vector<std::map<std::uint64_t, std::uint64_t>> acknowledged_;  // sequence to number
  std::size_t unacknowledged_ = 0;
  std::vector<std::string> refused_;
};

}  // namespace dunlin::testing
