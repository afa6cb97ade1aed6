#include "request_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include "limits.hpp"
#include "query.hpp"

namespace dunlin::monitoring {
namespace http = boost::beast::http;

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct RequestReader::Parser : http::request_parser<http::string_body> {
  Parser() {
    header_limit(limits::header_bytes_max);
    body_limit(limits::body_bytes_max);
    eager(false);  // so that finish() sees the header before any of the body is parsed
  }
};

RequestReader::RequestReader() = default;
RequestReader::~RequestReader() = default;

bool RequestReader::is_idle() const noexcept { return parser_ == nullptr && input_.empty(); }

RequestReader::Status RequestReader::feed(std::string_view bytes) {
  input_ += bytes;
  if (input_.empty()) return Status::need_more;
  if (!parser_) parser_ = std::make_unique<Parser>();
  boost::system::error_code error;
  std::size_t consumed = 0;
  while (!error && !parser_->is_done() && consumed < input_.size()) {
    // The chunk parser of Boost 1.81 asserts on some trailers: chunks never reach it.
    if (parser_->is_header_done() && parser_->chunked()) break;
    const auto rest = boost::asio::buffer(input_) + consumed;
    const auto size = parser_->put(rest, error);
    consumed += size;
    if (size == 0) break;
  }
  input_.erase(0, consumed);
  if (error == http::error::need_more) error = {};
  if (error == http::error::header_limit) return reject(431);
  if (error == http::error::body_limit) return reject(413);
  if (error == http::error::bad_version) return reject(505, "unsupported protocol version");
  if (error == http::error::bad_field) return reject(400, "invalid header name");
  if (error) return reject(400);
  return parser_->is_header_done() ? finish() : Status::need_more;
}

// The header is complete, the body perhaps not.
RequestReader::Status RequestReader::finish() {
  const auto& message = parser_->get();
  if (message.version() != 10 && message.version() != 11) {
    return reject(505, "unsupported protocol version");
  }
  const auto hosts = message.count(http::field::host);
  if (hosts == 0 && message.version() == 11) return reject(400, "missing required Host header");
  if (hosts > 1) return reject(400);
  // Whoever waits for leave to send a body, or sends it in chunks, gets the answer without it, and
  // the connection ends.
  const bool is_unread = parser_->chunked() ||
                         http::token_list(message[http::field::expect]).exists("100-continue");
  if (!parser_->is_done() && !is_unread) return Status::need_more;

  request_ = {};
  request_.method = std::string(view(message.method_string()));
  request_.minor_version = message.version() % 10;
  request_.keep_alive = message.keep_alive() && !is_unread;
  if (const auto ok = read_target(view(message.target())); ok != Status::complete) return ok;
  for (const auto& header : message) {
    request_.headers.emplace_back(view(header.name_string()), view(header.value()));
  }
  if (!is_unread) request_.body = std::move(parser_->get().body());
  parser_.reset();
  return Status::complete;
}

// "/path?query", "http://host/path?query", or "*".
RequestReader::Status RequestReader::read_target(std::string_view target) {
  if (target == "*" && request_.method == "OPTIONS") {
    request_.path = target;
    return Status::complete;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const auto path = target.find_first_of("/?");
    target.remove_prefix(path == std::string_view::npos ? target.size() : path);
    if (target.empty()) target = "/";
  }
  const auto question = target.find('?');
  if (question != std::string_view::npos) request_.query = target.substr(question + 1);
  if (!percent_decode(target.substr(0, question), PlusMeans::plus, request_.path)) {
    return reject(400);
  }
  return request_.path.starts_with('/') ? Status::complete : reject(400);
}

Request RequestReader::take() { return std::move(request_); }

RequestReader::Status RequestReader::reject(unsigned status, std::string_view detail) {
  failure_ = rejection(status, detail);
  input_.clear();
  return Status::broken;
}

}  // namespace dunlin::monitoring
