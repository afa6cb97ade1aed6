// Queries of strangers: whatever is sent becomes options within bounds or a refusal that is itself
// fit to be sent, and every text is valid in JSON.

#include <cstdint>
#include <string_view>

#include "core/base/ensure.hpp"
#include "plugins/monitoring/connz.hpp"
#include "plugins/monitoring/go_format.hpp"
#include "plugins/monitoring/healthz.hpp"
#include "plugins/monitoring/paths.hpp"
#include "plugins/monitoring/subsz.hpp"

namespace {

using namespace dunlin::monitoring;

void check_refusal(const std::string& text) {
  ensure(!text.empty());
}

void check_page(const Page& page) {
  ensure(page.offset >= 0);
  ensure(page.limit > 0);
}

// No control character and no bare quote is left.
void check_json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  ensure(out.size() >= 2);
  for (std::size_t i = 1; i + 1 < out.size(); ++i) {
    ensure(static_cast<unsigned char>(out[i]) >= 0x20);
    if (out[i] == '\\') {
      ++i;
      ensure(i + 1 < out.size());
    } else {
      ensure(out[i] != '"');
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const Query query(input);
  const auto connz = connz_options(query);
  if (connz) {
    check_page((*connz).page);
    if (connz_problem(*connz).empty()) {
      ConnzPage page(*connz, 0);
      dunlin_connection_info info{};
      info.cid = 1;
      page.add(info);
      page.finish();
      ensure(page.total() == 1);
      ensure(page.cids().size() <= 1);
    }
  } else {
    check_refusal(connz.error());
  }
  if (const auto subsz = subsz_options(query)) {
    check_page((*subsz).page);
  } else {
    check_refusal(subsz.error());
  }
  if (const auto healthz = healthz_options(query); !healthz) check_refusal(healthz.error());
  check_json(query.text("acc"));
  check_json(input);
  const auto quoted = go_quote(input);
  for (const char c : quoted) ensure(static_cast<unsigned char>(c) >= 0x20);
  const auto clean = clean_path("/" + std::string(input));
  ensure(clean_path(clean) == clean);
  return 0;
}
