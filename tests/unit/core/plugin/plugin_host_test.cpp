// The life of plugins: what is asked for is loaded, ordered by needs, configured, started, reloaded
// and stopped; every problem is reported at once with the right exit code.
//
// Method: real shared objects for what goes wrong with files; entries of this program, linked in as
// static plugins, for what happens in which order.

#include "core/plugin/plugin_host.hpp"

#include <dunlin/ext/config.h>
#include <gmock/gmock.h>

#include <cstring>

#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> calls;

// A static plugin that notes its calls as "<id> <call>".
struct Recorder {
  const char* id;
  const dunlin_host* host = nullptr;
  bool refuses_reload = false;
  dunlin_plugin table{};

  void note(const char* what) { calls.push_back(std::string(id) + " " + what); }
};

Recorder& recorder(void* self) { return *static_cast<Recorder*>(self); }

const dunlin_plugin* fill(Recorder& r) {
  r.table.struct_size = sizeof r.table;
  r.table.self = &r;
  r.table.configure = [](void* self, const dunlin_config* tree, dunlin_error* err) {
    auto& me = recorder(self);
    me.note("configure");
    const auto* config =
        static_cast<const dunlin_config_api*>(me.host->extension(me.host, DUNLIN_EXT_CONFIG));
    static dunlin_key keys[2]{};
    keys[0].name = "fixed";
    keys[0].type = DUNLIN_KEY_INTEGER;
    keys[1].name = "soft";
    keys[1].type = DUNLIN_KEY_INTEGER;
    keys[1].flags = DUNLIN_KEY_RELOADABLE;
    return config->declare_keys(me.host, tree, keys, 2, err);
  };
  r.table.start = [](void* self, dunlin_error*) {
    recorder(self).note("start");
    return dunlin_status{DUNLIN_OK};
  };
  r.table.drain = [](void* self, std::uint64_t) { recorder(self).note("drain"); };
  r.table.stop = [](void* self) { recorder(self).note("stop"); };
  r.table.destroy = [](void* self) { recorder(self).note("destroy"); };
  r.table.reload_prepare = [](void* self, const dunlin_config* tree, dunlin_error* err) {
    auto& me = recorder(self);
    if (me.refuses_reload) {
      std::strcpy(err->text, "not today");
      return dunlin_status{DUNLIN_E_CONFIG};
    }
    return me.table.configure(self, tree, err);
  };
  r.table.reload_finish = [](void* self, bool commit) {
    recorder(self).note(commit ? "commit" : "rollback");
  };
  return &r.table;
}

Recorder first{"first"}, second{"second"};

constexpr const char* first_provides[] = {"test.first/1", nullptr};
constexpr const char* no_provides[] = {nullptr};
constexpr dunlin_need no_needs[] = {{nullptr, 0, 0}};
constexpr dunlin_need second_needs[] = {{"test.first/1", 0, 0}, {nullptr, 0, 0}};

template <Recorder& r>
dunlin_status create(const dunlin_host* host, const dunlin_plugin** out, dunlin_error*) {
  r.host = host;
  r.refuses_reload = false;
  *out = fill(r);
  return DUNLIN_OK;
}

const dunlin_entry* first_entry() {
  static const dunlin_entry entry = {sizeof(dunlin_entry), DUNLIN_ABI_VERSION,
                                     DUNLIN_ABI_VERSION, 0, "first", "1.0.0",
                                     "First", "Apache-2.0", first_provides,
                                     no_needs, create<first>};
  return &entry;
}
const dunlin_entry* second_entry() {
  static const dunlin_entry entry = {sizeof(dunlin_entry), DUNLIN_ABI_VERSION,
                                     DUNLIN_ABI_VERSION, 0, "second", "1.0.0",
                                     "Second", "Apache-2.0", no_provides,
                                     second_needs, create<second>};
  return &entry;
}
constexpr dunlin_entry_fn statics[] = {second_entry, first_entry, nullptr};

class Host : public testing::Test {
 protected:
  Host() {
    calls.clear();
    PluginHostOptions options;
    options.product = "dunlin-server test";
    options.static_entries = statics;
    options.loader.directory = directory.path;
    host = std::make_unique<PluginHost>(options, executor, time, HostServices{});
  }
  Asked ask(const std::string& id, const ConfigNode* section = nullptr, bool required = true) {
    if (std::filesystem::exists(std::string(TEST_PLUGINS) + "/" + id + ".so") &&
        !std::filesystem::exists(directory.path + "/" + id + ".so")) {
      directory.copy_plugin(id);
    }
    return {{id, "", "", "[" + id + "] at server.toml:3:1"}, section, required};
  }
  Refusal refused(const Outcome& outcome) {
    EXPECT_FALSE(outcome.has_value());
    return outcome ? Refusal{} : outcome.error();
  }

  Directory directory;
  HandExecutor executor;
  HandTime time;
  std::unique_ptr<PluginHost> host;
};

