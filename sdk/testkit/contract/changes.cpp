// Contract: remove, purge, truncate.
#include "sdk/testkit/rig.hpp"

namespace dunlin::testkit {
namespace {

void remove_everywhere(Context& context) {
  Rig rig(context);
  rig.append_mixed(30);
  // First, last, middle, next to a hole, what is gone, what never was, nothing.
  for (const auto& seqs : std::vector<std::vector<std::uint64_t>>{
           {1}, {30}, {15}, {14}, {16}, {2, 3}, {15}, {1, 2, 4, 15, 17, 31, 1000}, {}, {29}}) {
    rig.remove(seqs);
    rig.check_all();
  }
  rig.check_lasting();
  rig.append_mixed(2);
  rig.check_lasting();
}

void remove_all(Context& context) {
  Rig rig(context);
  rig.append_mixed(25);
  for (std::uint64_t seq = 25; seq > 0; --seq) rig.remove({seq});
  rig.check_lasting();
  rig.append_mixed(10);
  std::vector<std::uint64_t> all;
  for (std::uint64_t seq = 26; seq <= 35; ++seq) all.push_back(seq);
  rig.remove(all);
  rig.check_lasting();
  rig.append_mixed(3);
  rig.check_lasting();
}

void remove_every_other(Context& context) {
  Rig rig(context);
  rig.append_mixed(600);
  std::vector<std::uint64_t> odd;
  for (std::uint64_t seq = 1; seq <= 600; seq += 2) odd.push_back(seq);
  rig.remove(odd);
  rig.check_all();
  rig.sync();
  rig.check_lasting();
}

void erase(Context& context) {
  Rig rig(context);
  rig.append_mixed(20);
  Removed removed;
  const auto out = rig.log().remove({5, 6}, removed, DUNLIN_REMOVE_ERASE);
  if (!rig.has(DUNLIN_STORE_ERASE)) {
    expect(out.status == DUNLIN_E_UNSUPPORTED, "S8", "erase is not claimed and answers ",
           status_name(out.status));
    rig.check_all();
    return;
  }
  const std::string payload = rig.model.live().at(5).payload;
  expect(out.ok(), "remove", "with ERASE failed: ", status_name(out.status), " ", out.text);
  rig.model.remove({5, 6});
  rig.sync();
  rig.check_lasting();
  if (payload.size() < 8) return;
  for (const auto& file : rig.world().disk.files("/data")) {
    const auto content = rig.world().disk.content(rig.world().disk.find(file)).text();
    expect(content.find(payload) == std::string::npos, "remove",
           "the payload of an erased record is still in ", file);
  }
}

void purge_forms(Context& context) {
  struct Form {
    const char* filter;
    std::uint64_t below, keep;
  };
  const std::vector<Form> forms = {
      {"", UINT64_MAX, 0},      {"", UINT64_MAX, 3},      {"", 1, 0},
      {"", 50, 0},              {"", 50, 10},             {"", 101, 0},
      {"", 102, 0},             {"", 100000, 0},          {"orders.>", UINT64_MAX, 0},
      {"orders.>", 60, 0},      {"orders.>", 60, 2},      {"*.eu.*", UINT64_MAX, 1},
      {"rare.*", UINT64_MAX, 0}, {"nobody", UINT64_MAX, 0}, {"audit.us.1", UINT64_MAX, 1},
      {">", UINT64_MAX, 0},     {"", UINT64_MAX, 1000},   {"orders.>", 60, 1000}};
  for (const auto& form : forms) {
    Rig rig(context);
    rig.append_mixed(100);
    rig.remove({3, 40, 41, 100});
    rig.purge(form.filter, form.below, form.keep);
    rig.check_all();
    rig.purge(form.filter, form.below, form.keep);
    rig.check_lasting();
    rig.append_mixed(5);
    rig.check_lasting();
  }
}

void purge_empty(Context& context) {
  Rig rig(context);
  rig.purge("", UINT64_MAX, 0);
  rig.check_all();
  rig.purge("", 500, 0);
  rig.check_lasting();
  rig.append_mixed(3);
  rig.purge("", 400, 0);
  rig.check_lasting();
}

void purge_again(Context& context) {
  Rig rig(context);
  for (int round = 0; round < 8; ++round) {
    rig.append_mixed(120);
    rig.sync();
    rig.purge("", rig.model.last() - 20, 0);
    rig.check_all();
  }
  rig.check_lasting();
}

void truncate_forms(Context& context) {
  for (const std::uint64_t last : {100ull, 99ull, 50ull, 11ull, 10ull, 9ull, 5ull, 0ull, 200ull}) {
    Rig rig(context);
    rig.append_mixed(100);
    rig.remove({50, 98, 99});
    rig.purge("", 10, 0);
    rig.truncate(last);
    rig.check_all();
    rig.append_mixed(5);
    rig.check_all();
    rig.sync();
    rig.check_lasting();
    rig.append_mixed(30);
    rig.truncate(rig.model.last() - 10);
    rig.check_lasting();
  }
}

void truncate_durable(Context& context) {
  Rig rig(context);
  rig.append_mixed(20);
  rig.sync();
  rig.truncate(12);
  if (!rig.has(DUNLIN_STORE_VOLATILE)) {
    expect(rig.log().durable_seq() <= 12, "truncate", "durable_seq is ", rig.log().durable_seq(),
           " in a log that ends at 12");
  }
  rig.append_mixed(4);
  rig.sync();
  rig.check_lasting();
}

void truncate_skips(Context& context) {
  Rig rig(context);
  rig.append_mixed(10);
  rig.skip(100);
  rig.append_mixed(5);
  rig.truncate(60);
  rig.check_all();
  rig.append_mixed(5);
  rig.check_lasting();
  rig.truncate(10);
  rig.check_lasting();
}

}  // namespace

void add_change_tests(Suite& suite) {
  suite.push_back({"remove.in_every_position", "remove", remove_everywhere});
  suite.push_back({"remove.everything_backwards", "remove", remove_all});
  suite.push_back({"remove.every_other", "remove", remove_every_other});
  suite.push_back({"remove.erase", "remove", erase});
  suite.push_back({"purge.every_form", "purge", purge_forms});
  suite.push_back({"purge.an_empty_log", "purge", purge_empty});
  suite.push_back({"purge.again_and_again", "purge", purge_again});
  suite.push_back({"truncate.at_every_kind_of_place", "truncate", truncate_forms});
  suite.push_back({"truncate.moves_durable_seq_back", "truncate", truncate_durable});
  suite.push_back({"truncate.into_a_gap", "truncate", truncate_skips});
}

}  // namespace dunlin::testkit
