// PROXY headers: whole and byte by byte give the same answer, and every byte is accounted for.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ensure.hpp"
#include "core/net/proxy_protocol.hpp"

namespace {

using dunlin::net::ProxyHeader;

struct Outcome {
  ProxyHeader::Status status = ProxyHeader::Status::need_more;
  std::string rest, source;
  bool operator==(const Outcome&) const = default;
};

Outcome run(std::string_view input, std::size_t piece_size) {
  ProxyHeader header;
  Outcome outcome;
  for (std::size_t at = 0; at < input.size(); at += piece_size) {
    const auto piece = input.substr(at, piece_size);
    const auto step = header.feed(piece);
    ensure(step.consumed <= piece.size());
    if (step.status == ProxyHeader::Status::need_more) {
      ensure(step.consumed == piece.size());
      continue;
    }
    outcome.status = step.status;
    if (step.status == ProxyHeader::Status::broken) return outcome;
    outcome.rest = std::string(input.substr(at + step.consumed));
    if (step.status == ProxyHeader::Status::not_proxy) {
      outcome.rest.insert(0, header.held());
      ensure(outcome.rest == input);
    }
    if (header.source())
      outcome.source = header.source()->ip + '/' + std::to_string(header.source()->port);
    return outcome;
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const Outcome whole = run(input, size);
  ensure(run(input, 1) == whole);
  ensure(run(input, 5) == whole);
  return 0;
}
