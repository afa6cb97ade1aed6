#include "sdk/testkit/session.hpp"

#include <algorithm>

namespace dunlin::testkit {
namespace {

constexpr std::size_t waiters_kept = 4096;

dunlin_str raw(const std::string& text) { return {text.data(), text.size()}; }

dunlin_error fresh() {
  dunlin_error err{};
  err.struct_size = sizeof err;
  return err;
}

Outcome outcome_of(dunlin_status status, const dunlin_error& err) {
  return {status, err.text, false};
}

std::vector<dunlin_meta> raw_items(const std::vector<MetaItem>& items) {
  std::vector<dunlin_meta> out;
  for (const auto& item : items) {
    out.push_back({raw(item.path),
                   {reinterpret_cast<const std::uint8_t*>(item.blob.data()), item.blob.size()},
                   item.erase ? 1u : 0u,
                   0});
  }
  return out;
}

void on_event(void* user, const dunlin_log_event* event) {
  // The log's name is looked up later: the first event may come while it is being opened.
  static_cast<std::vector<LogEvent>*>(user)->push_back(
      {event->kind, event->first, event->last, {event->text.data, event->text.size}});
}

}  // namespace

void Waiter::finish(dunlin_status status, const dunlin_error* err) {
  auto& scheduler = world->scheduler;
  if (answered) scheduler.violation(cat(what, ": completed though it had been answered at once"));
  if (++calls > 1) scheduler.violation(cat(what, ": completed ", calls, " times"));
  if (Scheduler::task_number() == task) {
    scheduler.violation(cat(what, ": completed from inside the call that queued it"));
  }
  if (scheduler.thread() != thread) {
    scheduler.violation(cat(what, ": completed on thread kind ", scheduler.thread(),
                            " instead of ", thread));
  }
  outcome.status = status;
  outcome.queued = true;
  if (err != nullptr) outcome.text = err->text;
}

bool Waiter::may_visit() {
  if (!answered && !over()) return true;
  world->scheduler.violation(cat(what, ": visited after its end"));
  return false;
}

Session::Session(World& world, std::string dir, std::uint32_t flags, Outcome* outcome)
    : world_(world), dir_(std::move(dir)) {
  dunlin_store_options options{};
  options.struct_size = sizeof options;
  options.flags = flags;
  options.dir = raw(dir_);
  options.sync_interval_ns = sync_interval_ns;
  auto err = fresh();
  const auto status = world_.scheduler.as(DUNLIN_THREAD_CONTROL, [&] {
    return world_.storage().open(world_.storage_self(), &options, &store_, &api_, &err);
  });
  if (outcome != nullptr) *outcome = outcome_of(status, err);
  if (status == DUNLIN_OK) return;
  api_ = nullptr;
  expect(outcome != nullptr, "open", "opening the store failed: ", status_name(status), " ",
         err.text);
}

Session::~Session() {
  // A test that failed may leave anything behind; what is closed here is not judged.
  try {
    close();
  } catch (const Failure&) {
  }
}

void Session::close() {
  if (api_ == nullptr) return;
  while (!logs_.empty()) {
    Log* log = logs_.back().get();
    close_log(log);
  }
  const auto* api = std::exchange(api_, nullptr);
  world_.scheduler.as(DUNLIN_THREAD_CONTROL, [&] { api->close(store_); });
  check_rules();
}

Log* Session::open_log(const std::string& name, const OpenLog& chosen, Outcome* outcome) {
  dunlin_log_options options{};
  options.struct_size = sizeof options;
  options.flags = chosen.flags;
  options.sync = chosen.sync;
  options.compression = chosen.compression;
  options.first_seq = chosen.first_seq;
  options.thread = DUNLIN_THREAD_SHARD;
  auto log = std::make_unique<Log>(*this, name, nullptr, nullptr);
  options.event = on_event;
  options.user = &log->events;
  auto err = fresh();
  const auto status = world_.scheduler.as(DUNLIN_THREAD_CONTROL, [&] {
    return api_->open_log(store_, raw(name), &options, &log->log_, &log->api_, &err);
  });
  if (outcome != nullptr) *outcome = outcome_of(status, err);
  if (status != DUNLIN_OK) {
    expect(outcome != nullptr, "open_log", "opening log \"", name, "\" failed: ",
           status_name(status), " ", err.text);
    return nullptr;
  }
  logs_.push_back(std::move(log));
  check_rules();
  return logs_.back().get();
}

Outcome Session::close_log(Log*& log) {
  const auto at = std::find_if(logs_.begin(), logs_.end(),
                               [&](const auto& one) { return one.get() == log; });
  const std::unique_ptr<Log> gone = std::move(*at);
  logs_.erase(at);
  log = nullptr;
  return gone->close();
}

Outcome Session::drop_log(const std::string& name) {
  auto err = fresh();
  const auto status = world_.scheduler.as(
      DUNLIN_THREAD_CONTROL, [&] { return api_->drop_log(store_, raw(name), &err); });
  check_rules();
  return outcome_of(status, err);
}

Outcome Session::list_logs(const std::string& prefix, std::vector<std::string>& names,
                           std::size_t stop_after) {
  struct Visitor {
    std::vector<std::string>& names;
    std::size_t stop_after;
  } visitor{names, stop_after};
  names.clear();
  const auto visit = [](void* user, dunlin_str name) {
    auto& self = *static_cast<Visitor*>(user);
    self.names.emplace_back(name.data, name.size);
    return self.stop_after == 0 || self.names.size() < self.stop_after;
  };
  auto err = fresh();
  const auto status = world_.scheduler.as(DUNLIN_THREAD_CONTROL, [&] {
    return api_->list_logs(store_, raw(prefix), visit, &visitor, &err);
  });
  return outcome_of(status, err);
}

std::shared_ptr<Waiter> Session::put_meta_later(const std::vector<MetaItem>& items) {
  auto waiter = std::make_shared<Waiter>();
  waiter->thread = DUNLIN_THREAD_CONTROL;
  const auto raws = raw_items(items);
  const auto done = [](void* user, dunlin_status status, const dunlin_error* err) {
    static_cast<Waiter*>(user)->finish(status, err);
  };
  make("put_meta", DUNLIN_THREAD_SHARD, waiter, DUNLIN_OK, false, [&](dunlin_error*) {
    return api_->put_meta(store_, raws.data(), raws.size(), DUNLIN_THREAD_CONTROL, 0, done,
                          waiter.get());
  });
  return waiter;
}

Outcome Session::put_meta(const std::vector<MetaItem>& items) {
  const auto waiter = put_meta_later(items);
  if (!waiter->answered) await(*waiter);
  return waiter->outcome;
}

Outcome Session::list_meta(const std::string& prefix, std::vector<MetaItem>& items) {
  items.clear();
  const auto visit = [](void* user, const dunlin_meta* item) {
    static_cast<std::vector<MetaItem>*>(user)->push_back(
        {{item->path.data, item->path.size},
         {reinterpret_cast<const char*>(item->blob.data), item->blob.size},
         item->erase != 0});
    return true;
  };
  auto err = fresh();
  const auto status = world_.scheduler.as(DUNLIN_THREAD_CONTROL, [&] {
    return api_->list_meta(store_, raw(prefix), visit, &items, &err);
  });
  check_rules();
  return outcome_of(status, err);
}

Outcome Session::make(const char* what, std::uint32_t thread,
                      const std::shared_ptr<Waiter>& waiter, dunlin_status waits, bool await_it,
                      const std::function<dunlin_status(dunlin_error*)>& call) {
  kept_.push_back(waiter);
  if (kept_.size() > waiters_kept && (kept_.front()->over() || kept_.front()->answered)) {
    kept_.pop_front();
  }
  waiter->world = &world_;
  waiter->what = what;
  auto err = fresh();
  const auto status = world_.scheduler.as(thread, [&] {
    waiter->task = Scheduler::task_number();
    return call(&err);
  });
  if (status != waits) {
    waiter->answered = true;
    expect(!waiter->over(), what, "answered ", status_name(status), " and completed too");
    waiter->outcome = outcome_of(status, err);
    check_rules();
    return waiter->outcome;
  }
  if (await_it) await(*waiter);
  return waiter->outcome;
}

void Session::await(Waiter& waiter) {
  const bool came = world_.scheduler.run_until([&] { return waiter.over(); });
  check_rules();
  expect(came, waiter.what, "its completion never came");
}

void Session::check_rules() {
  const std::string broken = world_.scheduler.first_violation();
  expect(broken.empty(), "threads", broken);
}

std::uint64_t Dump::digest() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> hashes;
  for (const auto& record : records) hashes.emplace_back(record.seq, record.hash());
  return digest_of(first, last, hashes, schedule);
}

