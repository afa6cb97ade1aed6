// A plugin whose create breaks the contract: an exception leaves it.
#include <dunlin/abi.h>

#include <stdexcept>

namespace {
dunlin_status create(const dunlin_host*, const dunlin_plugin**, dunlin_error*) {
  throw std::runtime_error("out of cheese");
}
}  // namespace

DUNLIN_PLUGIN_ENTRY(throws, SMALL_ID, "1.0.0", "Throws", "Apache-2.0", DUNLIN_ENTRY_PLAIN,
                    DUNLIN_PROVIDES_NONE, DUNLIN_NEEDS_NONE, create)
