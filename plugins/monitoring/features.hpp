// Endpoints of features that are other plugins': what a server without the feature answers.
//
// A plugin that brings the feature registers the path itself (dunlin/http.hpp) and is then asked in
// place of these. Control thread only.

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "endpoints.hpp"
#include "http_server.hpp"

namespace dunlin::monitoring {

struct FeatureRow {
  const char* path;
  const char* summary;  // for the index; empty hides it there
  void (*serve)(Context&, const Query&, const Reply&);
};
[[nodiscard]] std::span<const FeatureRow> feature_rows() noexcept;

// False when no feature's path is asked for.
bool serve_absent_feature(Context& context, std::string_view path, const Query& query,
                          const Reply& reply);

struct WhoAndWhen {
  std::string_view server_id, server_name;
  std::int64_t now_ns = 0;
};
[[nodiscard]] std::string absent_routez_text(const WhoAndWhen& who);
[[nodiscard]] std::string absent_gatewayz_text(const WhoAndWhen& who);
[[nodiscard]] std::string absent_leafz_text(const WhoAndWhen& who);
[[nodiscard]] std::string absent_jsz_text(const WhoAndWhen& who);

}  // namespace dunlin::monitoring
