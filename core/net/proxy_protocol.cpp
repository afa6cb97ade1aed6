// Stages: detect (6 bytes decide) -> line (version 1: up to CRLF) -> done
//                                 -> binary (version 2: signature, head, address) -> skip -> done

#include "core/net/proxy_protocol.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/base/ensure.hpp"

namespace dunlin::net {
namespace {

constexpr std::string_view line_prefix = "PROXY ";
constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t detect_size = 6;
constexpr std::size_t head_size = 16;
static_assert(line_prefix.size() == detect_size);

constexpr std::size_t ipv4_size = 12, ipv6_size = 36;  // two addresses, two ports

std::string ipv4_text(const char* bytes) {
  char text[INET_ADDRSTRLEN];
  ensure(inet_ntop(AF_INET, bytes, text, sizeof text) != nullptr);
  return text;
}

std::string ipv6_text(const char* bytes) {
  in6_addr address;
  std::memcpy(&address, bytes, sizeof address);
  if (IN6_IS_ADDR_V4MAPPED(&address)) return ipv4_text(bytes + 12);
  char text[INET6_ADDRSTRLEN];
  ensure(inet_ntop(AF_INET6, &address, text, sizeof text) != nullptr);
  return text;
}

// The address in its usual form, or nothing when `text` is not one.
std::optional<std::string> normal_address(std::string_view text) {
  const std::string terminated(text);
  char bytes[sizeof(in6_addr)];
  if (inet_pton(AF_INET, terminated.c_str(), bytes) == 1) return ipv4_text(bytes);
  if (inet_pton(AF_INET6, terminated.c_str(), bytes) == 1) return ipv6_text(bytes);
  return std::nullopt;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::uint16_t big_endian(const char* bytes) noexcept {
  const auto byte = [&](int i) { return static_cast<unsigned char>(bytes[i]); };
  return static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
}

// Splits at blanks; returns how many fields there are, of which the first `fields.size()` are kept.
template <std::size_t n>
std::size_t split(std::string_view line, std::array<std::string_view, n>& fields) {
  constexpr std::string_view blanks = " \t\n\v\f\r";
  std::size_t count = 0;
  for (auto at = line.find_first_not_of(blanks); at != std::string_view::npos; ++count) {
    const auto end = std::min(line.find_first_of(blanks, at), line.size());
    if (count < n) fields[count] = line.substr(at, end - at);
    at = line.find_first_not_of(blanks, end);
  }
  return count;
}

bool is_ipv6_text(std::string_view text) { return text.find(':') != std::string_view::npos; }

}  // namespace

ProxyHeader::Step ProxyHeader::feed(std::string_view piece) {
  ensure(stage_ != Stage::finished);
  const std::size_t given = piece.size();
  const std::uint8_t held_before = size_;
  const Status status = advance(piece);
  if (status == Status::not_proxy) {
    size_ = held_before;
    return {status, 0};
  }
  return {status, given - piece.size()};
}

ProxyHeader::Status ProxyHeader::advance(std::string_view& piece) {
  while (true) {
    std::optional<Status> status;
    switch (stage_) {
      case Stage::detect: status = detect(piece); break;
      case Stage::line: status = read_line(piece); break;
      case Stage::binary: status = read_binary(piece); break;
      case Stage::skip: status = skip_rest(piece); break;
      case Stage::finished: ensure(false); break;
    }
    if (!status) continue;
    if (*status != Status::need_more) stage_ = Stage::finished;
    return *status;
  }
}

// Moves bytes from the piece into the buffer until it holds `until`; false when they ran out.
bool ProxyHeader::take(std::string_view& piece, std::size_t until) {
  ensure(until <= buffer_.size());
  if (size_ >= until) return true;
  const std::size_t count = std::min(until - size_, piece.size());
  std::copy_n(piece.data(), count, buffer_.data() + size_);
  size_ = static_cast<std::uint8_t>(size_ + count);
  piece.remove_prefix(count);
  return size_ == until;
}

std::optional<ProxyHeader::Status> ProxyHeader::detect(std::string_view& piece) {
  if (!take(piece, detect_size)) return Status::need_more;
  if (held() == line_prefix) stage_ = Stage::line;
  else if (held() == signature.substr(0, detect_size)) stage_ = Stage::binary;
  else return Status::not_proxy;
  return std::nullopt;
}

std::optional<ProxyHeader::Status> ProxyHeader::read_line(std::string_view& piece) {
  while (!piece.empty() && size_ < line_size_max) {
    take(piece, size_ + 1u);
    const auto line = held().substr(line_prefix.size());
    if (line.ends_with("\r\n")) return parse_line(line.substr(0, line.size() - 2));
  }
  return size_ == line_size_max ? refuse("the line is too long") : Status::need_more;
}

ProxyHeader::Status ProxyHeader::parse_line(std::string_view line) {
  std::array<std::string_view, 5> fields;
  const std::size_t count = split(line, fields);
  if (count > 0 && fields[0] == "UNKNOWN") return Status::done;
  if (count != fields.size()) return refuse("the line does not have five fields");
  const auto [family, source_ip, target_ip, source_port, target_port] = fields;
  const auto address = normal_address(source_ip);
  if (!address || !normal_address(target_ip)) return refuse("an address is invalid");
  const auto port = port_of(source_port);
  if (!port || !port_of(target_port)) return refuse("a port is invalid");
  if (family != "TCP4" && family != "TCP6") return refuse("the protocol is not TCP4 or TCP6");
  const bool wants_ipv6 = family == "TCP6";
  if (is_ipv6_text(source_ip) != wants_ipv6 || is_ipv6_text(target_ip) != wants_ipv6)
    return refuse("an address is not of the announced family");
  source_ = Source{*address, *port};
  return Status::done;
}

std::optional<ProxyHeader::Status> ProxyHeader::read_binary(std::string_view& piece) {
  if (size_ < signature.size() && !take(piece, signature.size())) return Status::need_more;
  if (held().substr(0, signature.size()) != signature) return refuse("the signature is invalid");
  if (size_ < head_size) {
    if (!take(piece, head_size)) return Status::need_more;
    if (const auto status = check_binary_head()) return status;
  }
  if (!take(piece, head_size + address_size_)) return Status::need_more;
  read_binary_address();
  stage_ = Stage::skip;
  return std::nullopt;
}

// Decides how much of the body is kept and how much is skipped.
std::optional<ProxyHeader::Status> ProxyHeader::check_binary_head() {
  constexpr unsigned local = 0, proxy = 1, unspecified = 0, ipv4 = 1, ipv6 = 2, stream = 1;
  const auto command = static_cast<unsigned char>(buffer_[12]);
  const auto family = static_cast<unsigned char>(buffer_[13]);
  const std::uint16_t body_size = big_endian(buffer_.data() + 14);
  skip_size_ = body_size;
  if (command >> 4 != 2) return refuse("the version is not 2");
  if ((command & 15u) == local) return std::nullopt;
  if ((command & 15u) != proxy) return refuse("the command is unknown");
  if ((family & 15u) != stream) return refuse("only the STREAM protocol is supported");
  if (family >> 4 == unspecified) return std::nullopt;
  if (family >> 4 != ipv4 && family >> 4 != ipv6)
    return refuse("the address family is not supported");
  const std::size_t size = family >> 4 == ipv4 ? ipv4_size : ipv6_size;
  if (body_size < size) return refuse("the address is too short");
  address_size_ = static_cast<std::uint8_t>(size);
  skip_size_ = static_cast<std::uint16_t>(body_size - size);
  return std::nullopt;
}

void ProxyHeader::read_binary_address() {
  const char* address = buffer_.data() + head_size;
  if (address_size_ == ipv4_size) source_ = Source{ipv4_text(address), big_endian(address + 8)};
  if (address_size_ == ipv6_size) source_ = Source{ipv6_text(address), big_endian(address + 32)};
}

std::optional<ProxyHeader::Status> ProxyHeader::skip_rest(std::string_view& piece) {
  const std::size_t count = std::min<std::size_t>(skip_size_, piece.size());
  piece.remove_prefix(count);
  skip_size_ = static_cast<std::uint16_t>(skip_size_ - count);
  return skip_size_ == 0 ? Status::done : Status::need_more;
}

ProxyHeader::Status ProxyHeader::refuse(std::string_view reason) noexcept {
  reason_ = reason;
  return Status::broken;
}

}  // namespace dunlin::net
