// /debug/vars is laid out as Go's expvar lays it out.

#include "plugins/monitoring/debug_vars.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plugins/monitoring/support.hpp"

namespace dunlin::monitoring::test {
namespace {

TEST(DebugVars, show_the_command_line_and_the_memory) {
  const dunlin_str cmdline[] = {str("dunlin-server"), str("--pass"), str("[REDACTED]")};
  EXPECT_EQ(debug_vars_text(cmdline, {1000, 4096}),
            "{\n\"cmdline\": [\"dunlin-server\",\"--pass\",\"[REDACTED]\"],\n"
            "\"memstats\": {\"Alloc\":1000,\"Sys\":4096,\"HeapAlloc\":1000,\"HeapSys\":4096,"
            "\"HeapIdle\":3096,\"HeapInuse\":1000,\"NumGC\":0}\n}\n");
}

}  // namespace
}  // namespace dunlin::monitoring::test
