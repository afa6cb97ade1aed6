// Reads what must be known about a shared object before any of its code runs.
//
// Works on the bytes alone and trusts none of them: every offset and size is checked against the
// file. What the dynamic loader would act on (needed libraries, search paths) is read the way the
// loader reads it, from the program headers; the plugin note and the symbols from the sections.
// Source: System V ABI, "Object Files"; ELF-64.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::plugin {

struct ElfFacts {
  std::uint16_t machine = 0;
  std::vector<std::string> needed;   // DT_NEEDED
  std::vector<std::string> rpath;    // DT_RPATH and DT_RUNPATH
  std::vector<std::string> defined;  // global dynamic symbols this file defines
  std::string note;                  // bytes of the section .dunlin.plugin; empty when absent
};

// Fails with a sentence fragment such as "it is not an ELF file", to be put behind a file name.
result<ElfFacts> read_elf(std::span<const std::uint8_t> file);

// The machine this server was built for, and names for messages ("x86-64").
[[nodiscard]] std::uint16_t own_machine() noexcept;
[[nodiscard]] std::string machine_name(std::uint16_t machine);

}  // namespace dunlin::plugin
