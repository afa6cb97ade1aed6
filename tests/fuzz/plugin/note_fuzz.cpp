// Any text: the note reader refuses it, or what it read keeps the rules of ids and capabilities.

#include <cstddef>
#include <cstdint>

#include "core/base/ensure.hpp"
#include "core/plugin/note.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto note = dunlin::plugin::parse_note({reinterpret_cast<const char*>(data), size});
  if (!note) return 0;
  ensure(dunlin::plugin::is_plugin_id(note->id));
  for (const auto& capability : note->provides) ensure(dunlin::plugin::is_capability(capability));
  for (const auto& need : note->needs) ensure(dunlin::plugin::is_capability(need.capability));
  return 0;
}
