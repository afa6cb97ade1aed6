#include "paths.hpp"

#include <algorithm>
#include <vector>

namespace dunlin::monitoring {
namespace {

// What may stand in a path as it is (RFC 3986); everything else becomes %XX.
std::string percent_encode(std::string_view path) {
  static constexpr std::string_view plain = "-._~!$&'()*+,;=:@/";
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter || (c >= '0' && c <= '9') || plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> segments;
  const bool ends_with_slash = path.ends_with('/');
  while (!path.empty()) {
    const auto segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(segment.size() + 1, path.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string out;
  for (const auto segment : segments) out.append("/").append(segment);
  if (ends_with_slash || out.empty()) out += '/';
  return out;
}

std::string normal_base(std::string_view written) {
  auto base = clean_path("/" + std::string(written));
  if (base.ends_with('/')) base.pop_back();
  return base;
}

std::optional<std::string> below_base(std::string_view base, std::string_view path) {
  if (!path.starts_with(base)) return std::nullopt;
  const auto rest = path.substr(base.size());
  if (base.empty()) return std::string(rest);
  if (rest.empty()) return "/";
  if (rest.size() < 2 || rest[0] != '/') return std::nullopt;
  return std::string(rest);
}

std::optional<Response> redirection(const Request& request) {
  const auto clean = clean_path(request.path);
  if (clean == request.path || request.method == "CONNECT") return std::nullopt;
  auto location = percent_encode(clean);
  if (!request.query.empty()) location += "?" + request.query;
  Response response{301, "text/html; charset=utf-8", {}, {}};
  response.body = "<a href=\"" + html_escape(location) + "\">Moved Permanently</a>.\n\n";
  response.headers.emplace_back("Location", location);
  return response;
}

}  // namespace dunlin::monitoring