TEST_F(Host, starts_in_order_of_needs_and_stops_in_reverse) {
  ASSERT_TRUE(host->load({ask("second"), ask("first")}).has_value());
  ASSERT_TRUE(host->configure().has_value());
  ASSERT_TRUE(host->start().has_value());
  host->drain(5);
  host->stop();
  host->destroy();
  EXPECT_THAT(calls, ElementsAre("first configure", "second configure", "first start",
                                 "second start", "second drain", "first drain", "second stop",
                                 "first stop", "second destroy", "first destroy"));
}

TEST_F(Host, a_plugin_from_a_file_lives_its_whole_life) {
  Node section{{"greeting", "hello"}};
  ASSERT_TRUE(host->load({ask("good", &section), ask("needs-good")}).has_value());
  ASSERT_TRUE(host->configure().has_value());
  ASSERT_TRUE(host->start().has_value());
  const auto list = host->list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].id, "good");
  EXPECT_EQ(list[0].status, "started");
  EXPECT_EQ(list[0].origin, directory.path + "/good.so");
  host->destroy();
}

TEST_F(Host, all_problems_are_reported_at_once) {
  const auto refusal = refused(host->load({ask("absent"), ask("rpath"), ask("unresolved")}));
  ASSERT_EQ(refusal.problems.size(), 3u);
  EXPECT_THAT(refusal.text(), HasSubstr("cannot start: 3 problems with plugins\n  absent"));
  EXPECT_THAT(refusal.text(), HasSubstr("asked for by [absent] at server.toml:3:1"));
  EXPECT_EQ(refusal.exit_code(), 78);
}

TEST_F(Host, a_missing_need_names_the_section_to_add) {
  const auto refusal = refused(host->load({ask("needs-nobody")}));
  EXPECT_THAT(refusal.text(),
              HasSubstr("needs-nobody 1.0.0 needs capability \"test.nobody/1\", and no configured "
                        "plugin provides it\n      add a [test.nobody] section"));
  EXPECT_EQ(refusal.exit_code(), 78);
}

TEST_F(Host, a_missing_wish_is_no_problem) {
  EXPECT_TRUE(host->load({ask("wants-nobody")}).has_value());
}

TEST_F(Host, one_id_twice_is_refused_with_both_origins) {
  const auto path = directory.copy_plugin("good", "copy");
  auto twin = ask("good");
  twin.request.path = path;
  const auto refusal = refused(host->load({ask("good"), twin}));
  EXPECT_THAT(refusal.text(), HasSubstr("good is there twice: from " + directory.path +
                                        "/good.so and from " + path));
}

TEST_F(Host, a_static_and_a_dynamic_copy_is_refused) {
  auto dynamic = ask("first");
  dynamic.request.path = "/somewhere/first.so";
  EXPECT_THAT(refused(host->load({dynamic})).text(),
              HasSubstr("first is there twice: from static and from /somewhere/first.so"));
}

TEST_F(Host, one_capability_twice_is_refused_with_both_origins) {
  const auto refusal = refused(host->load({ask("good"), ask("good-twin")}));
  EXPECT_THAT(refusal.text(), HasSubstr("capability \"test.good/1\" is provided twice: by good"));
  EXPECT_THAT(refusal.text(), HasSubstr("by good-twin 1.0.0 (" + directory.path));
}

TEST_F(Host, a_cycle_is_shown) {
  EXPECT_THAT(refused(host->load({ask("cycle-a"), ask("cycle-b")})).text(),
              HasSubstr("cycle-a -> cycle-b -> cycle-a"));
}

TEST_F(Host, a_failing_create_is_an_error_with_its_reason) {
  const auto refusal = refused(host->load({ask("create-fails")}));
  EXPECT_THAT(refusal.text(), HasSubstr("could not be created: the moon is in the wrong phase"));
}

TEST_F(Host, an_exception_out_of_create_is_an_error) {
  EXPECT_THAT(refused(host->load({ask("create-throws")})).text(),
              HasSubstr("it threw: out of cheese"));
}

TEST_F(Host, a_create_that_gives_nothing_is_an_error) {
  EXPECT_THAT(refused(host->load({ask("create-gives-nothing")})).text(),
              HasSubstr("gave no instance"));
}

TEST_F(Host, a_missing_required_function_is_an_error) {
  EXPECT_THAT(refused(host->load({ask("lacks-start")})).text(), HasSubstr("lacks start"));
}

TEST_F(Host, a_refused_configuration_keeps_the_plugins_sentence) {
  ASSERT_TRUE(host->load({ask("refuses-configuration")}).has_value());
  const auto refusal = refused(host->configure());
  EXPECT_THAT(refusal.text(), HasSubstr("this greeting is not polite at server.toml:41:9"));
  EXPECT_EQ(refusal.exit_code(), 78);
}

TEST_F(Host, an_unknown_key_is_refused_with_its_place) {
  const Node section{{"greting", Node("hello").at_line(7)}};
  ASSERT_TRUE(host->load({ask("good", &section)}).has_value());
  EXPECT_THAT(refused(host->configure()).text(),
              HasSubstr("unknown key \"greting\" at server.toml:7:5"));
}

