// What the tests of this room share: subscriptions that free themselves and a plain model of
// matching to compare the Sublist with.

#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.hpp"
#include "core/subject/sublist.hpp"

namespace dunlin::subject {

struct DestroySubscription {
  void operator()(Subscription* subscription) const noexcept {
    Subscription::destroy(subscription);
  }
};
using OwnedSubscription = std::unique_ptr<Subscription, DestroySubscription>;

inline OwnedSubscription make_subscription(std::string_view subject, std::string_view queue = {},
                                           Kind kind = Kind::client, std::int32_t weight = 1,
                                           std::uint16_t shard = 0) {
  Subscription::Parts parts;
  parts.subject = subject;
  parts.queue = queue;
  parts.sid = "1";
  parts.kind = kind;
  parts.queue_weight = weight;
  parts.shard = shard;
  return OwnedSubscription(Subscription::create(parts));
}

inline Match match_of(const Sublist& sublist, std::string_view subject) {
  Match match;
  sublist.match(subject, hash_bytes(subject), match);
  return match;
}

// A match without the order that does not matter: who, and each group's members by name.
struct Answer {
  std::vector<const Subscription*> plain;
  std::map<std::string, std::vector<const Subscription*>> groups;
  bool operator==(const Answer&) const = default;
};

inline Answer answer_of(const Match& match) {
  Answer answer;
  answer.plain.assign(match.plain.begin(), match.plain.end());
  std::sort(answer.plain.begin(), answer.plain.end());
  for (const auto& group : match.groups) {
    // A name that comes twice makes more members than the model has, and so shows.
    auto& members = answer.groups[std::string(group.queue)];
    members.insert(members.end(), match.members.begin() + group.begin,
                   match.members.begin() + group.end);
    if (members.size() > group.end - group.begin) members.push_back(nullptr);
    std::sort(members.begin(), members.end());
  }
  return answer;
}

// The rules again, as plainly as can be: tokens one by one, over every subscription.
class ModelSublist {
 public:
  static std::vector<std::string> tokens(std::string_view subject) {
    std::vector<std::string> out(1);
    for (const char c : subject) {
      if (c == '.')
        out.emplace_back();
      else
        out.back() += c;
    }
    return out;
  }
  static bool matches(std::string_view pattern, std::string_view subject) {
    const auto p = tokens(pattern), s = tokens(subject);
    for (const auto& token : s)
      if (token.empty()) return false;
    std::size_t i = 0;
    for (; i < p.size(); ++i) {
      if (i >= s.size()) return false;
      if (p[i] == ">" && i + 1 == p.size()) return true;
      if (p[i] != "*" && p[i] != s[i]) return false;
    }
    return i == s.size();
  }

  void insert(const Subscription* subscription) { all_.insert(subscription); }
  bool remove(const Subscription* subscription) { return all_.erase(subscription) != 0; }
  [[nodiscard]] Answer match(std::string_view subject) const {
    Answer answer;
    for (const auto* const subscription : all_) {
      if (!matches(subscription->subject(), subject)) continue;
      if (!subscription->is_queue()) {
        answer.plain.push_back(subscription);
        continue;
      }
      for (std::int32_t i = 0; i < subscription->weight(); ++i)
        answer.groups[std::string(subscription->queue())].push_back(subscription);
    }
    std::sort(answer.plain.begin(), answer.plain.end());
    for (auto& [name, members] : answer.groups) std::sort(members.begin(), members.end());
    return answer;
  }
  [[nodiscard]] const std::set<const Subscription*>& all() const { return all_; }

 private:
  std::set<const Subscription*> all_;
};

}  // namespace dunlin::subject
