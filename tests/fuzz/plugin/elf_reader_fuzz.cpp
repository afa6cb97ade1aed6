// Any bytes: the ELF reader refuses them or reads them, and never leaves the file.

#include <cstddef>
#include <cstdint>

#include "core/plugin/elf_reader.hpp"
#include "core/plugin/note.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto facts = dunlin::plugin::read_elf({data, size});
  if (facts) static_cast<void>(dunlin::plugin::parse_note(facts->note));
  return 0;
}
