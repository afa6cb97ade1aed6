// The services the room has itself: metrics, health, registry, HTTP endpoints, log and executor, as
// plugins reach them through their C tables.

#include <dunlin/ext/executor.h>
#include <dunlin/ext/health.h>
#include <dunlin/ext/http.h>
#include <dunlin/ext/log.h>
#include <dunlin/ext/metrics.h>
#include <dunlin/ext/random.h>
#include <dunlin/ext/registry.h>
#include <gmock/gmock.h>

#include "core/plugin/context.hpp"
#include "core/plugin/plugin_host.hpp"
#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two plugins' contexts over one set of services.
class Services : public testing::Test {
 protected:
  static Identity identity(const std::string& id, std::vector<std::string> provides,
                           std::vector<Need> needs) {
    Identity out;
    out.id = id;
    out.version = "1.0.0";
    out.provides = std::move(provides);
    out.needs = std::move(needs);
    return out;
  }
  template <class Table>
  const Table& table(const char* id) {
    return *static_cast<const Table*>(giver.extension(&giver, id));
  }

  HandExecutor executor;
  HandTime time;
  Shared shared{executor, time, HostServices{}, ConfigHelpers{}};
  PluginContext giver{shared, 1, identity("giver", {"greeting/1:a", "greeting/1:b"}, {}), "p", {}};
  PluginContext taker{shared, 2, identity("taker", {}, {{"greeting/1"}}), "p", {}};
};

TEST_F(Services, unknown_and_absent_tables_are_null) {
  EXPECT_EQ(giver.extension(&giver, "dunlin.unknown/1"), nullptr);
  EXPECT_EQ(giver.extension(&giver, "dunlin.log/2"), nullptr);
  EXPECT_EQ(giver.extension(&giver, DUNLIN_EXT_ROUTER), nullptr);  // no such service here
  EXPECT_EQ(giver.extension(&giver, nullptr), nullptr);
}

TEST_F(Services, cells_of_shards_are_added_up_and_names_come_in_order) {
  const auto& metrics = table<dunlin_metrics>(DUNLIN_EXT_METRICS);
  dunlin_metric_options options{};
  options.struct_size = sizeof options;
  options.name = str("b_total");
  options.flags = DUNLIN_METRIC_PER_SHARD;
  dunlin_cell* cells = nullptr;
  ASSERT_EQ(metrics.counter(&giver, &options, &cells), DUNLIN_OK);
  dunlin_cell_add(&cells[0], 1);
  dunlin_cell_add_alone(&cells[2], 2);  // two shards, and everyone else
  options.name = str("a_gauge");
  options.flags = 0;
  dunlin_cell* gauge = nullptr;
  ASSERT_EQ(metrics.gauge(&taker, &options, &gauge), DUNLIN_OK);
  dunlin_cell_set(gauge, -5);
  std::vector<std::string> seen;
  metrics.each(
      &giver,
      [](void* user, const dunlin_metric_sample* sample) {
        static_cast<std::vector<std::string>*>(user)->push_back(
            std::string(view(sample->plugin)) + " " + std::string(view(sample->name)) + " " +
            std::to_string(static_cast<int>(sample->value)));
      },
      &seen);
  EXPECT_THAT(seen, ElementsAre("taker a_gauge -5", "giver b_total 3"));
}

TEST_F(Services, malformed_or_repeated_metrics_are_refused) {
  const auto& metrics = table<dunlin_metrics>(DUNLIN_EXT_METRICS);
  dunlin_metric_options options{};
  options.struct_size = sizeof options;
  dunlin_cell* cell = nullptr;
  for (const auto* name : {"", "1a", "a-b", "a b", "A"}) {
    options.name = str(name);
    EXPECT_EQ(metrics.counter(&giver, &options, &cell), DUNLIN_E_INVALID) << name;
  }
  options.name = str("a_total");
  EXPECT_EQ(metrics.counter(&giver, &options, &cell), DUNLIN_OK);
  EXPECT_EQ(metrics.counter(&giver, &options, &cell), DUNLIN_E_EXISTS);
  EXPECT_EQ(metrics.counter(&taker, &options, &cell), DUNLIN_OK);
  EXPECT_EQ(metrics.gauge(&taker, &options, &cell), DUNLIN_E_EXISTS);
}

