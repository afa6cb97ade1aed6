// Contract: stores, names of logs, metadata, life cycle.
#include <algorithm>

#include "sdk/testkit/rig.hpp"

namespace dunlin::testkit {
namespace {

void expect_status(const char* clause, const char* what, const Outcome& out,
                   dunlin_status wanted) {
  expect(out.status == wanted, clause, what, ": ", status_name(out.status), " ", out.text,
         ", should be ", status_name(wanted));
}

void opening(Context& context) {
  Rig rig(context);
  Session& session = rig.session();
  Outcome out;
  OpenLog no_create;
  no_create.flags = 0;
  session.open_log("stream/B", no_create, &out);
  expect_status("open_log", "a log that is not there, without CREATE", out, DUNLIN_E_NOT_FOUND);
  session.open_log("stream/A", {}, &out);
  expect_status("open_log", "a log that is open", out, DUNLIN_E_EXISTS);
  for (const auto& name :
       {std::string(), std::string("."), std::string(".."), std::string("a//b"),
        std::string("/a"), std::string("a/"), std::string("a/../b"), std::string("a\nb"),
        std::string("a\0b", 3), std::string(1025, 'x')}) {
    session.open_log(name, {}, &out);
    expect_status("open_log", "a name against the rules", out, DUNLIN_E_INVALID);
  }
  expect_status("drop_log", "a log that is not there", session.drop_log("stream/B"),
                DUNLIN_E_NOT_FOUND);
  expect(!session.drop_log("stream/A").ok(), "drop_log", "of an open log answered OK");
  if (rig.has(DUNLIN_STORE_VOLATILE)) return;
  Outcome second;
  const Session other(rig.world(), store_path(context), DUNLIN_LOG_CREATE, &second);
  expect_status("open", "a store that is open", second, DUNLIN_E_AGAIN);
}

void names(Context& context) {
  Rig rig(context);
  Session& session = rig.session();
  std::vector<std::string> all = {"stream/A"};
  for (const auto& name :
       {std::string("a"), std::string("a b"), std::string("stream/Ä€"), std::string("raft/g/1"),
        std::string("x/con.aux"), std::string("CASE"), std::string("case"),
        std::string("%2F"), std::string("s/") + std::string(1000, 'n')}) {
    Log* log = session.open_log(name);
    Record record = rig.record("only.in.this");
    record.seq = 1;
    record.payload = name;
    expect(log->append({record}).ok(), "open_log", "cannot append to log ", name);
    session.close_log(log);
    all.push_back(name);
  }
  std::sort(all.begin(), all.end());
  std::vector<std::string> found;
  const auto check = [&](const std::string& prefix) {
    std::vector<std::string> wanted;
    for (const auto& name : all) {
      if (name.starts_with(prefix)) wanted.push_back(name);
    }
    rig.session().list_logs(prefix, found);
    expect(found == wanted, "list_logs", "of \"", prefix, "\" gives ", found.size(), " names (",
           found.empty() ? "" : found.front(), "...), should be ", wanted.size());
  };
  for (const char* prefix : {"", "s", "stream/", "stream/A", "nobody"}) check(prefix);
  rig.session().list_logs("", found, 2);
  expect(found.size() == 2, "list_logs", "did not stop when told");
  expect(session.drop_log("a b").ok(), "drop_log", "failed");
  all.erase(std::find(all.begin(), all.end(), "a b"));
  check("");
  if (rig.has(DUNLIN_STORE_VOLATILE)) return;
  rig.reopen();
  check("");
  for (const auto& name : all) {
    if (name == "stream/A") continue;
    Log* log = rig.session().open_log(name);
    const auto got = log->read({});
    expect(got.records.size() == 1 && got.records[0].payload == name, "open_log",
           "log ", name, " does not hold what was put into it");
    rig.session().close_log(log);
  }
}

void drop_and_make(Context& context) {
  Rig rig(context);
  Session& session = rig.session();
  for (int round = 0; round < 3; ++round) {
    Log* log = session.open_log("again");
    const auto state = log->state();
    expect(state.last_seq == 0 && state.records == 0, "drop_log",
           "a log made again has old records");
    for (std::uint64_t seq = 1; seq <= 100; ++seq) {
      Record record = rig.record("some.thing", 100);
      record.seq = seq;
      log->append({record});
    }
    log->sync();
    session.close_log(log);
    expect(session.drop_log("again").ok(), "drop_log", "failed");
    std::vector<std::string> found;
    session.list_logs("again", found);
    expect(found.empty(), "drop_log", "the log is still listed");
  }
}

std::vector<MetaItem> listed(Rig& rig, const std::string& prefix) {
  std::vector<MetaItem> items;
  const auto out = rig.session().list_meta(prefix, items);
  expect(out.ok(), "list_meta", "failed: ", status_name(out.status), " ", out.text);
  return items;
}

void metadata(Context& context) {
  Rig rig(context);
  const auto check = [&](const std::string& prefix, const std::vector<MetaItem>& wanted) {
    const auto got = listed(rig, prefix);
    expect(got == wanted, "list_meta", "of \"", prefix, "\" gives ", got.size(),
           " items, should be ", wanted.size());
  };
  const std::string big(200'000, 'b');
  check("", {});
  const auto put = [&](const std::vector<MetaItem>& items) {
    const auto out = rig.session().put_meta(items);
    expect(out.ok(), "put_meta", "failed: ", status_name(out.status), " ", out.text);
  };
  put({{"streams/A", "one"}, {"consumers/A/c1", ""}, {"consumers/A/c2", big}});
  check("", {{"consumers/A/c1", ""}, {"consumers/A/c2", big}, {"streams/A", "one"}});
  check("consumers/", {{"consumers/A/c1", ""}, {"consumers/A/c2", big}});
  put({{"streams/A", "two"}, {"consumers/A/c1", "", true}, {"nobody", "", true}});
  check("", {{"consumers/A/c2", big}, {"streams/A", "two"}});
  // In one put, the last word on a path stands.
  put({{"x", "1"}, {"x", "2"}, {"y", "1"}, {"y", "", true}});
  check("x", {{"x", "2"}});
  check("y", {});
  put({});
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  put({{"binary/Ä", bytes}});
  // What was accepted is listed before it is durable.
  const auto later = rig.session().put_meta_later({{"z", "later"}});
  check("z", {{"z", "later"}});
  rig.session().await(*later);
  if (rig.has(DUNLIN_STORE_VOLATILE)) return;
  rig.reopen();
  check("", {{"binary/Ä", bytes}, {"consumers/A/c2", big}, {"streams/A", "two"}, {"x", "2"},
             {"z", "later"}});
}

void metadata_names(Context& context) {
  Rig rig(context);
  for (const auto& path : {std::string(), std::string(".."), std::string("a//b"),
                           std::string("/a"), std::string("a\tb"), std::string(1025, 'x')}) {
    expect_status("put_meta", "a path against the rules",
                  rig.session().put_meta({{"good", "x"}, {path, "x"}}), DUNLIN_E_INVALID);
  }
  expect(listed(rig, "").empty(), "S5", "a refused put left one of its items");
}

void metadata_order(Context& context) {
  Rig rig(context);
  std::vector<std::shared_ptr<Waiter>> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(rig.session().put_meta_later({{"counter", cat(i)}, {cat("n/", i), "x"}}));
  }
  for (const auto& one : waiting) {
    rig.session().await(*one);
    expect(one->outcome.ok(), "put_meta", "failed");
  }
  expect(listed(rig, "counter") == std::vector<MetaItem>{{"counter", "49"}}, "put_meta",
         "puts were not done in the order of the calls");
  expect(listed(rig, "n/").size() == 50, "put_meta", "lost an item");
}

void read_only(Context& context) {
  Rig rig(context);
  if (rig.has(DUNLIN_STORE_VOLATILE)) throw Skipped("nothing survives to be read");
  rig.append_mixed(30);
  rig.sync();
  Log* log = &rig.log();
  rig.session().close_log(log);
  OpenLog options;
  options.flags = DUNLIN_LOG_READ_ONLY;
  log = rig.session().open_log("stream/A", options);
  const auto out = log->append({rig.record("orders.eu.1")});
  expect(out.status == DUNLIN_E_DENIED, "append", "to a log opened to be read: ",
         status_name(out.status));
  Removed removed;
  expect(log->remove({3}, removed).status == DUNLIN_E_DENIED, "remove",
         "from a log opened to be read was not refused");
  expect(dump(*log, false).records.size() == 30, "read", "of a log opened to be read");
  rig.session().close_log(log);
}

void lifecycle(Context& context) {
  Disk disk = fresh_disk();
  auto options = context.world();
  std::uint64_t appended = 0;
  std::uint64_t kept = 0;
  for (std::uint64_t round = 0; round < context.options.lifecycles; ++round) {
    options.seed = context.seed + round;
    World world(options, disk);
    const bool is_volatile = (world.storage().features & DUNLIN_STORE_VOLATILE) != 0;
    {
      Session session(world, store_path(context));
      Log* log = session.open_log("turns");
      const auto state = log->state();
      expect(is_volatile || state.last_seq == appended, "lifecycle", "round ", round,
             " finds the last sequence ", state.last_seq, " instead of ", appended);
      if (is_volatile) appended = state.last_seq;
      Record record;
      record.seq = ++appended;
      record.time_ns = static_cast<std::int64_t>(appended);
      record.subject = "turn";
      record.payload = cat(round);
      expect(log->append({record}).ok(), "append", "failed in round ", round);
    }
    expect(world.open_files == 0, "lifecycle", world.open_files.load(), " files left open");
    expect(world.locks.empty(), "lifecycle", "a lock is still held after close");
    world.scheduler.drain();
    disk = world.disk;
    disk.settle();
    ++kept;
  }
  context.notes.push_back(cat(kept, " life cycles, ", disk.files("/data").size(), " files, ",
                              disk.used(), " bytes on the disk"));
}

}  // namespace

void add_store_tests(Suite& suite) {
  suite.push_back({"open_log.refusals", "open_log", opening});
  suite.push_back({"open_log.names", "open_log", names});
  suite.push_back({"open_log.read_only", "open_log", read_only});
  suite.push_back({"drop_log.leaves_nothing", "drop_log", drop_and_make});
  suite.push_back({"put_meta.items", "put_meta", metadata});
  suite.push_back({"put_meta.names", "put_meta", metadata_names});
  suite.push_back({"put_meta.order", "put_meta", metadata_order});
  suite.push_back({"lifecycle.opens_and_closes", "lifecycle", lifecycle});
}

}  // namespace dunlin::testkit
