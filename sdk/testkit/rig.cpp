#include "sdk/testkit/rig.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace dunlin::testkit {

Disk fresh_disk() {
  Disk disk;
  disk.apply({DiskChange::make_dir, 0, "/data", {}, 0, {}});
  disk.settle();
  return disk;
}

std::string store_path(const Context& context) {
  if (context.options.real_dir.empty()) return store_dir;
  const auto path = cat(context.options.real_dir, "/testkit-", ::getpid());
  return path;
}

Rig::Rig(Context& context, OpenLog options, std::vector<std::string> settings)
    : model({}, options.first_seq), rng(context.seed), context_(context), options_(options),
      settings_(std::move(settings)) {
  if (!context.options.real_dir.empty()) std::filesystem::remove_all(store_path(context));
  start(fresh_disk());
  model = Model(session_->costs(), options.first_seq);
  since_sync_ = {model};
}

Rig::~Rig() {
  session_.reset();
  world_.reset();
  if (!context_.options.real_dir.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(store_path(context_), ignored);
  }
}

void Rig::start(Disk disk) {
  auto options = context_.world();
  options.settings.insert(options.settings.end(), settings_.begin(), settings_.end());
  options.seed += rng.next();
  world_ = std::make_unique<World>(options, std::move(disk));
  session_ = std::make_unique<Session>(*world_, store_path(context_));
  log_ = session_->open_log("stream/A", options_);
}

void Rig::need(std::uint32_t feature, const char* name) {
  if (!has(feature)) throw Skipped(cat("the backend does not claim ", name));
}

Record Rig::record(const std::string& subject, std::size_t payload_bytes,
                   const std::string& header) {
  Record out;
  out.seq = model.last() + 1;
  time_ += static_cast<std::int64_t>(rng.below(3)) * 1'000'000;
  out.time_ns = std::max(time_, model.last_time());
  out.subject = subject;
  out.header = header;
  out.payload.resize(payload_bytes);
  for (std::size_t at = 0; at < payload_bytes; at += 8) {
    const std::uint64_t word = rng.next();
    std::memcpy(out.payload.data() + at, &word, std::min<std::size_t>(8, payload_bytes - at));
  }
  return out;
}

void Rig::changed() {
  if (remember) since_sync_.push_back(model);
}

void Rig::append(const std::vector<Record>& records) {
  std::vector<Record> rest = records;
  while (!rest.empty()) {
    const std::size_t events = log_->events.size();
    const auto out = log_->append(rest, true);
    for (std::size_t i = 0; i < out.accepted; ++i) {
      model.append(rest[i]);
      changed();
      if (!has(DUNLIN_STORE_SUBJECT_INDEX) || out.spans[i].count == 0) continue;
      const Span wanted = model.span(rest[i].subject);
      expect(out.spans[i] == wanted, "append", "the span behind ", rest[i].text(), " is ",
             out.spans[i].count, "/", out.spans[i].first, "/", out.spans[i].last, ", not ",
             wanted.count, "/", wanted.first, "/", wanted.last);
    }
    rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(out.accepted));
    if (out.ok()) return;
    expect(out.status == DUNLIN_E_AGAIN, "append", "refused ", rest.front().text(), ": ",
           status_name(out.status), " ", out.text);
    await_room("append", events);
  }
}

void Rig::await_room(const char* what, std::size_t events) {
  const bool room = world_->scheduler.run_until([&] {
    return std::any_of(log_->events.begin() + static_cast<std::ptrdiff_t>(events),
                       log_->events.end(),
                       [](const LogEvent& event) { return event.kind == DUNLIN_LOG_ROOM; });
  });
  expect(room, what, "E_AGAIN, and DUNLIN_LOG_ROOM never came");
}

std::vector<Record> Rig::make_group(std::size_t n, std::size_t payload_bytes_max) {
  std::vector<Record> group;
  for (std::size_t i = 0; i < n; ++i) {
    group.push_back(record(cat("group.", i % 7, ".x"), rng.below(payload_bytes_max + 1),
                           rng.chance(20) ? "NATS/1.0\r\n\r\n" : ""));
    group.back().seq += i;
  }
  return group;
}

void Rig::append_group(const std::vector<Record>& records) {
  if (!has(DUNLIN_STORE_ATOMIC_BATCH)) return append(records);
  for (;;) {
    const std::size_t events = log_->events.size();
    const auto out = log_->append(records, false, DUNLIN_APPEND_ATOMIC);
    if (out.ok()) break;
    expect(out.status == DUNLIN_E_AGAIN, "append", "refused a group of ", records.size(), ": ",
           status_name(out.status), " ", out.text);
    check_state();
    await_room("append", events);
  }
  for (const auto& record : records) model.append(record);
  changed();
}

void Rig::append(const std::string& subject, std::size_t payload_bytes) {
  append(std::vector{record(subject, payload_bytes)});
}

