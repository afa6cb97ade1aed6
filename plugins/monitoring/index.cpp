// "/": a page with a link to every endpoint, those of other plugins too.

#include <vector>

#include "endpoints.hpp"
#include "features.hpp"
#include "index.hpp"

namespace dunlin::monitoring {
namespace {

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
}

}  // namespace

std::string index_text(std::string_view product, std::string_view base,
                       std::span<const IndexEntry> entries) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>";
  append_html(out, product);
  out +=
      "</title>\n<style>\nbody { font-family: sans-serif; margin: 2rem }\n"
      "a { display: block; padding: .3rem 0 }\n</style>\n</head>\n<body>\n<h1>";
  append_html(out, product);
  out += "</h1>\n";
  for (const auto& entry : entries) {
    out += "<a href=\"";
    append_html(out, base);
    append_html(out, entry.path);
    out += "\">";
    append_html(out, entry.summary);
    out += "</a>\n";
  }
  return out + "</body>\n</html>\n";
}

void serve_index(Context& context, const Query&, Exchange exchange) {
  context.count("/");
  std::vector<IndexEntry> entries;
  const auto add = [&entries](const auto& row) {
    if (row.summary[0] != '\0') entries.push_back({row.path, row.summary});
  };
  for (const auto& row : endpoint_rows()) add(row);
  for (const auto& row : feature_rows()) add(row);
  context.http.each([&](std::string_view, const dunlin_endpoint& endpoint) {
    const auto path = text_of(endpoint.path), summary = text_of(endpoint.summary);
    const bool is_listed = std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
      return entry.path == path;
    });
    if (!summary.empty() && !is_listed) {
      entries.push_back({std::string(path), std::string(summary)});
    }
  });
  const dunlin::Host host(context.http.raw_host());
  exchange.respond(200, "text/html; charset=utf-8",
                   index_text(host.product(), context.settings.base, entries));
}

}  // namespace dunlin::monitoring
