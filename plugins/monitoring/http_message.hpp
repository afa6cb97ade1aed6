// What is asked and answered, apart from how it travels.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunlin::monitoring {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string path;   // decoded, beginning with "/"; "*" for OPTIONS of the whole server
  std::string query;  // behind the "?", still encoded
  std::string remote;
  std::string body;
  Headers headers;
  unsigned minor_version = 1;  // of HTTP/1
  bool keep_alive = true;
};

struct Response {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  Headers headers;
};

inline Response plain_text(unsigned status, std::string body) {
  return {status, "text/plain; charset=utf-8", std::move(body), {}};
}

inline Response not_found() {
  auto response = plain_text(404, "404 page not found\n");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

// Status line and headers of an answer. A body follows unless the method is HEAD. Headers that
// would break the message apart are left out. `keep_alive`: whether the connection stays.
[[nodiscard]] std::string head_of(const Response& response, const Request& request,
                                  bool keep_alive, std::string_view date);

// An answer to what could not be read as a request, whole; the connection closes behind it.
[[nodiscard]] std::string rejection(unsigned status, std::string_view detail);

}  // namespace dunlin::monitoring
