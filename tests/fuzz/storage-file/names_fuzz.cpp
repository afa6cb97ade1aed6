// Names, and what stands in a store's directory: names of directories and labels.

#include <cstdint>

#include "core/base/ensure.hpp"
#include "plugins/storage-file/label.hpp"
#include "plugins/storage-file/names.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::storage_file;
  const auto input = text_of({data, size});
  if (const auto parsed = parse_directory_name(input); parsed && parsed->name) {
    ensure(static_cast<bool>(check_name(*parsed->name)));
    ensure(directory_name(parsed->id, *parsed->name) == input);
  }
  if (check_name(input)) {
    const auto directory = directory_name(size, input);
    ensure(directory.size() < 200);
    ensure(directory.find('/') == std::string::npos);
    const auto parsed = parse_directory_name(directory);
    ensure(parsed && parsed->id == size);
    ensure(!parsed->name || *parsed->name == input);
    LogLabel label;
    label.id = 1;
    label.name = input;
    auto again = read_log_label(write_label(label));
    ensure(static_cast<bool>(again));
    ensure((*again).name == input);
  }
  if (auto label = read_log_label(input)) ensure((*label).id != 0);
  static_cast<void>(read_store_label(input));
  return 0;
}
