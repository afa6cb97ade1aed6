#include <cstdint>
#include <string_view>

#include "tests/unit/core/protocol/recording_sink.hpp"

using dunlin::protocol::testing::Feeder;
using dunlin::protocol::testing::RecordingSink;

namespace {

RecordingSink settings_of(std::uint8_t choice) {
  RecordingSink sink;
  sink.needs_connect = choice & 1;
  sink.has_anonymous_user = choice & 2;
  sink.headers = !(choice & 4);
  if (choice & 8) sink.control_line = 32;
  sink.payload_max = choice & 16 ? 16 : 4096;
  return sink;
}

// Sizes of the pieces: the same one over and over, or a sequence that looks like chance.
class Cuts {
 public:
  explicit Cuts(std::uint8_t pattern) : pattern_(pattern), state_(pattern) {}
  std::size_t next() {
    if (pattern_ < 64) return pattern_ + 1u;
    state_ = state_ * 1103515245u + 12345u;
    return (state_ >> 16) % (pattern_ - 62u) + 1;
  }

 private:
  std::uint8_t pattern_;
  std::uint32_t state_;
};

}  // namespace

// The first byte chooses the client's settings, the second how the rest is cut. Cut or not, the
// operations have to be the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view script(reinterpret_cast<const char*>(data) + 2, size - 2);
  RecordingSink whole = settings_of(data[0]);
  Feeder(whole).feed(script);

  RecordingSink pieces = settings_of(data[0]);
  Feeder feeder(pieces);
  Cuts cuts(data[1]);
  for (std::size_t at = 0; at < script.size();) {
    const std::string_view piece = script.substr(at, cuts.next());
    feeder.feed(piece);
    at += piece.size();
  }
  if (whole.operations != pieces.operations) __builtin_trap();
  return 0;
}