Dump dump(Log& log, bool schedule) {
  Dump out;
  const auto state = log.state();
  out.first = state.first_seq;
  out.last = state.last_seq;
  ReadQuery query;
  query.from = out.first;
  while (query.from <= out.last) {
    query.records_max = 500;
    auto got = log.read(query);
    for (auto& record : got.records) out.records.push_back(std::move(record));
    if (got.status == DUNLIN_E_CORRUPT) {
      expect(got.next >= query.from && got.next <= out.last, "S3",
             "E_CORRUPT names sequence ", got.next, ", outside of the read from ", query.from);
      if (!out.unreadable.empty() && out.unreadable.back().second + 1 == got.next) {
        out.unreadable.back().second = got.next;
      } else {
        out.unreadable.emplace_back(got.next, got.next);
      }
    } else {
      expect(got.ok(), "read", "failed: ", status_name(got.status), " ", got.text);
      if (got.why == DUNLIN_READ_END) break;
      expect(got.next > query.from, "read", "does not move on from ", query.from);
    }
    query.from = got.status == DUNLIN_E_CORRUPT ? got.next + 1 : got.next;
  }
  if (schedule) {
    auto due = log.due(DUNLIN_DUE_SCHEDULE, INT64_MAX - 1);
    if (due.status == DUNLIN_E_CORRUPT) return out;
    expect(due.ok(), "due", "failed: ", status_name(due.status), " ", due.text);
    out.schedule = std::move(due.items);
    std::sort(out.schedule.begin(), out.schedule.end());
  }
  return out;
}

}  // namespace dunlin::testkit