void Rig::append_mixed(std::size_t n) {
  static constexpr const char* first[] = {"orders", "audit", "metrics"};
  static constexpr const char* second[] = {"eu", "us", "asia", "x"};
  for (std::size_t i = 0; i < n; ++i) {
    auto one = record(cat(first[rng.below(3)], ".", second[rng.below(4)], ".", rng.below(5)),
                      rng.below(60), rng.chance(25) ? "NATS/1.0\r\nA: b\r\n\r\n" : "");
    if (rng.chance(10)) one.subject = cat("rare.", one.seq);
    if (rng.chance(20)) {
      one.expires_ns = one.time_ns + static_cast<std::int64_t>(rng.below(3600)) * 1'000'000'000;
    }
    if (rng.chance(10)) {
      one.due_ns = one.time_ns + static_cast<std::int64_t>(rng.below(3600)) * 1'000'000'000;
    }
    append(std::vector{one});
  }
}

Outcome Rig::when_there_is_room(const char* what, const std::function<Outcome()>& change) {
  for (;;) {
    const auto events = log_->events.size();
    auto out = change();
    if (out.status != DUNLIN_E_AGAIN) return out;
    await_room(what, events);
  }
}

void Rig::skip(std::uint64_t count, std::int64_t time_ns) {
  const auto out = when_there_is_room(
      "skip", [&] { return log_->skip(model.last() + 1, count, time_ns); });
  expect(out.ok(), "skip", "failed: ", status_name(out.status), " ", out.text);
  model.skip(count, time_ns);
  changed();
}

namespace {

void compare(const char* clause, const Outcome& out, const Removed& got, const Removed& wanted) {
  expect(out.ok(), clause, "failed: ", status_name(out.status), " ", out.text);
  expect(got == wanted, clause, "says it removed ", got.records, " records and ", got.bytes,
         " bytes; it is ", wanted.records, " and ", wanted.bytes);
}

}  // namespace

void Rig::remove(const std::vector<std::uint64_t>& seqs) {
  Removed got;
  const auto out = log_->remove(seqs, got);
  compare("remove", out, got, model.remove(seqs));
  changed();
}

void Rig::purge(const std::string& filter, std::uint64_t below, std::uint64_t keep) {
  if (!filter.empty() && !has(DUNLIN_STORE_SUBJECT_INDEX)) return;
  Removed got;
  const auto out = log_->purge(filter, below, keep, got);
  compare("purge", out, got, model.purge(filter, below, keep));
  changed();
}

void Rig::truncate(std::uint64_t last) {
  Removed got;
  const auto out = log_->truncate(last, got);
  compare("truncate", out, got, model.truncate(last));
  changed();
}

void Rig::reschedule(std::uint64_t seq, std::int64_t due_ns) {
  if (!has(DUNLIN_STORE_DUE_INDEX)) return;
  const auto out =
      when_there_is_room("reschedule", [&] { return log_->reschedule(seq, due_ns); });
  expect(out.ok(), "reschedule", "failed: ", status_name(out.status), " ", out.text);
  model.reschedule(seq, due_ns);
  changed();
}

void Rig::sync() {
  const auto out = log_->sync();
  expect(out.ok(), "sync", "failed: ", status_name(out.status), " ", out.text);
  since_sync_ = {model};
  if (has(DUNLIN_STORE_VOLATILE)) return;
  expect(log_->durable_seq() >= model.last(), "S1", "after a sync durable_seq is ",
         log_->durable_seq(), " and the last sequence ", model.last());
}

void Rig::reopen() {
  if (has(DUNLIN_STORE_VOLATILE)) return;
  const auto out = session_->close_log(log_);
  expect(out.ok(), "close", "failed: ", status_name(out.status), " ", out.text);
  session_->close();
  session_.reset();
  // The world's end is part of it: a plugin may not write after its stores were closed.
  world_->scheduler.drain();
  Disk disk = world_->disk;
  const auto open = world_->open_files.load();
  expect(open == 0, "lifecycle", open, " files are still open after the store was closed");
  world_.reset();
  disk.settle();
  start(std::move(disk));
  since_sync_ = {model};
}

Disk Rig::pull_plug(Cut cut) {
  Disk disk = world_->disk.cut(cut, rng);
  log_ = nullptr;
  // What the dying instance still does happens to a disk that nobody looks at any more.
  world_->fault = {};
  session_.reset();
  world_.reset();
  return disk;
}

void Rig::power_cut(Cut cut) {
  if (has(DUNLIN_STORE_VOLATILE) || !context_.options.real_dir.empty()) return reopen();
  start(pull_plug(cut));
  settle_on(cut_name(cut));
}

void Rig::settle_on(const char* cut) {
  const auto found = dump(*log_, has(DUNLIN_STORE_DUE_INDEX));
  expect(found.unreadable.empty(), "S1", "after a cut (", cut, ") sequence ",
         found.unreadable.empty() ? 0 : found.unreadable[0].first, " is unreadable");
  const auto digest = found.digest();
  for (auto state = since_sync_.rbegin(); state != since_sync_.rend(); ++state) {
    if (state->digest() != digest) continue;
    model = *state;
    since_sync_ = {model};
    return;
  }
  const auto& least = since_sync_.front();
  const auto& most = since_sync_.back();
  const char* clause = found.last < least.last() ? "S1" : "S2";
  throw Failure(clause, cat("after a cut (", cut, ") the log has ", found.first, "..", found.last,
                            " with ", found.records.size(), " records; that is none of the ",
                            since_sync_.size(), " states from ", least.first(), "..", least.last(),
                            " with ", least.live().size(), " (synced) to ", most.first(), "..",
                            most.last(), " with ", most.live().size()));
}

}  // namespace dunlin::testkit
