// The plugins linked into this executable: a list of entry functions ended by nullptr, written by
// the build (static_plugins.cpp). Only main.cpp names it, to pass it to the PluginHost.

#pragma once

#include <dunlin/abi.h>

extern "C" {
extern const dunlin_entry_fn dunlin_static_plugins[];
}
