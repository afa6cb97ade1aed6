// Checkpoints. What the catalogue's checksum lets through may still be from a program that was
// wrong: it is refused, or it is a state that is written as it was read.

#include <cstdint>

#include "core/base/ensure.hpp"
#include "plugins/storage-file/log/checkpoint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::storage_file::engine;
  if (size == 0) return 0;
  const bool has_subjects = (data[0] & 1) != 0;
  auto decoded = decode_state({data + 1, size - 1}, has_subjects, 7);
  if (!decoded) return 0;
  auto& state = *decoded->state;
  static_cast<void>(state.records());
  static_cast<void>(state.damaged());
  static_cast<void>(state.first_time_ns());
  auto encoded = encode_state(state);
  put_runs(decoded->runs, decoded->live, encoded);
  auto again = decode_state(encoded, has_subjects, 8);
  ensure(static_cast<bool>(again));
  ensure(again->runs == decoded->runs && again->live == decoded->live);
  auto encoded_again = encode_state(*again->state);
  put_runs(again->runs, again->live, encoded_again);
  ensure(encoded_again == encoded);
  return 0;
}
