#include "plugins/store-tools/store.hpp"

namespace dunlin::store_tools {
namespace {

using detail::str;
using detail::view;

// Calls a function that takes an error, and gives what it said.
template <class Call>
result<> checked(Call&& call) {
  auto error = detail::fresh_error();
  const dunlin_status status = call(&error);
  if (status != DUNLIN_OK && error.text[0] == '\0') return detail::take(status, "the storage");
  return detail::take(status, error);
}

}  // namespace

result<Storage> find_storage(const Registry& registry, std::string_view kind) {
  std::string known;
  for (const dunlin_offer& offer : registry.all(DUNLIN_EXT_STORAGE)) {
    const auto* const table = static_cast<const dunlin_storage*>(offer.table);
    if (table->kind == kind) return Storage{table, offer.self};
    known += (known.empty() ? "" : ", ") + std::string(table->kind);
  }
  return fail(DUNLIN_E_NOT_FOUND, "there is no storage \"" + std::string(kind) + "\"; there is " +
                                      (known.empty() ? "none" : known) +
                                      ". dunlin-server --list-plugins shows the plugins that were "
                                      "found, and which of them were refused, and why");
}

void Signal::set(dunlin_status status, const dunlin_error* error) {
  const std::lock_guard lock(mutex_);
  outcome_ = error != nullptr ? detail::take(status, *error)
                              : detail::take(status, "the storage");
  // Under the lock: the one who waits may be gone a moment later, and this object with it.
  is_set_.notify_all();
}

result<> Signal::wait() {
  std::unique_lock lock(mutex_);
  is_set_.wait(lock, [this] { return outcome_.has_value(); });
  return *outcome_;
}

// ---- a log --------------------------------------------------------------------------------

void Log::Room::wait() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return is_there; });
  is_there = false;
}

void Log::on_event(void* user, const dunlin_log_event* event) noexcept {
  // A poisoned log refuses what waits for room.
  if (event->kind != DUNLIN_LOG_ROOM && event->kind != DUNLIN_LOG_POISONED) return;
  auto& room = *static_cast<Room*>(user);
  const std::lock_guard lock(room.mutex);
  room.is_there = true;
  room.changed.notify_all();
}

Log::~Log() {
  Signal closed;
  api_->close(raw_, Signal::on_done, &closed);
  // What closing could not write, syncing has told before.
  static_cast<void>(closed.wait());
}

result<dunlin_log_state> Log::state() const {
  dunlin_log_state state{};
  state.struct_size = sizeof state;
  const auto outcome = detail::take(api_->state(raw_, &state), "reading the state of the log");
  if (!outcome) return outcome.error();
  return state;
}

namespace {

struct Page {
  const std::function<void(const dunlin_record&)>* visit;
  Signal done;
  dunlin_read_end end{};

  static bool on_record(void* user, const dunlin_record* record) noexcept {
    (*static_cast<Page*>(user)->visit)(*record);
    return true;
  }
  static void on_done(void* user, dunlin_status status, const dunlin_read_end* end,
                      const dunlin_error* error) noexcept {
    auto& page = *static_cast<Page*>(user);
    if (end != nullptr) page.end = *end;
    page.done.set(status, error);
  }
};

}  // namespace

result<PageEnd> Log::read(const PageQuery& query,
                          const std::function<void(const dunlin_record&)>& visit) const {
  Page page;
  page.visit = &visit;
  page.end.struct_size = sizeof page.end;
  dunlin_read read{};
  read.struct_size = sizeof read;
  read.from = query.from;
  read.to = query.to;
  read.records_max = query.records_max;
  read.bytes_max = query.bytes_max;
  read.visit = Page::on_record;
  read.done = Page::on_done;
  read.user = &page;
  auto outcome = checked(
      [&](dunlin_error* error) { return api_->read(raw_, &read, &page.end, error); });
  if (!outcome && outcome.error().status == DUNLIN_E_AGAIN) outcome = page.done.wait();
  PageEnd end{page.end.next, page.end.why == DUNLIN_READ_END, std::nullopt};
  if (outcome) return end;
  if (outcome.error().status != DUNLIN_E_CORRUPT) return outcome.error();
  end.damage = outcome.error();
  end.is_last = false;
  return end;
}

