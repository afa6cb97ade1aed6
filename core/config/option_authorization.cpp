// The authorization block: users, permissions, and the mappings of subjects.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "core/config/conf_scalar.hpp"
#include "core/config/option_reader.hpp"
#include "core/protocol/go_quote.hpp"
#include "core/subject/subject.hpp"
#include "core/subject/transform.hpp"

namespace dunlin::config {
namespace {

using enum OptionType;
using protocol::go_quote;
using Reader = OptionReader;
using Row = OptionRow;

constexpr auto no = Reload::no;
constexpr auto yes = Reload::yes;

template <class T>
T& as(void* target) {
  return *static_cast<T*>(target);
}

// ---- permissions -------------------------------------------------------------------------------

// What stands in place of a value in messages: the way Go prints it.
std::string shown(const Value& value) {
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* flag = value.as<bool>()) return print_value(*flag);
  if (const auto* number = value.as<std::int64_t>()) return print_value(*number);
  if (const auto* number = value.as<double>()) return print_value(*number);
  return std::string(type_name(value));
}

// The reason why `text` cannot be a permission, or nothing.
std::string split_permission(const std::string& text, bool queue_allowed, PermissionSubject& out) {
  out = {text, ""};
  if (subject::is_valid_subject(text)) return {};
  std::istringstream words(text);
  std::string subject, queue, rest;
  words >> subject >> queue >> rest;
  if (!queue_allowed || queue.empty() || !rest.empty()) {
    return fmt::format("subject {} is not a valid subject", go_quote(text));
  }
  if (!subject::is_valid_subject(subject)) {
    return fmt::format("subject {} is not a valid subject", go_quote(subject));
  }
  if (!subject::is_valid_subject(queue)) {
    return fmt::format("queue {} is not a valid queue", go_quote(queue));
  }
  out = {subject, queue};
  return {};
}

bool read_subjects(Reader& reader, const Value& value, bool queue_allowed,
                   std::vector<PermissionSubject>& out) {
  std::vector<std::string> texts;
  if (const auto* text = value.as<std::string>()) {
    texts.push_back(*text);
  } else if (const auto* array = value.as<Array>()) {
    for (const auto& element : *array) {
      if (const auto* inner = element.as<std::string>()) {
        texts.push_back(*inner);
        continue;
      }
      reader.error(element.at, "Subject in permissions array cannot be cast to string");
      return false;
    }
  } else {
    reader.error(value.at, fmt::format("Expected subject permissions to be a subject, or array of "
                                       "subjects, got {}", type_name(value)));
    return false;
  }
  for (const auto& text : texts) {
    if (auto reason = split_permission(text, queue_allowed, out.emplace_back()); !reason.empty()) {
      reader.error(value.at, std::move(reason));
      return false;
    }
  }
  return true;
}

// `subject`, `[subjects]` or `{ allow: ..., deny: ... }`.
void read_subject_permission(Reader& reader, const Value& value, bool queue_allowed,
                             std::optional<SubjectPermission>& out) {
  SubjectPermission permission;
  std::vector<PermissionSubject> allow;
  const auto* map = value.as<Map>();
  if (map == nullptr) {
    if (!read_subjects(reader, value, queue_allowed, allow)) return;
    if (!allow.empty()) permission.allow = std::move(allow);
    out = std::move(permission);
    return;
  }
  if (map->empty()) return;
  for (const auto& entry : map->entries()) {
    const auto key = lower_case(entry.key);
    if (key == "allow") {
      if (read_subjects(reader, entry.value, queue_allowed, allow) && !allow.empty()) {
        permission.allow = std::move(allow);
      }
    } else if (key == "deny") {
      read_subjects(reader, entry.value, queue_allowed, permission.deny);
    } else if (!entry.used_variable) {
      reader.error(entry.at, fmt::format("Unknown field name {} parsing subject permissions, only "
                                         "'allow' or 'deny' are permitted", go_quote(entry.key)));
    }
  }
  out = std::move(permission);
}

void apply_publish(Reader& reader, const Row&, void* target, const Entry& entry) {
  read_subject_permission(reader, entry.value, false, as<Permissions>(target).publish);
}

void apply_subscribe(Reader& reader, const Row&, void* target, const Entry& entry) {
  read_subject_permission(reader, entry.value, true, as<Permissions>(target).subscribe);
}

void unknown_permission(Reader& reader, const Entry& entry, std::span<const OptionRow>) {
  if (entry.used_variable) return;
  reader.error(entry.at, fmt::format("Unknown field {} parsing permissions", go_quote(entry.key)));
}

// Zero means the default, a negative number no limit.
void apply_response_max(Reader& reader, const Row& row, void* target, const Entry& entry) {
  int max = 0;
  reader.store(row, entry, max);
  if (max != 0) as<ResponsePermission>(target).max = max;
}

void apply_response_expires(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* text = entry.value.as<std::string>();
  if (text == nullptr) {
    reader.error(entry.at, "error parsing expires, not a duration string");
    return;
  }
  const auto duration = parse_duration(*text);
  if (!duration) {
    reader.error(entry.at, "error parsing expires: " + duration.error().text);
  } else if (*duration != Duration::zero()) {
    as<ResponsePermission>(target).expires = *duration;
  }
}

const OptionRow response_rows[] = {
    {"max", {"max_msgs", "max_messages", "max_responses"}, integer, "1", yes, "",
     "Replies to one request; negative: any number.", {apply_response_max, nullptr}},
    {"expires", {"expiration", "ttl"}, duration_text, "2m", yes, "",
     "Time in which to reply; negative: any time.", {apply_response_expires, nullptr}},
};

void apply_responses(Reader& reader, const Row&, void* target, const Entry& entry) {
  auto& permissions = as<Permissions>(target);
  if (const auto* flag = entry.value.as<bool>()) {
    if (*flag) permissions.allow_responses.emplace();
    return;
  }
  const auto* map = entry.value.as<Map>();
  if (map == nullptr) {
    reader.error(entry.at, "error parsing response permissions, expected a boolean or a map");
    return;
  }
  reader.read_block(response_rows, &permissions.allow_responses.emplace(), *map,
                    unknown_permission);
}

const OptionRow permission_rows[] = {
    {"publish", {"pub", "import"}, any, "everything", yes, "",
     "Subjects to publish to: one, a list, or allow and deny.", {apply_publish, nullptr}},
    {"subscribe", {"sub", "export"}, any, "everything", yes, "",
     "Subjects to subscribe to, optionally with a queue: \"subject queue\".",
     {apply_subscribe, nullptr}},
    {"allow_responses", {"publish_allow_responses"}, any, "false", yes, "",
     "Allow replies to received requests.", {apply_responses, nullptr}, response_rows},
};

std::optional<Permissions> read_permissions(Reader& reader, const Entry& entry) {
  const auto* map = entry.value.as<Map>();
  if (map == nullptr) {
    reader.error(entry.at, fmt::format("Expected permissions to be a map/struct, got {}",
                                       shown(entry.value)));
    return std::nullopt;
  }
  Permissions permissions;
  reader.read_block(permission_rows, &permissions, *map, unknown_permission);
  if (permissions.allow_responses) {
    // Replies instead of everything, unless subjects are allowed by name.
    auto& publish = permissions.publish ? *permissions.publish : permissions.publish.emplace();
    if (!publish.allow) publish.allow.emplace();
  }
  return permissions;
}

// ---- users -------------------------------------------------------------------------------------

void apply_user_permissions(Reader& reader, const Row&, void* target, const Entry& entry) {
  as<User>(target).permissions = read_permissions(reader, entry);
}

void apply_connection_types(Reader& reader, const Row&, void* target, const Entry& entry) {
  std::vector<std::string> types;
  if (!reader.texts("allowed connection types", entry.value, types)) return;
  std::string unknown;
  for (auto& type : types) {
    for (char& c : type) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    constexpr std::string_view known[] = {"STANDARD", "WEBSOCKET", "LEAFNODE",  "LEAFNODE_WS",
                                          "MQTT",     "MQTT_WS",   "IN_PROCESS"};
    if (std::find(std::begin(known), std::end(known), type) == std::end(known)) {
      unknown += (unknown.empty() ? "" : " ") + go_quote(type);
    }
    as<User>(target).allowed_connection_types.insert(type);
  }
  if (!unknown.empty()) {
    reader.error(entry.at, fmt::format("invalid connection types [{}]", unknown));
  }
}

void refuse_if_set(Reader& reader, const Row& row, void*, const Entry& entry) {
  if (const auto* flag = entry.value.as<bool>(); flag != nullptr && !*flag) return;
  if (row.key == "auth_callout") {
    reader.refuse_plugin(entry, "operator");
  } else if (row.key == "proxy_required") {
    reader.refuse_feature(entry, "trusted proxies");
  } else {
    reader.refuse_feature(entry, "the accounts feature");
  }
}

bool is_bcrypt(std::string_view text) {
  return text.starts_with("$2a$") || text.starts_with("$2b$") || text.starts_with("$2x$") ||
         text.starts_with("$2y$");
}

// A password or token in plain text; bcrypt comes with the accounts feature.
template <class Owner, std::string Owner::*Secret>
void apply_secret(Reader& reader, const Row& row, void* target, const Entry& entry) {
  std::string secret;
  reader.store(row, entry, secret);
  if (is_bcrypt(secret)) {
    reader.error(entry.at, fmt::format("a bcrypt {} is not available in this server yet: it needs "
                                       "the accounts feature", row.key));
    return;
  }
  as<Owner>(target).*Secret = std::move(secret);
}

const OptionRow user_rows[] = {
    {"user", {"username"}, text, "", yes, "", "Name of the user.", stored<&User::name>()},
    {"password", {"pass"}, text, "", yes, "", "Password of the user.",
     {apply_secret<User, &User::password>, nullptr}},
    {"nkey", {}, text, "", yes, "", "Public key of the user, in place of name and password.",
     {refuse_if_set, nullptr}},
    {"permissions", {"permission", "authorization"}, map, "default_permissions", yes, "",
     "What the user may do.", {apply_user_permissions, nullptr}, permission_rows},
    {"allowed_connection_types", {"connection_types", "clients"}, texts, "any", yes, "",
     "STANDARD, WEBSOCKET, LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS, IN_PROCESS.",
     {apply_connection_types, nullptr}},
    {"proxy_required", {}, boolean, "false", yes, "",
     "The user must come through a trusted proxy.", {refuse_if_set, nullptr}},
};

void apply_users(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* array = entry.value.as<Array>();
  if (array == nullptr) {
    reader.error(entry.at, fmt::format("Expected users field to be an array, got {}",
                                       shown(entry.value)));
    return;
  }
  for (const auto& element : *array) {
    const auto* map = element.as<Map>();
    if (map == nullptr) {
      reader.error(element.at, fmt::format("Expected user entry to be a map/struct, got {}",
                                           shown(element)));
      continue;
    }
    const auto before = reader.error_count();
    User user;
    user.at = element.at;
    reader.read_block(user_rows, &user, *map);
    if (user.name.empty()) {
      if (reader.error_count() == before) {
        const auto& at = map->empty() ? element.at : map->entries().back().at;
        reader.error(at, "User entry requires a user");
      }
      continue;
    }
    as<Authorization>(target).users.push_back(std::move(user));
  }
}

void apply_default_permissions(Reader& reader, const Row&, void* target, const Entry& entry) {
  as<Authorization>(target).default_permissions = read_permissions(reader, entry);
}

void apply_auth_timeout(Reader& reader, const Row& row, void* target, const Entry& entry) {
  auto& timeout = as<Authorization>(target).timeout;
  reader.store(row, entry, timeout);
  if (timeout <= 60) return;
  reader.warn_use(
      entry.at, entry.key,
      fmt::format("timeout of {} ({:f} seconds) is high, consider keeping it under 60 seconds. "
                  "possibly caused by unquoted duration; use '1m' instead of 1m, for example",
                  shown(entry.value), timeout));
}

const OptionRow rows[] = {
    {"user", {"username"}, text, "", yes, "Username", "Name of the only user.",
     stored<&Authorization::user>()},
    {"password", {"pass"}, text, "", yes, "Password", "Password of the only user.",
     {apply_secret<Authorization, &Authorization::password>, nullptr}},
    {"token", {}, text, "", yes, "Authorization", "Token all clients share.",
     {apply_secret<Authorization, &Authorization::token>, nullptr}},
    {"timeout", {}, seconds, "2, or the TLS timeout and 1", yes, "authorization",
     "Time a client has to authenticate.", {apply_auth_timeout, nullptr}},
    {"users", {}, list, "", yes, "Users", "Users with name and password.", {apply_users, nullptr},
     user_rows},
    {"default_permissions", {"default_permission", "permissions"}, map, "everything", yes, "Users",
     "For users without permissions of their own.", {apply_default_permissions, nullptr},
     permission_rows},
    {"auth_callout", {"auth_hook"}, map, "", no, "AuthCallout", "Let a service authenticate.",
     {refuse_if_set, nullptr}, {}, "operator"},
    {"proxy_required", {}, boolean, "false", no, "ProxyRequired",
     "Clients must come through a trusted proxy.", {refuse_if_set, nullptr}},
};

// The reason why the parts of the block do not go together, or nothing.
std::string conflict(const Authorization& authorization, bool users_listed) {
  if ((!authorization.user.empty() || !authorization.password.empty()) &&
      !authorization.token.empty()) {
    return "Cannot have a user/pass and token";
  }
  if (!users_listed) return {};
  if (!authorization.user.empty()) return "Can not have a single user/pass and a users array";
  if (!authorization.token.empty()) return "Can not have a token and a users array";
  std::set<std::string_view> names;
  for (const auto& user : authorization.users) {
    if (!names.insert(user.name).second) {
      return fmt::format("Duplicate user {} detected", go_quote(user.name));
    }
  }
  return {};
}

// ---- mappings ----------------------------------------------------------------------------------

bool read_weight(Reader& reader, const Entry& entry, int& weight) {
  std::int64_t value = -1;
  if (const auto* number = entry.value.as<std::int64_t>()) {
    value = *number;
  } else if (const auto* text = entry.value.as<std::string>()) {
    std::string_view digits = *text;
    if (digits.ends_with('%')) digits.remove_suffix(1);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) {
      reader.error(entry.at, fmt::format("Invalid weight {} for mapping destination",
                                         go_quote(digits)));
      return false;
    }
  } else {
    reader.error(entry.at, fmt::format("Unknown entry type for weight of {}", shown(entry.value)));
    return false;
  }
  if (value < 0 || value > 100) {
    reader.error(entry.at, fmt::format("Invalid weight {} for mapping destination", value));
    return false;
  }
  weight = static_cast<int>(value);
  return true;
}

