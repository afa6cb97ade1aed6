#include "core/config/reload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/config/option_reader.hpp"

namespace dunlin::config {
namespace {

class Comparison {
 public:
  Comparison(const Options& running, const Options& updated)
      : running_(running), updated_(updated) {}

  ReloadDiff run() {
    for (const auto& row : top_level_options()) {
      if (row.access.print != nullptr) compare_row(row);
    }
    if (running_.monitoring.host != updated_.monitoring.host) {
      refuse("HTTPHost", running_.monitoring.host, updated_.monitoring.host);
    }
    compare_plugins();
    compare_tls();
    compare_authorization();
    compare_sections();
    return std::move(diff_);
  }

 private:
  void refuse(std::string_view field, std::string_view before, std::string_view after) {
    if (!diff_.refusal.empty()) return;
    diff_.refusal = fmt::format("config reload not supported for {}: old={}, new={}", field, before,
                                after);
  }

  void change(std::string_view key, std::string line) {
    diff_.changed.emplace(key);
    diff_.lines.push_back(std::move(line));
  }

  void compare_row(const OptionRow& row) {
    const auto before = row.access.print(&running_);
    const auto after = row.access.print(&updated_);
    if (before == after) return;
    const bool port = row.key == "port" || row.key == "http_port" || row.key == "https_port";
    if (port && after == "-1") return;
    if (row.reload == Reload::no) {
      if (row.key == "no_auth_user" && after.empty() && !has_user(before)) {
        diff_.changed.emplace(row.key);
        return;
      }
      refuse(row.field, before, after);
      return;
    }
    change(row.key, line(row, after));
  }

  static std::string line(const OptionRow& row, const std::string& after) {
    if (row.key == "client_advertise") return fmt::format("Reload: client_advertise = {}", after);
    if (row.key == "server_tags") return "Reloaded: tags";
    if (row.key == "server_metadata") return "Reloaded: metadata";
    if (row.key == "no_fast_producer_stall") {
      return fmt::format("Reloaded: fast producers will {}be stalled",
                         after == "true" ? "not " : "");
    }
    return fmt::format("Reloaded: {} = {}", row.key, after);
  }

  [[nodiscard]] bool has_user(std::string_view name) const {
    const auto& users = updated_.authorization.users;
    return std::any_of(users.begin(), users.end(),
                       [&](const User& user) { return user.name == name; });
  }

  void compare_plugins() {
    if (!(running_.plugins == updated_.plugins)) {
      diff_.refusal = diff_.refusal.empty() ? "config reload not supported for Plugins"
                                            : diff_.refusal;
    }
  }

  void compare_tls() {
    if (running_.tls == updated_.tls) return;
    const Tls none;
    const auto& before = running_.tls ? *running_.tls : none;
    const auto& after = updated_.tls ? *updated_.tls : none;
    if (before.verify_and_map != after.verify_and_map) {
      refuse("TLSMap", print_value(before.verify_and_map), print_value(after.verify_and_map));
    }
    if (before.connection_rate_limit != after.connection_rate_limit) {
      refuse("TLSRateLimit", print_value(before.connection_rate_limit),
             print_value(after.connection_rate_limit));
    }
    change("tls", fmt::format("Reloaded: tls = {}", updated_.tls ? "enabled" : "disabled"));
    if (before.timeout != after.timeout) {
      change("tls", fmt::format("Reloaded: tls timeout = {}", after.timeout));
    }
    if (before.pinned_certs != after.pinned_certs) {
      change("tls", fmt::format("Reloaded: {} pinned_certs", after.pinned_certs.size()));
    }
    if (before.handshake_first != after.handshake_first) {
      change("tls",
             fmt::format("Reloaded: Client TLS handshake first: {}", after.handshake_first));
    }
    if (before.handshake_first_fallback != after.handshake_first_fallback) {
      change("tls", fmt::format("Reloaded: Client TLS handshake first fallback delay: {}",
                                print_value(after.handshake_first_fallback)));
    }
  }

  void compare_authorization() {
    const auto& before = running_.authorization;
    const auto& after = updated_.authorization;
    if (!(before == after)) diff_.changed.emplace("authorization");
    if (running_.mappings != updated_.mappings) diff_.changed.emplace("mappings");
    const auto note = [&](bool changed, const char* what) {
      if (changed) diff_.lines.push_back(fmt::format("Reloaded: authorization {}", what));
    };
    note(before.user != after.user, "username");
    note(before.password != after.password, "password");
    note(before.token != after.token, "token");
    if (before.timeout != after.timeout) {
      diff_.lines.push_back(fmt::format("Reloaded: authorization timeout = {}", after.timeout));
    }
    // Users and accounts are applied anew at every reload.
    note(!before.users.empty() || !after.users.empty(), "users");
    diff_.lines.emplace_back("Reloaded: accounts");
  }

  // The plugins decide what of their sections may change.
  void compare_sections() {
    const auto written = [](const Options& options) {
      std::map<std::string, std::string> out;
      for (const auto& section : options.sections) {
        Map map;
        map.set(*section.entry);
        out[section.name] += canonical_json(map);
      }
      return out;
    };
    const auto before = written(running_);
    const auto after = written(updated_);
    for (const auto& [name, json] : before) {
      const auto found = after.find(name);
      if (found == after.end() || found->second != json) diff_.changed.insert(name);
    }
    for (const auto& [name, json] : after) {
      if (!before.contains(name)) diff_.changed.insert(name);
    }
  }

  const Options& running_;
  const Options& updated_;
  ReloadDiff diff_;
};

}  // namespace

ReloadDiff compare(const Options& running, const Options& updated) {
  return Comparison(running, updated).run();
}

}  // namespace dunlin::config