result<std::vector<Damage>> Log::verify() const {
  struct Found {
    std::vector<Damage> damages;
    Signal done;
  } found;
  const auto visit = [](void* user, const dunlin_damage* damage) noexcept {
    static_cast<Found*>(user)->damages.push_back({damage->first, damage->last,
                                                  std::string(view(damage->file)), damage->offset,
                                                  std::string(view(damage->text))});
    return true;
  };
  const auto done = [](void* user, dunlin_status status, const dunlin_error* error) noexcept {
    static_cast<Found*>(user)->done.set(status, error);
  };
  auto outcome = checked(
      [&](dunlin_error* error) { return api_->verify(raw_, visit, done, &found, error); });
  if (outcome) outcome = found.done.wait();
  if (!outcome) return outcome.error();
  return std::move(found.damages);
}

result<> Log::append(std::span<const dunlin_record> records) {
  while (!records.empty()) {
    std::size_t accepted = 0;
    const auto outcome = checked([&](dunlin_error* error) {
      return api_->append(raw_, records.data(), records.size(), 0, &accepted, nullptr, error);
    });
    records = records.subspan(accepted);
    if (outcome) return {};
    if (outcome.error().status != DUNLIN_E_AGAIN) return outcome;
    room_->wait();
  }
  return {};
}

result<> Log::skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) {
  for (;;) {
    auto outcome = checked(
        [&](dunlin_error* error) { return api_->skip(raw_, first, count, time_ns, error); });
    if (outcome || outcome.error().status != DUNLIN_E_AGAIN) return outcome;
    room_->wait();
  }
}

result<> Log::sync() {
  Signal done;
  const auto status = api_->sync(raw_, Signal::on_done, &done);
  if (status != DUNLIN_OK) return detail::take(status, "syncing the log");
  return done.wait();
}

// ---- a store ------------------------------------------------------------------------------

result<std::unique_ptr<Store>> Store::open(const Storage& storage, dunlin_store_options options) {
  options.struct_size = sizeof options;
  void* raw = nullptr;
  const dunlin_store_api* api = nullptr;
  const auto outcome = checked([&](dunlin_error* error) {
    return storage.table->open(storage.self, &options, &raw, &api, error);
  });
  if (!outcome) return outcome.error();
  return std::unique_ptr<Store>(new Store(raw, api, storage.table->features));
}

Store::~Store() { api_->close(raw_); }

result<std::unique_ptr<Log>> Store::open_log(std::string_view name,
                                             dunlin_log_options options) const {
  auto room = std::make_unique<Log::Room>();
  options.struct_size = sizeof options;
  options.thread = DUNLIN_THREAD_CONTROL;
  options.event = Log::on_event;
  options.user = room.get();
  void* raw = nullptr;
  const dunlin_log_store* api = nullptr;
  const auto outcome = checked([&](dunlin_error* error) {
    return api_->open_log(raw_, str(name), &options, &raw, &api, error);
  });
  if (!outcome) return outcome.error();
  auto log = std::make_unique<Log>(raw, api);
  log->room_ = std::move(room);
  return log;
}

result<> Store::drop_log(std::string_view name) const {
  return checked([&](dunlin_error* error) { return api_->drop_log(raw_, str(name), error); });
}

result<std::vector<std::string>> Store::logs() const {
  std::vector<std::string> names;
  const auto visit = [](void* user, dunlin_str name) noexcept {
    static_cast<std::vector<std::string>*>(user)->emplace_back(view(name));
    return true;
  };
  const auto outcome = checked([&](dunlin_error* error) {
    return api_->list_logs(raw_, str(""), visit, &names, error);
  });
  if (!outcome) return outcome.error();
  return names;
}

result<std::vector<Store::Item>> Store::meta(std::string_view prefix) const {
  std::vector<Item> items;
  const auto visit = [](void* user, const dunlin_meta* item) noexcept {
    static_cast<std::vector<Item>*>(user)->push_back(
        {std::string(view(item->path)), std::string(view(item->blob))});
    return true;
  };
  const auto outcome = checked([&](dunlin_error* error) {
    return api_->list_meta(raw_, str(prefix), visit, &items, error);
  });
  if (!outcome) return outcome.error();
  return items;
}

result<> Store::put_meta(const std::vector<Item>& items) const {
  std::vector<dunlin_meta> raw;
  for (const Item& item : items)
    raw.push_back({str(item.path), detail::bytes(item.blob), 0, 0});
  Signal done;
  const auto status = api_->put_meta(raw_, raw.data(), raw.size(), DUNLIN_THREAD_CONTROL, 0,
                                     Signal::on_done, &done);
  if (status != DUNLIN_OK) return detail::take(status, "writing metadata");
  return done.wait();
}

}  // namespace dunlin::store_tools
