#include "core/auth/permissions.hpp"

#include <algorithm>
#include <atomic>

#include "core/base/log.hpp"
#include "core/protocol/go_quote.hpp"
#include "core/subject/subject.hpp"

namespace dunlin::auth {
namespace {

using protocol::go_quote;

constexpr std::string_view mqtt_prefix = "$MQTT.";
constexpr std::string_view mqtt_subscription_prefix = "$MQTT.sub.";
constexpr std::string_view mqtt_release_prefix = "$MQTT.deliver.pubrel.";

struct Entry {
  std::string_view subject, queue;
};

// The words of an entry; more than two come back as they are, in one, which is no valid subject.
Entry split_entry(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\n\v\f\r";
  const auto trim = [&](std::string_view part) {
    const auto first = part.find_first_not_of(blanks);
    if (first == std::string_view::npos) return std::string_view();
    return part.substr(first, part.find_last_not_of(blanks) - first + 1);
  };
  text = trim(text);
  const auto end = text.find_first_of(blanks);
  if (end == std::string_view::npos) return {text, {}};
  const auto queue = trim(text.substr(end));
  if (queue.find_first_of(blanks) != std::string_view::npos) return {text, {}};
  return {text.substr(0, end), queue};
}

bool is_valid(const Entry& entry) noexcept {
  return subject::is_valid_subject(entry.subject) &&
         (entry.queue.empty() || subject::is_valid_subject(entry.queue));
}

SubjectPatterns compile_publish_allow(const std::vector<std::string>& entries) {
  SubjectPatterns patterns;
  for (const auto& text : entries) {
    if (subject::is_valid_subject(text)) patterns.add(text);
    else log_error("invalid publish subject {}", go_quote(text));
  }
  patterns.finish();
  return patterns;
}

SubjectPatterns compile_publish_deny(const std::vector<std::string>& entries) {
  SubjectPatterns patterns;
  for (const auto& text : entries) {
    const Entry entry = split_entry(text);
    if (subject::is_valid_subject(text)) {
      patterns.add(text);
    } else if (is_valid(entry)) {
      log_error("queue qualifier is not valid for publish deny subject {}", go_quote(text));
      patterns.add(entry.subject);
    } else {
      log_error("invalid publish deny subject {}", go_quote(text));
    }
  }
  patterns.finish();
  return patterns;
}

SubjectPatterns compile_subscribe(const std::vector<std::string>& entries) {
  SubjectPatterns patterns;
  for (const auto& text : entries) {
    const Entry entry = split_entry(text);
    if (is_valid(entry)) patterns.add(entry.subject, entry.queue);
    else log_error("invalid subject-queue {}", go_quote(text));
  }
  patterns.finish();
  return patterns;
}

// A queue name is matched as text first, since wildcards are legal in queue names too.
bool queue_matches(std::string_view queue, std::string_view pattern) noexcept {
  return queue == pattern ||
         (subject::has_wildcard(pattern) && subject::is_subset(queue, pattern));
}

std::size_t literal_size_of(std::string_view subject) noexcept {
  for (subject::TokenCursor cursor(subject); !cursor.done(); cursor.advance()) {
    const bool is_wildcard = cursor.token() == "*" || cursor.token() == ">";
    if (is_wildcard) return subject.size() - cursor.rest().size();
  }
  return subject.size();
}

bool bypasses_publish_allow(std::string_view subject, PermissionScope scope) noexcept {
  return scope == PermissionScope::link && subject.starts_with(mqtt_prefix);
}

bool bypasses_subscribe_allow(std::string_view subject, PermissionScope scope) noexcept {
  switch (scope) {
    case PermissionScope::client: return false;
    case PermissionScope::mqtt:
      return subject.starts_with(mqtt_subscription_prefix) ||
             subject.starts_with(mqtt_release_prefix);
    case PermissionScope::link: return subject.starts_with(mqtt_prefix);
  }
  return false;
}

}  // namespace

result<> validate_entries(const std::vector<std::string>& entries, bool takes_queues) {
  const auto refuse = [](std::string_view what, std::string_view name) {
    return fail(fmt::format("{} {} is not a valid {}", what, go_quote(name), what));
  };
  for (const auto& text : entries) {
    if (subject::is_valid_subject(text)) continue;
    const Entry entry = split_entry(text);
    if (!takes_queues || entry.queue.empty()) return refuse("subject", text);
    if (!subject::is_valid_subject(entry.subject)) return refuse("subject", entry.subject);
    if (!subject::is_valid_subject(entry.queue)) return refuse("queue", entry.queue);
  }
  return {};
}

result<> validate(const PermissionRules& rules) {
  for (const auto* side : {&rules.publish, &rules.subscribe}) {
    const bool takes_queues = side == &rules.subscribe;
    if (side->allow)
      if (auto checked = validate_entries(*side->allow, takes_queues); !checked) return checked;
    if (auto checked = validate_entries(side->deny, takes_queues); !checked) return checked;
  }
  return {};
}

bool SubjectPatterns::Pattern::matches(std::string_view text) const noexcept {
  return text.substr(0, literal_size) == std::string_view(subject).substr(0, literal_size) &&
         subject::matches(subject, text);
}

void SubjectPatterns::add(std::string_view subject, std::string_view queue) {
  const std::size_t literal_size = literal_size_of(subject);
  if (!queue.empty()) {
    queued_.push_back({std::string(subject), std::string(queue), literal_size});
  } else if (literal_size == subject.size()) {
    literals_.emplace_back(subject);
  } else {
    wildcards_.push_back({std::string(subject), {}, literal_size});
  }
}

void SubjectPatterns::finish() { std::sort(literals_.begin(), literals_.end()); }

bool SubjectPatterns::matches(std::string_view subject) const noexcept {
  if (std::binary_search(literals_.begin(), literals_.end(), subject)) return true;
  return std::any_of(wildcards_.begin(), wildcards_.end(),
                     [&](const Pattern& pattern) { return pattern.matches(subject); });
}

SubjectPatterns::QueueMatch SubjectPatterns::match_queue(std::string_view subject,
                                                         std::string_view queue) const noexcept {
  QueueMatch found = QueueMatch::none;
  for (const auto& pattern : queued_) {
    if (!pattern.matches(subject)) continue;
    if (queue_matches(queue, pattern.queue)) return QueueMatch::this_queue;
    found = QueueMatch::some_other;
  }
  return found;
}

bool SubjectPatterns::collides(std::string_view pattern) const noexcept {
  const auto meets = [&](const Pattern& entry) {
    return subject::collides(entry.subject, pattern);
  };
  return std::any_of(literals_.begin(), literals_.end(),
                     [&](const auto& entry) { return subject::collides(entry, pattern); }) ||
         std::any_of(wildcards_.begin(), wildcards_.end(), meets) ||
         std::any_of(queued_.begin(), queued_.end(), meets);
}

std::shared_ptr<const Permissions> Permissions::compile(PermissionRules rules) {
  static std::atomic<std::uint64_t> generations{0};
  if (rules.responses) {
    // Whoever may answer may publish nothing else, unless that was granted as well.
    if (!rules.publish.allow) rules.publish.allow.emplace();
    if (rules.responses->count_max == 0) rules.responses->count_max = ResponseRules::count_default;
    if (rules.responses->lifetime == 0) rules.responses->lifetime = ResponseRules::lifetime_default;
  }
  std::shared_ptr<Permissions> made(new Permissions);
  made->generation_ = generations.fetch_add(1, std::memory_order_relaxed) + 1;
  if (rules.publish.allow) made->publish_allow_ = compile_publish_allow(*rules.publish.allow);
  if (!rules.publish.deny.empty()) made->publish_deny_ = compile_publish_deny(rules.publish.deny);
  if (rules.subscribe.allow && !rules.subscribe.allow->empty())
    made->subscribe_allow_ = compile_subscribe(*rules.subscribe.allow);
  if (!rules.subscribe.deny.empty())
    made->subscribe_deny_ = compile_subscribe(rules.subscribe.deny);
  made->rules_ = std::move(rules);
  return made;
}

bool Permissions::check_publish(std::string_view subject, PermissionScope scope) const noexcept {
  if (publish_allow_ && !bypasses_publish_allow(subject, scope) &&
      !publish_allow_->matches(subject))
    return false;
  return !publish_deny_ || !publish_deny_->matches(subject);
}

bool Permissions::check_subscribe(std::string_view subject, std::string_view queue,
                                  PermissionScope scope) const noexcept {
  using QueueMatch = SubjectPatterns::QueueMatch;
  if (subscribe_allow_ && !bypasses_subscribe_allow(subject, scope)) {
    const auto by_queue =
        queue.empty() ? QueueMatch::none : subscribe_allow_->match_queue(subject, queue);
    const bool allowed = by_queue == QueueMatch::none ? subscribe_allow_->matches(subject)
                                                      : by_queue == QueueMatch::this_queue;
    if (!allowed) return false;
  }
  return !delivery_denied(subject, queue);
}

bool Permissions::filters_delivery(std::string_view subject,
                                   std::string_view queue) const noexcept {
  return subscribe_deny_ && (!queue.empty() || subject::has_wildcard(subject)) &&
         subscribe_deny_->collides(subject);
}

bool Permissions::delivery_denied(std::string_view subject,
                                  std::string_view queue) const noexcept {
  if (!subscribe_deny_) return false;
  if (subscribe_deny_->matches(subject)) return true;
  return !queue.empty() && subscribe_deny_->match_queue(subject, queue) ==
                               SubjectPatterns::QueueMatch::this_queue;
}

}  // namespace dunlin::auth
