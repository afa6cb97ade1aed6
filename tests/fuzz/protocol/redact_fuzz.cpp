// Redaction of CONNECT and quoting of subjects take any bytes.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ensure.hpp"
#include "core/protocol/go_quote.hpp"
#include "core/protocol/redact.hpp"
#include "core/protocol/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::protocol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)redact_connect(text);
  ensure(is_valid_utf8(go_quote(text)));
  std::string json;
  append_json_string(json, text);
  ensure(is_valid_utf8(json) && json.find('\n') == std::string::npos);
  return 0;
}
