// Opening a shared object through Boost.DLL: all symbols bound at once, none shared with others.
// A library is never closed: thread-local destructors, exit handlers and callbacks in flight may
// still need its code. A build without a loader (PLUGIN_LOADER=OFF) does not have this file.

#pragma once

#include <memory>
#include <string>

#include "core/plugin/loader.hpp"
#include "core/plugin/verify.hpp"

namespace dunlin::plugin {

// By its exact path: the file rules keep others from replacing it meanwhile.
result<std::unique_ptr<Library>> open_library(const std::string& path);
// A sealed copy of the bytes, shown under `name`.
result<std::unique_ptr<Library>> open_sealed_library(Bytes bytes, const std::string& name);

}  // namespace dunlin::plugin
