// CONNECT JSON: any bytes either parse, twice alike, or leave the options as they were.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/base/ensure.hpp"
#include "core/protocol/connect.hpp"
#include "core/protocol/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::protocol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ConnectOptions options;
  options.name = "before";
  if (!parse_connect(text, options)) {
    ensure(options.name == "before" && options.verbose && options.user.empty());
    return 0;
  }
  ensure(is_valid_utf8(options.name) && is_valid_utf8(options.user));
  ConnectOptions again = options;
  ensure(parse_connect(text, again).has_value());
  ensure(again.name == options.name && again.pass == options.pass);
  ensure(again.protocol == options.protocol && again.verbose == options.verbose);
  return 0;
}
