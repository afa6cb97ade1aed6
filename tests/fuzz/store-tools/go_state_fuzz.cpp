// The small files of strangers: read or refused. The first byte says which kind it is; the hash at
// the end of an index is put right first.

#include <vector>

#include "core/base/ensure.hpp"
#include "plugins/store-tools/go/block.hpp"
#include "plugins/store-tools/go/lifetime.hpp"
#include "plugins/store-tools/go/state_files.hpp"

namespace {

using namespace dunlin::store_tools;

void index(std::vector<std::uint8_t> file) {
  const auto key = hash_key("PLAIN");
  static_cast<void>(read_go_index(file, key));
  if (file.size() < 8) return;
  HighwayHash hash(key);
  hash.update(BytesView(file).first(file.size() - 8));
  const auto value = hash.finish();
  for (std::size_t i = 0; i < 8; ++i)
    file[file.size() - 8 + i] = static_cast<std::uint8_t>(value >> (8 * i));
  const auto read = read_go_index(file, key);
  if (!read) return;
  for (const auto& block : read->blocks) ensure(block.deleted.size() <= file.size() * 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView input(data + 1, size - 1);
  switch (data[0] % 6) {
    case 0: index({input.begin(), input.end()}); break;
    case 1: static_cast<void>(read_go_expiries(input)); break;
    case 2: static_cast<void>(read_go_schedules(input)); break;
    case 3: static_cast<void>(read_go_sources(input)); break;
    case 4: {
      const auto state = read_go_consumer(input);
      if (state) ensure(state->pending.size() <= size && state->redelivered.size() <= size);
      break;
    }
    default:
      ensure(lifetime_ns({reinterpret_cast<const char*>(input.data()), input.size()}) >= 0);
  }
  return 0;
}
