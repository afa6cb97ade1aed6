// Whatever is decoded must be the same after it was encoded and decoded again.

#include <dunlin/deleted_blocks.hpp>

#include <cstdint>
#include <cstdlib>
#include <map>

namespace {

using Runs = std::map<std::uint64_t, std::uint64_t>;  // first to last

bool decode(std::string_view text, Runs& runs) {
  const auto outcome = dunlin::decode_deleted_blocks(
      text, [&](std::uint64_t first, std::uint64_t count) {
        auto& last = runs[first];
        last = std::max(last, first + (count - 1));
      });
  // Runs that overlap or touch become one.
  for (auto run = runs.begin(); run != runs.end();) {
    const auto next = std::next(run);
    if (next == runs.end()) break;
    if (run->second == UINT64_MAX || next->first <= run->second + 1) {
      run->second = std::max(run->second, next->second);
      runs.erase(next);
    } else {
      run = next;
    }
  }
  return static_cast<bool>(outcome);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Runs runs, again;
  if (!decode({reinterpret_cast<const char*>(data), size}, runs)) return 0;
  // A run of all numbers there are has no count.
  if (!runs.empty() && runs.begin()->first == 0 && runs.begin()->second == UINT64_MAX) return 0;
  dunlin::DeletedBlocksEncoder encoder;
  for (const auto& [first, last] : runs) encoder.add(first, last - first + 1);
  if (!decode(encoder.finish(), again) || again != runs) std::abort();
  return 0;
}