bool read_destination(Reader& reader, const Value& value, MappingDestination& out) {
  const auto* map = value.as<Map>();
  if (map == nullptr) {
    reader.error(value.at, "Expected an entry for the mapping destination");
    return false;
  }
  bool weighted = false;
  for (const auto& entry : map->entries()) {
    const auto key = lower_case(entry.key);
    if (key == "dest" || key == "destination" || key == "cluster") {
      const auto* text = reader.expect<std::string>(entry.value);
      if (text == nullptr) return false;
      (key == "cluster" ? out.cluster : out.subject) = *text;
    } else if (key == "weight") {
      weighted = read_weight(reader, entry, out.weight);
      if (!weighted) return false;
    } else {
      reader.error(entry.at, fmt::format("Unknown field {} for mapping destination",
                                         go_quote(entry.key)));
      return false;
    }
  }
  if (!weighted) {
    reader.error(value.at, fmt::format("Missing weight for mapping destination {}",
                                       go_quote(out.subject)));
  }
  return weighted;
}

// The reason why the destinations of one subject do not work or go together, or nothing.
std::string mapping_conflict(const Mapping& mapping) {
  std::map<std::string_view, int> totals;
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const auto& destination : mapping.destinations) {
    const auto transform = subject::Transform::create(mapping.source, destination.subject);
    if (!transform) return transform.error().text;
    if (!seen.insert({destination.cluster, destination.subject}).second) {
      return fmt::format("duplicate entry for {}", go_quote(destination.subject));
    }
    if ((totals[destination.cluster] += destination.weight) > 100) {
      return "total weight needs to be <= 100";
    }
  }
  return {};
}

}  // namespace

