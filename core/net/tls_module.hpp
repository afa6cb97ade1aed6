// The seam between the server and its TLS engine.
//
// The engine (openssl_*.cpp) is a shared object of ours, lib/dunlin/dunlin-tls.so beside the
// directory of the executable, opened when the first TlsContext is made: merely being linked with
// OpenSSL costs an idle process 1.7 MB. It is part of the server, not a plugin: built with it,
// installed with it, and trusted like any library of the system. Where PLUGIN_LOADER is off the
// engine is linked in, and nothing is opened.
//
// What crosses is TlsContext and TlsSession, C++ interfaces of one build; the module says which one
// it belongs to. It stays open until the process ends.  [any thread]

#pragma once

#include <memory>
#include <string>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/net/tls_context.hpp"

namespace dunlin::net {

struct TlsModule {
  const char* build;  // DUNLIN_TLS_BUILD; first, so that it can be read in whatever is opened
  // The module's own copy of the log gives what it says to the server's.
  void (*set_log_sink)(log::Sink sink) noexcept;
  result<std::shared_ptr<const TlsContext>> (*create)(const TlsSettings& settings, TlsRole role);
};

// Of the server that calls this: changes with every change of what crosses.
[[nodiscard]] const char* tls_build() noexcept;

// Where this process looks for its module.
[[nodiscard]] std::string tls_module_path();

// Fails with a sentence that names the file and the mend.
result<const TlsModule*> open_tls_module(const std::string& path);

}  // namespace dunlin::net

// The one symbol of the module.
extern "C" const dunlin::net::TlsModule* dunlin_tls_module();
