// The files a server leaves for others: its process id, and where it listens.

#include <fmt/format.h>
#include <ifaddrs.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "core/base/log.hpp"
#include "core/server/server.hpp"

namespace dunlin::server {

namespace {

bool write_file(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return file.good() && ::chmod(path.c_str(), mode) == 0;
}

std::vector<std::string> addresses_of(const std::string& host) {
  if (!host.empty() && host != "0.0.0.0" && host != "::") return {host};
  std::vector<std::string> addresses;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return addresses;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(first, freeifaddrs);
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    const std::string ip = net::address_of(each->ifa_addr).ip;
    if (ip.empty()) continue;
    addresses.push_back(ip.find(':') == std::string::npos ? ip : "[" + ip + "]");
  }
  return addresses;
}

}  // namespace

result<> Server::write_pid_file() const {
  if (write_file(options_.pid_file, std::to_string(getpid()), 0600)) return {};
  return fail(fmt::format("Could not write pidfile: open {}: {}", options_.pid_file,
                          std::strerror(errno)));
}

void Server::write_ports_file() {
  if (options_.ports_file_dir.empty()) return;
  const std::size_t slash = argv0_.rfind('/');
  ports_file_ = fmt::format("{}/{}_{}.ports", options_.ports_file_dir,
                            slash == std::string::npos ? argv0_ : argv0_.substr(slash + 1),
                            getpid());
  std::string urls;
  for (const std::string& address : addresses_of(options_.host)) {
    if (!urls.empty()) urls += ',';
    urls += fmt::format("\"{}://{}:{}\"", options_.tls ? "tls" : "nats", address, client_port_);
  }
  const mode_t mask = umask(0);
  umask(mask);
  if (!write_file(ports_file_, fmt::format("{{\"nats\":[{}]}}", urls), 0666 & ~mask))
    log_error("Error writing ports file ({}): {}", ports_file_, std::strerror(errno));
}

void Server::remove_ports_file() const {
  if (!ports_file_.empty()) std::remove(ports_file_.c_str());
}

}  // namespace dunlin::server
