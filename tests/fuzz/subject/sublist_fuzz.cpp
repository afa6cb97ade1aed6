// A Sublist and a MatchCache against the plain rules, driven by arbitrary bytes.
// Input: lines; "+<subject>[ queue]" subscribes, "-<n>" removes the n-th subscription there is,
// anything else is published.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/ensure.hpp"
#include "core/base/hash.hpp"
#include "core/subject/match_cache.hpp"
#include "core/subject/subject.hpp"
#include "core/subject/sublist.hpp"

using namespace dunlin;
using namespace dunlin::subject;

namespace {

void subscribe(Sublist& sublist, std::vector<Subscription*>& all, std::string_view line) {
  const auto blank = line.find(' ');
  Subscription::Parts parts;
  parts.subject = line.substr(0, blank);
  if (blank != std::string_view::npos) parts.queue = line.substr(blank + 1);
  parts.sid = "1";
  auto* const subscription = Subscription::create(parts);
  const bool inserted = sublist.insert(subscription).has_value();
  ensure(inserted == is_storable(parts.subject));
  if (inserted)
    all.push_back(subscription);
  else
    Subscription::destroy(subscription);
}

void unsubscribe(Sublist& sublist, std::vector<Subscription*>& all, std::string_view line) {
  if (all.empty()) return;
  std::size_t at = 0;
  for (const char c : line) at = at * 31 + static_cast<unsigned char>(c);
  std::swap(all[at % all.size()], all.back());
  ensure(sublist.remove(all.back()));
  ensure(!sublist.remove(all.back()));
  Subscription::destroy(all.back());  // this is the only reader, and it holds nothing
  all.pop_back();
}

void check(const Match& match, const std::vector<Subscription*>& all, std::string_view subject) {
  std::size_t plain = 0, members = 0;
  for (const auto* const subscription : all)
    if (matches(subscription->subject(), subject))
      ++(subscription->is_queue() ? members : plain);
  ensure(match.plain.size() == plain && match.members.size() == members);
  for (const auto* const each : match.plain) ensure(matches(each->subject(), subject));
  std::size_t grouped = 0;
  for (const auto& group : match.groups) {
    grouped += group.end - group.begin;
    for (auto i = group.begin; i < group.end; ++i)
      ensure(match.members[i]->queue() == group.queue);
  }
  ensure(grouped == members);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Quiescence quiescence;
  std::vector<Subscription*> all;
  {
    Sublist sublist(quiescence);
    MatchCache cache(4, 16);
    Match match;
    while (!input.empty()) {
      const auto line = input.substr(0, input.find('\n'));
      input.remove_prefix(line.size() + (line.size() < input.size() ? 1 : 0));
      if (line.starts_with('+')) {
        subscribe(sublist, all, line.substr(1));
      } else if (line.starts_with('-')) {
        unsubscribe(sublist, all, line.substr(1));
      } else {
        sublist.match(line, hash_bytes(line), match);
        check(match, all, line);
        check(cache.lookup(sublist, line, hash_bytes(line)), all, line);
        ensure(sublist.has_interest(line) == !match.empty());
      }
      quiescence.collect();
    }
  }
  for (auto* const subscription : all) Subscription::destroy(subscription);
  return 0;
}