TEST_F(Host, a_failing_start_stops_those_that_started) {
  ASSERT_TRUE(host->load({ask("first"), ask("start-fails")}).has_value());
  ASSERT_TRUE(host->configure().has_value());
  const auto refusal = refused(host->start());
  EXPECT_THAT(refusal.text(), HasSubstr("start-fails 1.0.0 did not start: the address is in use"));
  EXPECT_EQ(refusal.exit_code(), 70);
  EXPECT_THAT(calls, ElementsAre("first configure", "first start", "first stop"));
}

TEST_F(Host, an_optional_plugin_that_fails_leaves_the_server_degraded) {
  ASSERT_TRUE(host->load({ask("absent", nullptr, false), ask("start-fails", nullptr, false),
                          ask("first")})
                  .has_value());
  ASSERT_TRUE(host->configure().has_value());
  ASSERT_TRUE(host->start().has_value());
  std::map<std::string, std::string> status;
  for (const auto& line : host->list()) status[line.id] = line.status;
  EXPECT_THAT(status["absent"], HasSubstr("failed: absent cannot be loaded"));
  EXPECT_THAT(status["start-fails"], HasSubstr("failed"));
  EXPECT_EQ(status["first"], "started");
}

class Reload : public Host {
 protected:
  void start(const Node& section) {
    ASSERT_TRUE(host->load({ask("first", &section), ask("second")}).has_value());
    ASSERT_TRUE(host->configure().has_value());
    ASSERT_TRUE(host->start().has_value());
    calls.clear();
  }
};

TEST_F(Reload, changes_all_plugins_together) {
  start(Node{{"fixed", 1}, {"soft", 1}});
  const Node after{{"fixed", 1}, {"soft", 2}};
  ASSERT_TRUE(host->reload_prepare({ask("first", &after), ask("second")}).has_value());
  host->reload_finish(true);
  EXPECT_THAT(calls, ElementsAre("first configure", "second configure", "first commit",
                                 "second commit"));
}

TEST_F(Reload, one_refusal_rolls_all_back) {
  start(Node{});
  second.refuses_reload = true;
  const auto refusal = refused(host->reload_prepare({ask("first"), ask("second")}));
  EXPECT_THAT(refusal.text(), HasSubstr("second 1.0.0 refuses the reload: not today"));
  EXPECT_THAT(calls, ElementsAre("first configure", "first rollback"));
}

TEST_F(Reload, a_key_that_is_not_reloadable_may_not_change) {
  start(Node{{"fixed", 1}});
  const Node after{{"fixed", 2}};
  EXPECT_THAT(refused(host->reload_prepare({ask("first", &after), ask("second")})).text(),
              HasSubstr("\"fixed\" changed; that takes a restart"));
}

TEST_F(Reload, a_section_changes_only_where_the_plugin_takes_reloads) {
  const Node before{{"greeting", "hello"}}, same{{"greeting", "hello"}}, after{{"greeting", "hi"}};
  ASSERT_TRUE(host->load({ask("good", &before)}).has_value());
  ASSERT_TRUE(host->configure().has_value());
  ASSERT_TRUE(host->start().has_value());
  ASSERT_TRUE(host->reload_prepare({ask("good", &same)}).has_value());
  host->reload_finish(true);
  for (const Node* const changed : {&after, static_cast<const Node*>(nullptr)}) {
    const auto refusal = refused(host->reload_prepare({ask("good", changed)}));
    EXPECT_THAT(refusal.text(), HasSubstr("good 1.0.0 takes over no changes of its section"));
    EXPECT_THAT(refusal.text(), HasSubstr("restart the server for that"));
  }
}

TEST_F(Reload, removing_a_plugin_needs_a_restart) {
  start(Node{});
  EXPECT_THAT(refused(host->reload_prepare({ask("first")})).text(),
              HasSubstr("second 1.0.0 cannot be removed by a reload"));
}

TEST_F(Reload, only_a_plugin_made_for_it_can_be_added) {
  start(Node{});
  EXPECT_THAT(refused(host->reload_prepare({ask("first"), ask("second"), ask("good")})).text(),
              HasSubstr("good 1.0.0 cannot be added by a reload"));
  ASSERT_TRUE(
      host->reload_prepare({ask("first"), ask("second"), ask("hot-add")}).has_value());
  host->reload_finish(true);
  EXPECT_EQ(host->list().back().id, "hot-add");
  EXPECT_EQ(host->list().back().status, "started");
}

TEST_F(Host, the_list_shows_version_origin_hash_and_faults) {
  directory.copy_plugin("good");
  ::chmod(directory.copy_plugin("hot-add").c_str(), 0666);
  PluginHostOptions options;
  options.static_entries = statics;
  options.loader.directory = directory.path;
  const auto text = list_text(list_available(options));
  EXPECT_THAT(text,
              testing::ContainsRegex("first +1\\.0\\.0 +0\\.1\\.\\.0\\.1 +- +static, available"));
  EXPECT_THAT(text, testing::ContainsRegex("good +1\\.0\\.0 +0\\.1\\.\\.0\\.1 +[0-9a-f]{12}  /"));
  EXPECT_THAT(text, HasSubstr("refused: hot-add cannot be loaded"));
}

}  // namespace
}  // namespace dunlin::plugin::test
