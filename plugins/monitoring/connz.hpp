// /connz: its parameters, which connections make the page, and its text.

#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "endpoints.hpp"

namespace dunlin::monitoring {

enum class ConnState { open, closed, all };

struct ConnzOptions {
  std::string sort;  // one of the reference's words; empty is "cid"
  bool auth = false;
  std::uint32_t subscriptions = DUNLIN_SUBS_NONE;
  Page page;
  std::uint64_t cid = 0;  // 0 for any
  ConnState state = ConnState::open;
  std::string user, account, mqtt_client;
};

// Or the text of the 400 for a parameter that is no number or no state.
[[nodiscard]] Decoded<ConnzOptions> connz_options(const Query& query);
// What else is wrong with them; empty when nothing is.
[[nodiscard]] std::string connz_problem(const ConnzOptions& options);

// Which connections are on the page, and in which order. Every candidate passes through add();
// only what sorting needs of it is kept.
class ConnzPage {
 public:
  ConnzPage(const ConnzOptions& options, std::int64_t now_ns);

  void add(const dunlin_connection_info& info);
  // Sorts and cuts; afterwards the page is final.
  void finish();
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] const std::vector<std::uint64_t>& cids() const noexcept { return cids_; }
  // Its place on the page, or npos.
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  [[nodiscard]] std::size_t place(std::uint64_t cid) const noexcept;

 private:
  struct Row {
    std::uint64_t cid;
    std::int64_t key;
    std::string reason;  // only when sorted by it
    bool is_closed;
  };
  [[nodiscard]] std::int64_t key_of(const dunlin_connection_info& info) const;

  const ConnzOptions& options_;
  std::int64_t now_ns_;
  std::uint64_t total_ = 0;
  std::vector<Row> rows_;
  std::vector<std::uint64_t> cids_;
  std::unordered_map<std::uint64_t, std::size_t> places_;
};

// One element of "connections", as it stands in the list.
[[nodiscard]] std::string connection_text(const dunlin_connection_info& info,
                                          const ConnzOptions& options, std::int64_t now_ns);

// `connections` are elements in order, empty ones are left out; null for "connections": null.
[[nodiscard]] std::string connz_text(std::string_view server_id, std::int64_t now_ns,
                                     const ConnzOptions& options, std::uint64_t total,
                                     const std::vector<std::string>* connections);

}  // namespace dunlin::monitoring
