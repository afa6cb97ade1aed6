// Options: everything the server can be told, as plain values with their defaults.
//
// The configuration readers and the command line fill it in; the server and the rooms it builds
// read it. Nothing here opens a file or a socket. Names follow the canonical configuration keys.
// Copyable; a running server keeps the one it runs with and compares at reload.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/config/tree.hpp"

namespace dunlin::config {

using Duration = std::chrono::nanoseconds;

struct Limits {
  int connections = 65536;       // -1 refuses every client
  int subscriptions = 0;         // per connection; 0 is unlimited
  int subscription_tokens = 0;   // 0 is unlimited
  int control_line = 4096;
  int payload = 1024 * 1024;
  std::int64_t pending = 64 * 1024 * 1024;
  int closed_clients = 10000;
  bool operator==(const Limits&) const = default;
};

enum class WriteTimeout { automatic, close, retry };  // automatic: close for clients

struct Logging {
  bool debug = false;
  bool trace = false;
  bool trace_verbose = false;  // traces the system account too
  bool trace_headers = false;
  int max_traced_message = 0;  // 0 is unlimited
  bool time = true;
  bool utc = false;
  std::string file;  // empty: standard error
  std::int64_t size_limit = 0;
  int files_max = 0;
  bool syslog = false;
  std::string remote_syslog;
  bool operator==(const Logging&) const = default;
};

struct Monitoring {
  std::string host;  // empty: the clients' host
  int port = 0;      // 0 is off, -1 lets the system choose
  int https_port = 0;
  std::string base_path = "/";
  bool operator==(const Monitoring&) const = default;
};

// `subject` or `subject queue`.
struct PermissionSubject {
  std::string subject;
  std::string queue;
  bool operator==(const PermissionSubject&) const = default;
};

struct SubjectPermission {
  std::optional<std::vector<PermissionSubject>> allow;  // absent: everything
  std::vector<PermissionSubject> deny;
  bool operator==(const SubjectPermission&) const = default;
};

struct ResponsePermission {
  int max = 1;                            // negative is unlimited
  Duration expires = std::chrono::minutes(2);  // negative never expires
  bool operator==(const ResponsePermission&) const = default;
};

struct Permissions {
  std::optional<SubjectPermission> publish;
  std::optional<SubjectPermission> subscribe;
  std::optional<ResponsePermission> allow_responses;
  bool operator==(const Permissions&) const = default;
};

struct User {
  std::string name;
  std::string password;
  std::string nkey;
  std::string account;  // empty: the global account
  std::optional<Permissions> permissions;
  std::set<std::string> allowed_connection_types;  // upper case; empty: any
  bool proxy_required = false;

  // Positions do not take part: a user is the same user on another line.
  Position at;
  bool operator==(const User& other) const {
    return name == other.name && password == other.password && nkey == other.nkey &&
           account == other.account && permissions == other.permissions &&
           allowed_connection_types == other.allowed_connection_types &&
           proxy_required == other.proxy_required;
  }
};

struct Authorization {
  bool defined = false;  // an authorization block stands in the configuration, even an empty one
  std::string user;
  std::string password;
  std::string token;
  double timeout = 0;  // seconds; 0: see effective_auth_timeout()
  std::vector<User> users;
  std::optional<Permissions> default_permissions;  // already applied to `users`
  bool proxy_required = false;
  bool operator==(const Authorization&) const = default;
};

struct CertificatePair {
  std::string cert_file;
  std::string key_file;
  bool operator==(const CertificatePair&) const = default;
};

struct Tls {
  std::string cert_file;
  std::string key_file;
  std::string ca_file;
  std::vector<CertificatePair> certs;
  bool verify = false;
  bool verify_and_map = false;
  bool verify_cert_and_check_known_urls = false;
  bool insecure = false;
  double timeout = 2;  // seconds
  bool handshake_first = false;
  // How long to wait for a handshake before sending INFO in plain text; zero: for ever.
  Duration handshake_first_fallback{0};
  std::string min_version = "1.2";
  std::vector<std::string> cipher_suites;  // Go names; empty: all secure ones
  bool allow_insecure_cipher_suites = false;
  std::vector<std::string> curve_preferences;
  std::set<std::string> pinned_certs;  // lower-case hex SHA-256 of the public key
  std::int64_t connection_rate_limit = 0;
  bool operator==(const Tls&) const = default;
};

struct MappingDestination {
  std::string subject;
  int weight = 100;
  std::string cluster;
  bool operator==(const MappingDestination&) const = default;
};

struct Mapping {
  std::string source;
  std::vector<MappingDestination> destinations;
  bool operator==(const Mapping&) const = default;
};

// One plugin to load.
struct PluginEntry {
  std::string id;
  std::string path;    // empty: looked up in the plugin directory
  std::string sha256;  // lower-case hex, empty: not checked
  bool required = true;
  Position at;
  bool operator==(const PluginEntry& other) const {
    return id == other.id && path == other.path && sha256 == other.sha256 &&
           required == other.required;
  }
};

enum class PluginVerify { permissions, sha256, signature };

struct Plugins {
  std::string directory;  // empty: the directory the server was built with
  PluginVerify verify = PluginVerify::permissions;  // of the contents; the file rules always hold
  std::vector<std::string> libraries;  // further ones plugins may need: `libcurl`
  std::vector<PluginEntry> load;
  std::vector<std::string> trusted_keys;
  bool operator==(const Plugins&) const = default;
};

// A section some plugin owns, kept for that plugin to read and check.
struct Section {
  std::string name;  // canonical: `jetstream`, `leafnodes`
  std::shared_ptr<const Entry> entry;
};

struct Options {
  std::string config_file;
  std::string config_digest;  // `sha256:...`, empty without a file

  std::string host = "0.0.0.0";
  int port = 4222;  // -1 lets the system choose
  std::string server_name;
  std::string client_advertise;
  std::vector<std::string> server_tags;
  std::map<std::string, std::string> server_metadata;
  std::map<std::string, bool> feature_flags;

  Limits limits;
  Duration ping_interval = std::chrono::minutes(2);
  int ping_max = 2;
  Duration write_deadline = std::chrono::seconds(10);
  WriteTimeout write_timeout = WriteTimeout::automatic;
  Duration lame_duck_duration = std::chrono::minutes(2);
  Duration lame_duck_grace_period = std::chrono::seconds(10);
  bool no_fast_producer_stall = false;
  bool no_header_support = false;
  bool disable_sublist_cache = false;
  bool proxy_protocol = false;
  int connect_error_reports = 3600;
  int reconnect_error_reports = 1;

  Logging logging;
  std::string pid_file;
  std::string ports_file_dir;
  Monitoring monitoring;
  int profile_port = 0;
  int profile_block_rate = 0;

  Authorization authorization;
  std::string no_auth_user;
  std::string system_account;  // empty: the default one
  bool no_system_account = false;
  std::optional<Tls> tls;
  bool allow_non_tls = false;
  std::vector<Mapping> mappings;  // of the global account

  std::string store_dir;
  Plugins plugins;
  int threads = 0;  // shards; 0: one per core
  int read_buffer_size = 256 * 1024;

  std::vector<Section> sections;
};

// Seconds a client has to authenticate: as configured, or two, or one more than the TLS handshake.
[[nodiscard]] double effective_auth_timeout(const Options& options) noexcept;

}  // namespace dunlin::config
