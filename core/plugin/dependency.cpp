// Depth-first from each candidate in the given order; a candidate met again while it is still
// being visited closes a cycle.

#include "core/plugin/dependency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace dunlin::plugin {
namespace {

class Resolver {
 public:
  explicit Resolver(const std::vector<Candidate>& candidates)
      : candidates_(candidates), state_(candidates.size(), State::fresh) {}

  boost::system::result<std::vector<std::size_t>, Refusal> run() {
    find_duplicates();
    for (std::size_t i = 0; i < candidates_.size(); ++i) visit(i);
    if (!refusal_.problems.empty()) return std::move(refusal_);
    return std::move(order_);
  }

 private:
  enum class State { fresh, open, done };

  std::string name(std::size_t index) const {
    const auto& identity = *candidates_[index].identity;
    return fmt::format("{} {}", identity.id, identity.version);
  }

  void problem(std::string text, std::vector<std::string> hints) {
    refusal_.problems.push_back({std::move(text), std::move(hints), ExitCode::configuration});
  }

  void find_duplicates() {
    std::map<std::string, std::size_t> ids;
    std::map<std::string, std::size_t> capabilities;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const auto& identity = *candidates_[i].identity;
      if (const auto [first, fresh] = ids.emplace(identity.id, i); !fresh) {
        problem(fmt::format("{} is there twice: from {} and from {}", identity.id,
                            candidates_[first->second].origin, candidates_[i].origin),
                {"load one of them"});
        continue;
      }
      for (const auto& capability : identity.provides) {
        if (const auto [first, fresh] = capabilities.emplace(capability, i); !fresh) {
          problem(fmt::format("capability \"{}\" is provided twice: by {} ({}) and by {} ({})",
                              capability, name(first->second),
                              candidates_[first->second].origin, name(i),
                              candidates_[i].origin),
                  {"load one of them"});
        }
      }
    }
  }

  void visit(std::size_t index) {
    if (state_[index] == State::done) return;
    if (state_[index] == State::open) {
      report_cycle(index);
      return;
    }
    state_[index] = State::open;
    path_.push_back(index);
    for (const auto& need : candidates_[index].identity->needs) {
      bool met = false;
      for (std::size_t other = 0; other < candidates_.size(); ++other) {
        const auto& provides = candidates_[other].identity->provides;
        if (std::any_of(provides.begin(), provides.end(), [&](const std::string& provided) {
              return meets(provided, need.capability);
            })) {
          met = true;
          visit(other);
        }
      }
      if (!met && !need.optional) report_missing(index, need.capability);
    }
    path_.pop_back();
    state_[index] = State::done;
    order_.push_back(index);
  }

  void report_missing(std::size_t index, const std::string& capability) {
    const auto section = capability.substr(0, capability.find('/'));
    problem(fmt::format("{} needs capability \"{}\", and no configured plugin provides it",
                        name(index), capability),
            {fmt::format("add a [{}] section, or name its provider in plugins.load", section)});
  }

  void report_cycle(std::size_t index) {
    std::string cycle;
    auto at = std::find(path_.begin(), path_.end(), index);
    for (; at != path_.end(); ++at) cycle += candidates_[*at].identity->id + " -> ";
    cycle += candidates_[index].identity->id;
    problem(fmt::format("plugins need each other in a circle: {}", cycle),
            {"no order of starting can satisfy this; leave one of them out"});
  }

  const std::vector<Candidate>& candidates_;
  std::vector<State> state_;
  std::vector<std::size_t> path_, order_;
  Refusal refusal_;
};

}  // namespace

bool meets(std::string_view provided, std::string_view needed) noexcept {
  if (!provided.starts_with(needed)) return false;
  return provided.size() == needed.size() || provided[needed.size()] == ':';
}

boost::system::result<std::vector<std::size_t>, Refusal> resolve_order(
    const std::vector<Candidate>& candidates) {
  return Resolver(candidates).run();
}

}  // namespace dunlin::plugin
