// Requests of strangers: whole and in pieces give the same requests and the same rejection.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ensure.hpp"
#include "plugins/monitoring/request_reader.hpp"

namespace {

using dunlin::monitoring::RequestReader;

// Everything the input amounts to, as one text.
std::string run(std::string_view input, std::size_t piece_size) {
  RequestReader reader;
  std::string out;
  for (std::size_t at = 0; at < input.size(); at += piece_size) {
    auto status = reader.feed(input.substr(at, piece_size));
    while (status == RequestReader::Status::complete) {
      const auto request = reader.take();
      ensure(request.path == "*" || request.path.starts_with('/'));
      out += request.method + " " + request.path + "?" + request.query + "\n" + request.body + "\n";
      // What follows a request that ends its connection is never looked at.
      if (!request.keep_alive) return out;
      status = reader.feed("");
    }
    if (status == RequestReader::Status::broken) return out + reader.failure();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto whole = run(input, size);
  ensure(run(input, 1) == whole);
  ensure(run(input, 7) == whole);
  return 0;
}