TEST_F(Services, a_histogram_counts_into_its_buckets) {
  const auto& metrics = table<dunlin_metrics>(DUNLIN_EXT_METRICS);
  dunlin_metric_options options{};
  options.struct_size = sizeof options;
  options.name = str("seconds");
  const double bounds[] = {1, 2};
  dunlin_histogram* histogram = nullptr;
  ASSERT_EQ(metrics.histogram(&giver, &options, bounds, 2, &histogram), DUNLIN_OK);
  for (const double value : {0.5, 1.0, 1.5, 9.0}) metrics.observe(&giver, histogram, value);
  std::vector<std::uint64_t> counts;
  metrics.each(
      &giver,
      [](void* user, const dunlin_metric_sample* sample) {
        static_cast<std::vector<std::uint64_t>*>(user)->assign(sample->counts, sample->counts + 3);
        EXPECT_EQ(sample->count, 4u);
        EXPECT_DOUBLE_EQ(sample->sum, 12);
      },
      &counts);
  EXPECT_THAT(counts, ElementsAre(2, 1, 1));
  const double falling[] = {2, 1};
  options.name = str("other");
  EXPECT_EQ(metrics.histogram(&giver, &options, falling, 2, &histogram), DUNLIN_E_INVALID);
}

TEST_F(Services, a_control_function_called_elsewhere_is_refused) {
  const auto& metrics = table<dunlin_metrics>(DUNLIN_EXT_METRICS);
  dunlin_metric_options options{};
  options.struct_size = sizeof options;
  options.name = str("a_total");
  dunlin_cell* cell = nullptr;
  executor.here = ThreadKind::shard;
  EXPECT_EQ(metrics.counter(&giver, &options, &cell), DUNLIN_E_WRONG_THREAD);
}

TEST_F(Services, health_is_the_worst_of_all_and_goes_with_its_plugin) {
  const auto& health = table<dunlin_health>(DUNLIN_EXT_HEALTH);
  EXPECT_EQ(health.overall(&giver), DUNLIN_HEALTH_OK);
  health.set(&giver, str("store"), DUNLIN_HEALTH_DEGRADED, str("slow disk"));
  health.set(&taker, str("meta"), 77, str("a state of a newer header"));
  EXPECT_EQ(health.overall(&giver), DUNLIN_HEALTH_FAILED);
  shared.health.forget("taker");
  EXPECT_EQ(health.overall(&giver), DUNLIN_HEALTH_DEGRADED);
}

TEST_F(Services, offers_are_found_by_those_who_declared_the_need) {
  const auto& registry = table<dunlin_registry>(DUNLIN_EXT_REGISTRY);
  int a = 0;
  int b = 0;
  EXPECT_EQ(registry.offer(&giver, "greeting/1:a", &a, nullptr), DUNLIN_OK);
  EXPECT_EQ(registry.offer(&giver, "greeting/1:a", &a, nullptr), DUNLIN_E_EXISTS);
  EXPECT_EQ(registry.offer(&giver, "other/1", &a, nullptr), DUNLIN_E_DENIED);
  EXPECT_EQ(registry.offer(&giver, "greeting/1:b", &b, nullptr), DUNLIN_OK);
  dunlin_offer found{};
  EXPECT_EQ(registry.find(&taker, "greeting/1:b", &found), DUNLIN_OK);
  EXPECT_EQ(found.table, &b);
  EXPECT_EQ(registry.find(&taker, "greeting/1", &found), DUNLIN_OK);
  EXPECT_EQ(found.table, &a);
  EXPECT_EQ(registry.find(&taker, "greeting/1:c", &found), DUNLIN_E_NOT_FOUND);
  EXPECT_EQ(registry.find(&taker, "storage/1", &found), DUNLIN_E_DENIED);
  shared.registry.forget("giver");
  EXPECT_EQ(registry.find(&taker, "greeting/1", &found), DUNLIN_E_NOT_FOUND);
}

class HttpEndpoints : public Services {
 protected:
  dunlin_status add(const char* path, dunlin_http_handler handler,
                    std::uint32_t scope = DUNLIN_SCOPE_PUBLIC) {
    dunlin_endpoint endpoint{};
    endpoint.struct_size = sizeof endpoint;
    endpoint.path = str(path);
    endpoint.scope = scope;
    endpoint.handler = handler;
    endpoint.user = this;
    return http().endpoint(&giver, &endpoint);
  }
  dunlin_status ask(const char* path) {
    dunlin_http_request request{};
    request.struct_size = sizeof request;
    request.path = str(path);
    return http().dispatch(
        &taker, &request,
        [](void* user, const dunlin_http_response* response) {
          static_cast<std::vector<std::uint32_t>*>(user)->push_back(response->status);
        },
        &answers);
  }
  const dunlin_http& http() { return table<dunlin_http>(DUNLIN_EXT_HTTP); }

  static void answer_at_once(void* user, const dunlin_http_request*,
                             dunlin_http_exchange* exchange) {
    auto& self = *static_cast<HttpEndpoints*>(user);
    dunlin_http_response response{};
    response.struct_size = sizeof response;
    response.status = 200;
    self.http().respond(&self.giver, exchange, &response);
    self.http().respond(&self.giver, exchange, &response);  // twice: ignored, and logged
  }
  static void answer_never(void*, const dunlin_http_request*, dunlin_http_exchange*) {}

