// The metadata journal of a damaged disk, and the changes inside its frames.

#include <algorithm>
#include <cstdint>

#include "core/base/ensure.hpp"
#include "plugins/storage-file/journal.hpp"

namespace {

using namespace dunlin::storage_file;

// A change that decodes is one that encodes to what it was read from.
void check_changes(BytesView input) {
  Reader reader(input);
  while (reader.left() > 0) {
    const auto before = reader.left();
    auto change = decode_change(reader);
    if (!change) return;
    Bytes again;
    encode_change(*change, again);
    const auto from = input.subspan(input.size() - before, before - reader.left());
    ensure(again.size() == from.size());
  }
}

void check_journal(BytesView input) {
  std::uint64_t last = 0;
  const auto visit = [&](std::uint64_t commit, const std::vector<Change>&) -> dunlin::result<> {
    ensure(commit >= last);
    last = commit;
    return {};
  };
  const auto content = read_journal(input, visit);
  if (!content) return;
  auto copy = content;
  ensure((*copy).bytes <= input.size());
  const auto rest = input.subspan((*copy).bytes);
  const bool is_filling = std::all_of(rest.begin(), rest.end(), [](auto b) { return b == 0; });
  ensure(is_filling || !(*copy).damage.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(data, size);
  check_changes(input);
  check_journal(input);
  return 0;
}
