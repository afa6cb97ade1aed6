// What a user may publish and subscribe to.
//
// PermissionRules is the data as configuration or a token gives it; Permissions is the same,
// compiled for checking. Permissions never change after compile() and are shared by every
// connection of a user.  [any thread]
//
// The rules are nats-server's, quirks included:
//   - a list of allowed subjects that is missing allows everything; deny wins over allow
//   - an empty publish allow list allows nothing, an empty subscribe allow list everything
//   - the subject of a SUB is matched as if it were published: its wildcards are plain tokens, so
//     `t.*` allows SUB t.> (and what that receives), but not SUB *.a
//   - a SUB wider than a denied subject is accepted; delivery_denied() then filters each message
//   - "subject queue" entries of subscribe lists hold for that queue, which may have wildcards

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::auth {

struct SubjectRules {
  std::optional<std::vector<std::string>> allow = {};
  std::vector<std::string> deny = {};
};

// The right to answer: to publish to the reply subjects of messages that were received.
struct ResponseRules {
  static constexpr std::int64_t count_default = 1;
  static constexpr std::int64_t lifetime_default = 120'000'000'000;

  std::int64_t count_max = count_default;     // answers to one reply subject; below 0: no limit
  std::int64_t lifetime = lifetime_default;  // nanoseconds; below 0: no limit
};

struct PermissionRules {
  SubjectRules publish = {};
  SubjectRules subscribe = {};
  std::optional<ResponseRules> responses = {};
};

// Checks one list's entries, with nats-server's texts; only subscribe lists may name queues.
result<> validate_entries(const std::vector<std::string>& entries, bool takes_queues);
result<> validate(const PermissionRules& rules);

// Whom a check is for. MQTT sessions and server links may use some of their own subjects whatever
// the allow lists say; deny lists hold for all.
enum class PermissionScope : std::uint8_t { client, mqtt, link };

// Subjects compiled for matching; the part of Permissions that is repeated four times.
class SubjectPatterns {
 public:
  void add(std::string_view subject, std::string_view queue = {});
  void finish();  // after the last add

  // Whether an entry without a queue name matches.
  [[nodiscard]] bool matches(std::string_view subject) const noexcept;
  // Whether an entry with a queue name matches: some_other when none of them names `queue`.
  enum class QueueMatch : std::uint8_t { none, some_other, this_queue };
  [[nodiscard]] QueueMatch match_queue(std::string_view subject,
                                       std::string_view queue) const noexcept;
  // Whether some subject is matched by both `pattern` and an entry.
  [[nodiscard]] bool collides(std::string_view pattern) const noexcept;

 private:
  struct Pattern {
    std::string subject;
    std::string queue;
    std::size_t literal_size = 0;  // what precedes the first wildcard token
    [[nodiscard]] bool matches(std::string_view text) const noexcept;
  };
  std::vector<std::string> literals_;  // sorted; entries without wildcard and queue
  std::vector<Pattern> wildcards_;     // entries without queue
  std::vector<Pattern> queued_;
};

class Permissions {
 public:
  // Entries that are not valid are left out with an error in the log; a publish deny entry with a
  // queue name keeps its subject, so that what was meant to be denied is.
  static std::shared_ptr<const Permissions> compile(PermissionRules rules);

  // Without the right to answer, which is a connection's own: see PermissionState.
  [[nodiscard]] bool check_publish(std::string_view subject,
                                   PermissionScope scope = PermissionScope::client) const noexcept;
  [[nodiscard]] bool check_subscribe(
      std::string_view subject, std::string_view queue,
      PermissionScope scope = PermissionScope::client) const noexcept;

  // Whether deliveries to an accepted SUB have to pass delivery_denied(). Once a connection has
  // such a subscription, all its deliveries have to.
  [[nodiscard]] bool filters_delivery(std::string_view subject,
                                      std::string_view queue) const noexcept;
  [[nodiscard]] bool delivery_denied(std::string_view subject,
                                     std::string_view queue) const noexcept;

  [[nodiscard]] const std::optional<ResponseRules>& responses() const noexcept {
    return rules_.responses;
  }
  [[nodiscard]] bool restricts_publish() const noexcept {
    return publish_allow_.has_value() || publish_deny_.has_value();
  }
  // The rules as compiled, defaults filled in: what monitoring and user info show.
  [[nodiscard]] const PermissionRules& rules() const noexcept { return rules_; }
  // Differs between any two compiled Permissions of this process; never 0.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

 private:
  Permissions() = default;

  PermissionRules rules_;
  std::uint64_t generation_ = 0;
  std::optional<SubjectPatterns> publish_allow_, publish_deny_;
  std::optional<SubjectPatterns> subscribe_allow_, subscribe_deny_;
};

}  // namespace dunlin::auth
