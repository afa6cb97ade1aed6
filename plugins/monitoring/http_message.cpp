#include "http_message.hpp"

#include <algorithm>
#include <ostream>  // status.hpp of Boost 1.81 needs it and does not include it

#include <boost/beast/http/status.hpp>

namespace dunlin::monitoring {
namespace {

std::string status_text(unsigned status) {
  namespace http = boost::beast::http;
  const auto reason = http::obsolete_reason(http::int_to_status(status));
  return std::to_string(status) + " " + std::string(reason.data(), reason.size());
}

bool is_header_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  if (name.empty() || name.find_first_of(": \t") != std::string_view::npos) return;
  if (!is_header_text(name) || !is_header_text(value)) return;
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string head_of(const Response& response, const Request& request, bool keep_alive,
                    std::string_view date) {
  std::string out = request.minor_version == 0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  out += status_text(response.status) + "\r\n";
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  if (!response.content_type.empty()) append_header(out, "Content-Type", response.content_type);
  append_header(out, "Date", date);
  append_header(out, "Content-Length", std::to_string(response.body.size()));
  if (!keep_alive) {
    append_header(out, "Connection", "close");
  } else if (request.minor_version == 0) {
    append_header(out, "Connection", "keep-alive");
  }
  return out + "\r\n";
}

std::string rejection(unsigned status, std::string_view detail) {
  auto line = status_text(status);
  if (!detail.empty()) line.append(": ").append(detail);
  return "HTTP/1.1 " + line + "\r\nContent-Type: text/plain; charset=utf-8\r\n" +
         "Connection: close\r\n\r\n" + line;
}

}  // namespace dunlin::monitoring
