// The loader: from a file to a descriptor, checking everything that can be checked before any of
// the file's code runs.
//
//   open by the file rules -> hash or signature -> ELF: machine, search paths, needed libraries
//   -> note: identity and version -> open (all symbols bound now, none shared) -> descriptor
//
// Libraries stay open for the life of the process. Runs on control, at start and at reload.

#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "core/plugin/descriptor.hpp"
#include "core/plugin/elf_reader.hpp"
#include "core/plugin/problem.hpp"

namespace dunlin::plugin {

// The file rules always hold; the others check the contents in addition.
enum class Verify { permissions, sha256, signature };

struct LoaderOptions {
  std::string directory;  // where "<id>.so" is looked for; absolute
  Verify verify = Verify::permissions;
  std::vector<std::string> trusted_keys;
  // Further libraries a plugin may need, by file name without the part behind ".so".
  std::vector<std::string> allowed_libraries;
  uid_t service_account = ::geteuid();
  HostVersion host;
};

// What the configuration asks for.
struct PluginRequest {
  std::string id;
  std::string path;    // empty: directory + "/" + id + ".so"
  std::string sha256;  // hexadecimal; may be empty unless verify is sha256
  std::string asked_by;  // "[mqtt] at server.toml:12:1", for hints
};

// An open library; the bytes it came from were the bytes that were checked.
class Library {
 public:
  virtual ~Library() = default;
  [[nodiscard]] virtual dunlin_entry_fn entry() const = 0;
};

struct LoadedFile {
  std::string path;
  std::string sha256;
  Identity identity;  // from the note
  std::unique_ptr<Library> library;  // empty from inspect()
  Descriptor descriptor;             // empty from inspect()
};

// Everything up to opening the library; runs no code of the file.
Checked<LoadedFile> inspect_plugin(const PluginRequest& request, const LoaderOptions& options);

// inspect_plugin, then opens it. A library that was opened before is the same library.
Checked<LoadedFile> load_plugin(const PluginRequest& request, const LoaderOptions& options);

}  // namespace dunlin::plugin
