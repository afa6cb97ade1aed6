// The whole plugin behind the real host tables: a request over loopback comes back rendered from a
// snapshot of a server that this test makes up.
//
// Method: the test's own thread is control; it runs posted tasks while a client waits in another.

#include <dunlin/abi.h>
#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "core/base/log.hpp"
#include "core/plugin/plugin_host.hpp"
#include "tests/unit/core/plugin/support.hpp"
#include "tests/unit/plugins/monitoring/http_client.hpp"
#include "tests/unit/plugins/monitoring/support.hpp"

extern "C" const dunlin_entry* dunlin_plugin_v1();

namespace dunlin::monitoring::test {
namespace {

using plugin::test::Node;
using testing::HasSubstr;
using testing::StartsWith;

class ControlQueue final : public plugin::Executor {
 public:
  bool post_control(Task task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    came_.notify_all();
    return true;
  }
  bool post_shard(std::uint32_t, Task) override { return false; }
  bool post_worker(Task) override { return false; }
  [[nodiscard]] plugin::ThreadKind thread() const noexcept override {
    return std::this_thread::get_id() == control_ ? plugin::ThreadKind::control
                                                  : plugin::ThreadKind::other;
  }
  [[nodiscard]] std::uint32_t shard_index() const noexcept override { return no_shard; }
  [[nodiscard]] std::uint32_t shard_count() const noexcept override { return 1; }

  // Runs tasks until `done()`.
  template <class Done>
  void run_until(Done&& done) {
    std::unique_lock lock(mutex_);
    while (!done()) {
      came_.wait_for(lock, std::chrono::milliseconds(5));
      while (!tasks_.empty()) {
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
        lock.lock();
      }
    }
  }

 private:
  const std::thread::id control_ = std::this_thread::get_id();
  std::mutex mutex_;  // guards tasks_
  std::condition_variable came_;
  std::deque<Task> tasks_;
};

struct FakeSnapshot final : plugin::Snapshot {
  dunlin_server_info server = test::server_info();
  dunlin_subscriptions_info counts{};
  std::vector<dunlin_connection_info> connections;
  std::vector<dunlin_account_info> accounts;

  [[nodiscard]] const dunlin_server_info* server_info() const override { return &server; }
  [[nodiscard]] const dunlin_subscriptions_info* subscriptions_info() const override {
    return &counts;
  }
  void each_connection(plugin::ObserveService::EachConnection visit, void* user) const override {
    for (const auto& info : connections) visit(user, &info);
  }
  void each_account(plugin::ObserveService::EachAccount visit, void* user) const override {
    for (const auto& info : accounts) visit(user, &info);
  }
};

// A server with three connections in the account $G.
class FakeServer final : public plugin::ObserveService {
 public:
  explicit FakeServer(plugin::Executor& executor) : executor_(executor) {}

  dunlin_status server(plugin::Owner, dunlin_on_snapshot done, void* user) override {
    return answer(DUNLIN_OK, FakeSnapshot(), done, user);
  }
  dunlin_status connections(plugin::Owner, const dunlin_connections_query& query,
                            dunlin_on_snapshot done, void* user) override {
    static const dunlin_sub_info subs[] = {{str("$G"), str("foo.>"), {}, str("1"), 0, 0, 0}};
    FakeSnapshot snapshot;
    for (const std::uint64_t cid : {5, 7, 9}) {
      const auto* end = query.cids + query.cid_count;
      if (query.cids != nullptr && std::find(query.cids, end, cid) == end) continue;
      auto info = connection(cid);
      info.in_msgs = cid;
      if (query.subscriptions != DUNLIN_SUBS_NONE) {
        info.subs = subs;
        info.sub_count = 1;
      }
      snapshot.connections.push_back(info);
    }
    return answer(DUNLIN_OK, std::move(snapshot), done, user);
  }
  dunlin_status accounts(plugin::Owner, std::string_view name, dunlin_on_snapshot done,
                         void* user) override {
    FakeSnapshot snapshot;
    dunlin_account_info account{};
    account.struct_size = sizeof account;
    account.name = str("$G");
    account.client_connections = 3;
    snapshot.accounts.push_back(account);
    const bool is_known = name.empty() || name == "$G";
    return answer(is_known ? DUNLIN_OK : DUNLIN_E_NOT_FOUND, std::move(snapshot), done, user);
  }
  dunlin_status subscriptions(plugin::Owner, const dunlin_subscriptions_query&,
                              dunlin_on_snapshot done, void* user) override {
    return answer(DUNLIN_OK, FakeSnapshot(), done, user);
  }

