// /subsz: its parameters and its text.

#pragma once

#include <string>
#include <vector>

#include "endpoints.hpp"

namespace dunlin::monitoring {

struct SubszOptions {
  bool list = false;
  Page page;
  std::string account, test;
};

// Or the text of the 400.
[[nodiscard]] Decoded<SubszOptions> subsz_options(const Query& query);

// May a message be published to it: tokens are not empty, and none is a wildcard.
[[nodiscard]] bool is_literal_subject(std::string_view subject) noexcept;

// Writes the text in the order it is delivered: begin, each subscription, end.
class SubszText {
 public:
  SubszText(std::string_view server_id, std::int64_t now_ns, const SubszOptions& options,
            const dunlin_subscriptions_info& info);
  void add(const dunlin_sub_info& subscription);
  [[nodiscard]] std::string finish();

 private:
  JsonWriter json_;
  bool has_list_ = false;
};

}  // namespace dunlin::monitoring
