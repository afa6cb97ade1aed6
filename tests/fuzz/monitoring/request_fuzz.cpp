// Requests of strangers: whole and in pieces give the same requests. What is no request may be
// rejected sooner when it comes in pieces, since less of it has been waited for.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ensure.hpp"
#include "plugins/monitoring/request_reader.hpp"

namespace {

using dunlin::monitoring::RequestReader;

struct Outcome {
  std::string requests;
  bool is_rejected = false;
};

Outcome run(std::string_view input, std::size_t piece_size) {
  RequestReader reader;
  Outcome out;
  for (std::size_t at = 0; at < input.size(); at += piece_size) {
    auto status = reader.feed(input.substr(at, piece_size));
    while (status == RequestReader::Status::complete) {
      const auto request = reader.take();
      ensure(request.path == "*" || request.path.starts_with('/'));
      out.requests +=
          request.method + " " + request.path + "?" + request.query + "\n" + request.body + "\n";
      // What follows a request that ends its connection is never looked at.
      if (!request.keep_alive) return out;
      status = reader.feed("");
    }
    if (status == RequestReader::Status::broken) {
      ensure(reader.failure().starts_with("HTTP/1.1 "));
      out.is_rejected = true;
      return out;
    }
  }
  return out;
}

void check_same(const Outcome& a, const Outcome& b) {
  if (!a.is_rejected && !b.is_rejected) ensure(a.requests == b.requests);
  ensure(a.requests.starts_with(b.requests) || b.requests.starts_with(a.requests));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto whole = run(input, size);
  check_same(run(input, 1), whole);
  check_same(run(input, 7), whole);
  return 0;
}