void apply_authorization(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* map = reader.expect<Map>(entry.value);
  if (map == nullptr) return;
  Authorization authorization;
  authorization.defined = true;
  reader.read_block(rows, &authorization, *map);
  const bool users_listed = std::any_of(
      map->entries().begin(), map->entries().end(),
      [](const Entry& inner) { return lower_case(inner.key) == "users"; });
  if (auto reason = conflict(authorization, users_listed); !reason.empty()) {
    reader.error(entry.at, std::move(reason));
    return;
  }
  for (auto& user : authorization.users) {
    if (!user.permissions) user.permissions = authorization.default_permissions;
  }
  as<Options>(target).authorization = std::move(authorization);
}

void apply_mappings(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* map = reader.expect<Map>(entry.value);
  if (map == nullptr) return;
  for (const auto& [source, value, at, used] : map->entries()) {
    if (!subject::is_valid_subject(source)) {
      reader.error(entry.at, fmt::format("Subject {} is not a valid subject", go_quote(source)));
      continue;
    }
    Mapping mapping{source, {}};
    if (const auto* text = value.as<std::string>()) {
      mapping.destinations.push_back({*text, 100, ""});
    } else if (const auto* array = value.as<Array>()) {
      for (const auto& element : *array) {
        MappingDestination destination;
        if (read_destination(reader, element, destination)) {
          mapping.destinations.push_back(std::move(destination));
        }
      }
    } else {
      MappingDestination destination;
      if (!read_destination(reader, value, destination)) continue;
      mapping.destinations.push_back(std::move(destination));
    }
    if (auto reason = mapping_conflict(mapping); !reason.empty()) {
      const auto* text = value.as<std::string>();
      const auto to = text != nullptr ? " to " + go_quote(*text) : std::string();
      reader.error(at,
                   fmt::format("Error adding mapping for {}{} : {}", go_quote(source), to, reason));
      continue;
    }
    as<Options>(target).mappings.push_back(std::move(mapping));
  }
}

std::span<const OptionRow> authorization_options() noexcept { return rows; }

}  // namespace dunlin::config
