// The descriptor of a plugin: copied out of its dunlin_entry with respect to its size, checked
// against the file's note, and judged by version.

#pragma once

#include <dunlin/abi.h>

#include <string>

#include "core/plugin/note.hpp"
#include "core/plugin/problem.hpp"

namespace dunlin::plugin {

// What this host is, as far as loading depends on it.
struct HostVersion {
  std::uint32_t abi = DUNLIN_ABI_VERSION;
  std::string build = DUNLIN_BUILD_ID;
};

struct Descriptor {
  Identity identity;
  std::string summary, license;
  decltype(dunlin_entry::create) create = nullptr;
};

// "0.1"
[[nodiscard]] std::string abi_text(std::uint32_t version);

// Reads `entry`; fails when it is NULL, too short or lacks what is required. `origin` is where the
// plugin comes from, for the text.
Checked<Descriptor> read_descriptor(const dunlin_entry* entry, const std::string& origin);

// May a plugin of this identity be loaded by this host? Major equal and needed not newer; before
// 1.0 the minor must match exactly; draft plugins must be of this very build.
Checked<void> check_version(const Identity& identity, const HostVersion& host,
                            const std::string& origin);

// The descriptor must say what the note said.
Checked<void> check_same(const Identity& note, const Identity& descriptor,
                         const std::string& origin);

// The instance `create` returned must have every required function.
Checked<dunlin_plugin> read_instance(const dunlin_plugin* instance, const Identity& identity);

}  // namespace dunlin::plugin
