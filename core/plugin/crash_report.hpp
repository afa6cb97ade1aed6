// Crash report: when the process dies by a signal, which plugin's code was it?
//
// The handler runs in the dying process: it only compares the faulting address with a table filled
// when plugins were loaded, and writes one line. The signal then takes its default course, with a
// core dump where those are on.

#pragma once

#include <string>

namespace dunlin::plugin {

// Installs the handler for SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, on a stack of its own for
// the calling thread. Call once, on the main thread, before plugins are loaded.
void install_crash_report() noexcept;

// Remembers the code range of the library that contains `inside` as belonging to `id`.  [control]
void add_code_range(const std::string& id, const void* inside);

// While a plugin's lifecycle function runs on control: a fault outside of every known range (a
// jump to nowhere) is reported with this name too. NULL ends it.
void set_current_plugin(const char* id) noexcept;

}  // namespace dunlin::plugin
