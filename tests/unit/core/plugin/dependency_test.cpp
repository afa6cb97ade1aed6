// Start order, and every problem of the graph at once.

#include "core/plugin/dependency.hpp"

#include <gmock/gmock.h>

namespace dunlin::plugin::test {
namespace {

using testing::ElementsAre;

struct Graph {
  std::vector<std::unique_ptr<Identity>> identities;
  std::vector<Candidate> candidates;

  Graph& add(const std::string& id, std::vector<std::string> provides, std::vector<Need> needs) {
    auto identity = std::make_unique<Identity>();
    identity->id = id;
    identity->version = "1.0.0";
    identity->provides = std::move(provides);
    identity->needs = std::move(needs);
    candidates.push_back({identity.get(), "/p/" + id + ".so"});
    identities.push_back(std::move(identity));
    return *this;
  }
};

TEST(Dependency, providers_start_first_and_ties_keep_the_order_of_the_configuration) {
  Graph graph;
  graph.add("mqtt", {}, {{"jetstream/1"}}).add("solo", {}, {});
  graph.add("jetstream", {"jetstream/1"}, {{"storage/1"}});
  graph.add("file", {"storage/1:file"}, {}).add("memory", {"storage/1:memory"}, {});
  EXPECT_THAT(*resolve_order(graph.candidates), ElementsAre(3, 4, 2, 0, 1));
}

TEST(Dependency, interchangeable_providers_meet_one_need) {
  EXPECT_TRUE(meets("storage/1:file", "storage/1"));
  EXPECT_TRUE(meets("storage/1", "storage/1"));
  EXPECT_FALSE(meets("storage/10", "storage/1"));
  EXPECT_FALSE(meets("storage/1", "storage/1:file"));
}

TEST(Dependency, every_problem_is_found_in_one_pass) {
  Graph graph;
  graph.add("a", {"x/1"}, {{"none/1"}}).add("a", {}, {}).add("b", {"x/1"}, {});
  graph.add("c", {"c/1"}, {{"d/1"}}).add("d", {"d/1"}, {{"c/1"}});
  const auto resolved = resolve_order(graph.candidates);
  ASSERT_FALSE(resolved.has_value());
  EXPECT_EQ(resolved.error().problems.size(), 4u) << resolved.error().text();
}

TEST(Dependency, a_plugin_that_needs_itself_is_a_cycle) {
  Graph graph;
  graph.add("a", {"a/1"}, {{"a/1"}});
  EXPECT_FALSE(resolve_order(graph.candidates).has_value());
}

}  // namespace
}  // namespace dunlin::plugin::test