  std::vector<std::uint32_t> answers;
};

TEST_F(HttpEndpoints, a_request_is_answered_once_and_not_from_inside_the_call) {
  ASSERT_EQ(add("/x", answer_at_once), DUNLIN_OK);
  ASSERT_EQ(ask("/x"), DUNLIN_OK);
  EXPECT_TRUE(answers.empty());
  executor.run();
  EXPECT_THAT(answers, ElementsAre(200));
}

TEST_F(HttpEndpoints, paths_and_scopes_are_checked) {
  EXPECT_EQ(add("/x", answer_at_once), DUNLIN_OK);
  EXPECT_EQ(add("/x", answer_at_once), DUNLIN_E_EXISTS);
  for (const auto* path : {"", "x", "/x/", "/a b", "/a?b"}) {
    EXPECT_EQ(add(path, answer_at_once), DUNLIN_E_INVALID) << path;
  }
  EXPECT_EQ(add("/admin", answer_at_once, DUNLIN_SCOPE_ADMIN), DUNLIN_OK);
  EXPECT_EQ(ask("/admin"), DUNLIN_E_DENIED);
  EXPECT_EQ(ask("/nothing"), DUNLIN_E_NOT_FOUND);
}

TEST_F(HttpEndpoints, a_plugin_that_stops_is_answered_for) {
  ASSERT_EQ(add("/slow", answer_never), DUNLIN_OK);
  ASSERT_EQ(ask("/slow"), DUNLIN_OK);
  shared.http.forget("giver");
  executor.run();
  EXPECT_THAT(answers, ElementsAre(503));
  EXPECT_EQ(ask("/slow"), DUNLIN_E_NOT_FOUND);
}

TEST_F(HttpEndpoints, an_asker_that_stopped_is_not_called) {
  ASSERT_EQ(add("/x", answer_at_once), DUNLIN_OK);
  ASSERT_EQ(ask("/x"), DUNLIN_OK);
  shared.http.forget("taker");
  executor.run();
  EXPECT_TRUE(answers.empty());
}

TEST_F(Services, a_log_line_stays_one_line_and_names_the_plugin) {
  const auto& log = table<dunlin_log>(DUNLIN_EXT_LOG);
  const dunlin_log_field fields[] = {{str("size"), DUNLIN_FIELD_INTEGER, 0, {}, 7}};
  testing::internal::CaptureStderr();
  log.write(&giver, DUNLIN_LOG_ERROR, nullptr, nullptr, fields, 1, str("one\r\ntwo"));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("giver: one  two size=7"));
}

TEST_F(Services, a_bare_log_line_stands_as_it_is) {
  const auto& log = table<dunlin_log>(DUNLIN_EXT_LOG);
  EXPECT_TRUE(log.enabled(&giver, DUNLIN_LOG_INFO | DUNLIN_LOG_BARE));
  EXPECT_FALSE(log.enabled(&giver, DUNLIN_LOG_TRACE | DUNLIN_LOG_BARE));
  testing::internal::CaptureStderr();
  log.write(&giver, DUNLIN_LOG_INFO | DUNLIN_LOG_BARE, nullptr, nullptr, nullptr, 0,
            str("Listening"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "Listening\n");
}

TEST_F(Services, posted_tasks_run_where_they_should_until_the_plugin_stopped) {
  const auto& posts = table<dunlin_executor>(DUNLIN_EXT_EXECUTOR);
  const auto note = [](void* user) {
    EXPECT_EQ(static_cast<HandExecutor*>(user)->here, ThreadKind::worker);
  };
  EXPECT_EQ(posts.post_worker(&giver, note, &executor), DUNLIN_OK);
  EXPECT_EQ(executor.worker.size(), 1u);
  executor.run();
  EXPECT_EQ(posts.post_shard(&giver, 2, note, &executor), DUNLIN_E_INVALID);
  EXPECT_EQ(posts.post_worker(&giver, nullptr, &executor), DUNLIN_E_INVALID);
  giver.stopped = true;
  EXPECT_EQ(posts.post_worker(&giver, note, &executor), DUNLIN_E_CLOSED);
}

TEST_F(Services, random_numbers_keep_their_bound) {
  const auto& random = table<dunlin_random>(DUNLIN_EXT_RANDOM);
  bool seen[3] = {};
  for (int i = 0; i < 200; ++i) {
    const auto value = random.below(&giver, 3);
    ASSERT_LT(value, 3u);
    seen[value] = true;
  }
  EXPECT_TRUE(seen[0] && seen[1] && seen[2]);
}

}  // namespace
}  // namespace dunlin::plugin::test
