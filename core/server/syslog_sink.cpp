#include "core/server/syslog_sink.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include "core/protocol/go_quote.hpp"

namespace dunlin::server {

namespace {

constexpr const char* local_paths[] = {"/dev/log", "/var/run/syslog", "/var/run/log"};
constexpr timeval patience{0, 200'000};  // for a log elsewhere
constexpr std::chrono::seconds retry_interval{1};

std::string reason(int error) {
  std::string text = std::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

Error not_connected(std::string_view why) {
  return fail(fmt::format("error connecting to syslog: {}", protocol::go_quote(why)));
}

int severity_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical: return LOG_CRIT;
    case spdlog::level::err: return LOG_ERR;
    case spdlog::level::warn: return LOG_WARNING;
    case spdlog::level::debug: return LOG_DEBUG;
    default: return LOG_NOTICE;  // traces too, as the reference
  }
}

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

// 2026-11-21T15:04:05Z, or with the distance from UTC.
std::string rfc3339(const std::tm& time) {
  const long minutes = time.tm_gmtoff / 60;
  const std::string text = fmt::format("{:%Y-%m-%dT%H:%M:%S}", time);
  if (minutes == 0) return text + "Z";
  const long distance = minutes < 0 ? -minutes : minutes;
  return fmt::format("{}{}{:02}:{:02}", text, minutes < 0 ? '-' : '+', distance / 60,
                     distance % 60);
}

// Like Go's time.Stamp: in English, whatever the locale.
std::string stamp(const std::tm& time) {
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{} {:2} {:02}:{:02}:{:02}", months[time.tm_mon], time.tm_mday, time.tm_hour,
                     time.tm_min, time.tm_sec);
}

}  // namespace

// Turns names into addresses.
struct SyslogPlaces {
  using Place = SyslogSink::Place;

  static std::optional<Place> path(std::string_view path, int type) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, path.data(), path.size());
    return place(type, &address, sizeof address);
  }

  static result<std::vector<Place>> network(std::string_view scheme, std::string_view address) {
    const auto dial = [&](std::string_view why) {
      return not_connected(fmt::format("dial {}: {}", scheme, why));
    };
    const auto colon = address.rfind(':');
    if (colon == std::string_view::npos)
      return dial(fmt::format("address {}: missing port in address", address));
    std::string host(address.substr(0, colon));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const std::string port(address.substr(colon + 1));
    addrinfo hints{};
    hints.ai_socktype = scheme == "udp" ? SOCK_DGRAM : SOCK_STREAM;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints,
                                   &found);
    if (code != 0) return dial(fmt::format("lookup {}: {}", host, ::gai_strerror(code)));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    std::vector<Place> places;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
      places.push_back(place(hints.ai_socktype, one->ai_addr, one->ai_addrlen));
    return places;
  }

 private:
  static Place place(int type, const void* address, socklen_t size) {
    Place made{type, {}, size};
    std::memcpy(&made.address, address, size);
    return made;
  }
};

result<std::shared_ptr<SyslogSink>> SyslogSink::local() {
  std::vector<Place> places;
  for (const int type : {SOCK_DGRAM, SOCK_STREAM})
    for (const char* path : local_paths) places.push_back(*SyslogPlaces::path(path, type));
  std::shared_ptr<SyslogSink> sink(new SyslogSink(std::move(places), LOG_DAEMON, true));
  if (sink->connect() != 0) return not_connected("Unix syslog delivery error");
  return sink;
}

result<std::shared_ptr<SyslogSink>> SyslogSink::remote(std::string_view url) {
  const auto end = url.find("://");
  const auto scheme = url.substr(0, end == std::string_view::npos ? 0 : end);
  if (scheme != "udp" && scheme != "tcp" && scheme != "unix")
    return fail(fmt::format("error invalid network type: {}", protocol::go_quote(scheme)));
  const bool is_path = scheme == "unix";
  auto rest = url.substr(end + 3);
  std::vector<Place> places;
  if (is_path) {
    const auto slash = rest.find('/');
    rest.remove_prefix(std::min(slash, rest.size()));
    const auto place = SyslogPlaces::path(rest, SOCK_STREAM);
    if (!place) return not_connected(fmt::format("dial unix {}: connect: {}", rest,
                                                 reason(EINVAL)));
    places.push_back(*place);
  } else {
    rest = rest.substr(0, rest.find('/'));
    auto found = SyslogPlaces::network(scheme, rest);
    if (!found) return found.error();
    places = std::move(*found);
  }
  // The facility stays that of the kernel, as the reference sends it.
  std::shared_ptr<SyslogSink> sink(new SyslogSink(std::move(places), LOG_KERN, is_path));
  if (const int error = sink->connect(); error != 0)
    return not_connected(fmt::format("dial {} {}: connect: {}", scheme, rest, reason(error)));
  return sink;
}

SyslogSink::SyslogSink(std::vector<Place> places, int facility, bool is_here)
    : places_(std::move(places)), facility_(facility), is_here_(is_here), host_(host_name()) {}

SyslogSink::~SyslogSink() {
  if (socket_ >= 0) ::close(socket_);
}

int SyslogSink::connect() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  next_try_ = std::chrono::steady_clock::now() + retry_interval;
  int error = ENOENT;
  for (const Place& place : places_) {
    const int made = ::socket(place.address.ss_family, place.type | SOCK_CLOEXEC, 0);
    if (made < 0) {
      error = errno;
      continue;
    }
    // On Linux it bounds connecting too.
    ::setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(made, reinterpret_cast<const sockaddr*>(&place.address), place.address_size) ==
        0) {
      socket_ = made;
      return 0;
    }
    error = errno;
    ::close(made);
  }
  return error;
}

bool SyslogSink::write(std::string_view line) {
  while (socket_ >= 0 && !line.empty()) {
    const ssize_t sent = ::send(socket_, line.data(), line.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    line.remove_prefix(static_cast<std::size_t>(sent));
  }
  return socket_ >= 0;
}

std::string SyslogSink::line_of(const spdlog::details::log_msg& message) const {
  const std::time_t now = std::chrono::system_clock::to_time_t(message.time);
  std::tm time{};
  ::localtime_r(&now, &time);
  const std::string when = is_here_ ? stamp(time) : rfc3339(time) + " " + host_;
  return fmt::format("<{}>{} {}[{}]: {}\n", facility_ | severity_of(message.level), when,
                     program_invocation_short_name, ::getpid(),
                     std::string_view(message.payload.data(), message.payload.size()));
}

void SyslogSink::sink_it_(const spdlog::details::log_msg& message) {
  const std::string line = line_of(message);
  if (write(line)) return;
  if (std::chrono::steady_clock::now() < next_try_ && socket_ < 0) return;
  if (connect() == 0) (void)write(line);
}

}  // namespace dunlin::server