 private:
  dunlin_status answer(dunlin_status status, FakeSnapshot snapshot, dunlin_on_snapshot done,
                       void* user) {
    executor_.post_control([status, snapshot = std::move(snapshot), done, user] {
      done(user, status, status == DUNLIN_OK ? snapshot.handle() : nullptr);
    });
    return DUNLIN_OK;
  }
  plugin::Executor& executor_;
};

// What the server's log got; the sink is a plain function.
class Logged {
 public:
  void clear() {
    const std::lock_guard lock(mutex_);
    text_.clear();
  }
  void add(std::string_view line) {
    const std::lock_guard lock(mutex_);
    text_.append(line).append("\n");
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;  // guards text_
  std::string text_;
};
Logged& logged() {
  static Logged logged;
  return logged;
}

class PluginTest : public testing::Test {
 protected:
  PluginTest() {
    logged().clear();
    log::set_sink([](log::Level, std::string_view line) { logged().add(line); });
  }
  ~PluginTest() override {
    host_.reset();
    log::set_sink([](log::Level, std::string_view) {});
  }

  plugin::Outcome start(const Node& section) {
    static const dunlin_entry_fn entries[] = {dunlin_plugin_v1, nullptr};
    plugin::PluginHostOptions options;
    options.product = "dunlin-server 0.1.0";
    options.static_entries = entries;
    plugin::HostServices services;
    services.observe = &server_;
    host_ = std::make_unique<plugin::PluginHost>(options, queue_, time_, services);
    plugin::Asked asked;
    asked.request.id = "monitoring";
    asked.section = &section;
    if (auto loaded = host_->load({asked}); !loaded) return loaded;
    if (auto configured = host_->configure(); !configured) return configured;
    return host_->start();
  }
  // The port that the log names.
  std::uint16_t port() {
    const auto lines = logged().text();
    const auto at = lines.rfind("monitor on 127.0.0.1:");
    EXPECT_NE(at, std::string::npos) << lines;
    return static_cast<std::uint16_t>(std::strtoul(lines.c_str() + at + 21, nullptr, 10));
  }
  std::string ask(const std::string& request) {
    auto answer = std::async(std::launch::async, [&, to = port()] {
      HttpClient client(to);
      client.send(request);
      return client.read_answer();
    });
    queue_.run_until(
        [&] { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
    return answer.get();
  }

  ControlQueue queue_;
  plugin::test::HandTime time_;
  FakeServer server_{queue_};
  std::unique_ptr<plugin::PluginHost> host_;
};

const Node plain{{"host", "127.0.0.1"}, {"http_port", -1}};

TEST_F(PluginTest, every_endpoint_answers) {
  ASSERT_TRUE(start(plain).has_value());
  for (const char* path :
       {"/", "/varz", "/connz", "/subsz", "/subscriptionsz", "/accountz", "/accstatz",
        "/debug/vars", "/routez", "/gatewayz", "/leafz", "/jsz", "/ipqueuesz", "/healthz",
        "/metrics"}) {
    EXPECT_THAT(ask(get(path)), StartsWith("HTTP/1.1 200 OK\r\n")) << path;
  }
  EXPECT_THAT(ask(get("/varz/")), HasSubstr("404 page not found\n"));
  EXPECT_THAT(ask(get("//varz")), HasSubstr("Location: /varz\r\n"));
}

TEST_F(PluginTest, requests_are_counted_by_path) {
  ASSERT_TRUE(start(plain).has_value());
  ask(get("/connz"));
  ask(get("/connz?sort=bogus"));
  ask(get("/connz?limit=x"));
  ask(get("/subscriptionsz"));
  const auto counts = parse(body_of(ask(get("/varz")))).at("http_req_stats");
  EXPECT_EQ(counts, (boost::json::object{{"/connz", 2}, {"/subsz", 1}, {"/varz", 1}}));
}

TEST_F(PluginTest, json_may_be_read_by_pages_of_other_origins) {
  ASSERT_TRUE(start(plain).has_value());
  const auto answer = ask(get("/healthz"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Origin: *\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(body_of(answer), R"({"status":"ok"})");
}

TEST_F(PluginTest, connections_are_sorted_paged_and_completed_with_subscriptions) {
  ASSERT_TRUE(start(plain).has_value());
  const auto json =
      parse(body_of(ask(get("/connz?sort=msgs_from&limit=1&offset=1&subs=1&callback=f"))));
  EXPECT_EQ(json.at("total"), 3);
  EXPECT_EQ(json.at("server_id"), "NABC");
  const auto& list = json.at("connections").as_array();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].at("cid"), 7);
  EXPECT_EQ(list[0].at("subscriptions_list").at(0), "foo.>");
}

TEST_F(PluginTest, unknown_accounts_are_answered_each_in_its_own_way) {
  ASSERT_TRUE(start(plain).has_value());
  EXPECT_TRUE(parse(body_of(ask(get("/connz?acc=NOPE")))).at("connections").is_null());
  const auto answer = ask(get("/accountz?acc=NOPE"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(body_of(answer), "Account NOPE does not exist");
  const auto detail = parse(body_of(ask(get("/accountz?acc=%24G")))).at("account_detail");
  EXPECT_EQ(detail.at("client_connections"), 3);
}

TEST_F(PluginTest, a_base_path_stands_before_every_endpoint) {
  const Node section{{"http", "127.0.0.1:-1"}, {"http_base_path", "mon/"}};
  ASSERT_TRUE(start(section).has_value());
  EXPECT_THAT(ask(get("/mon/varz")), HasSubstr("\"http_base_path\": \"mon/\""));
  EXPECT_THAT(ask(get("/mon")), HasSubstr("<a href=\"/mon/varz\">"));
  for (const char* path : {"/", "/varz", "/mon/"}) {
    EXPECT_THAT(ask(get(path)), StartsWith("HTTP/1.1 404 ")) << path;
  }
}

TEST_F(PluginTest, features_that_are_not_there_are_answered_as_switched_off) {
  ASSERT_TRUE(start(plain).has_value());
  EXPECT_EQ(parse(body_of(ask(get("/routez?subs=detail")))).at("num_routes"), 0);
  EXPECT_EQ(parse(body_of(ask(get("/jsz?acc=A&limit=-1")))).at("disabled"), true);
  EXPECT_THAT(ask(get("/jsz?leader-only=1")), HasSubstr("filtered response: not leader"));
  EXPECT_THAT(ask(get("/leafz?subs=detail")), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(body_of(ask(get("/ipqueuesz"))), "{}");
  EXPECT_EQ(body_of(ask(get("/ipqueuesz?all=2"))),
            "Error decoding boolean for 'all': strconv.ParseBool: parsing \"2\": invalid syntax");
  const auto raftz = ask(get("/raftz"));
  EXPECT_THAT(raftz, StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(body_of(raftz), "No Raft nodes registered");
  EXPECT_THAT(ask(get("/stacksz")), HasSubstr("404 page not found\n"));
  EXPECT_THAT(ask(get("/")), HasSubstr("<a href=\"/jsz\">JetStream</a>"));
}

TEST_F(PluginTest, requests_for_absent_features_are_counted) {
  ASSERT_TRUE(start(plain).has_value());
  ask(get("/routez"));
  ask(get("/routez?subs=x"));
  EXPECT_EQ(parse(body_of(ask(get("/varz")))).at("http_req_stats").at("/routez"), 1);
}

TEST_F(PluginTest, the_line_that_tools_wait_for_stands_alone) {
  ASSERT_TRUE(start(plain).has_value());
  EXPECT_THAT(logged().text(), StartsWith("Starting http monitor on 127.0.0.1:"));
}

TEST_F(PluginTest, two_kinds_of_ports_are_refused_at_the_start) {
  const Node section{{"http_port", 8222}, {"https_port", 8223}};
  const auto outcome = start(section);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_THAT(outcome.error().text(), HasSubstr("Can't start monitoring: can't specify both "
                                                    "HTTP (8222) and HTTPs (8223) ports"));
}

TEST_F(PluginTest, without_a_port_nothing_is_opened) {
  const Node section{{"host", "127.0.0.1"}};
  ASSERT_TRUE(start(section).has_value());
  EXPECT_EQ(logged().text().find("monitor on"), std::string::npos);
}

}  // namespace
}  // namespace dunlin::monitoring::test
