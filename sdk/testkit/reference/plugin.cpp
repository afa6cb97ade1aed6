// The naive backend as a plugin: a store is a directory of journals, one for each log, and one of
// metadata. See log.hpp.
#include <dunlin/plugin.hpp>
#include <dunlin/registry.hpp>

#include <algorithm>
#include <set>

#include "sdk/testkit/reference/log.hpp"

namespace dunlin::testkit::reference {
namespace {

struct Settings {
  Fault fault = Fault::none;
  bool deferred = false;
};

std::string hex(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string unhex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  }
  return out;
}

bool good_name(std::string_view name) {
  if (name.empty() || name.size() > 1024) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return false;
  }
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('/', at), name.size());
    const auto part = name.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

class Store {
 public:
  Store(Host host, Settings settings, const dunlin_store_options& options)
      : host_(host), fs_(host.get<Fs>()), executor_(host.get<Executor>()), settings_(settings),
        dir_(detail::view(options.dir)), meta_(host, dir_, "meta", settings.fault) {}

  ~Store() {
    if (lock_ != nullptr) fs_.raw().unlock(host_.raw(), lock_);
  }

  void open(bool create) {
    const auto& fs = fs_.raw();
    if (create) {
      const auto made = fs.make_dir(host_.raw(), detail::str(dir_), nullptr);
      if (made != DUNLIN_OK && made != DUNLIN_E_EXISTS) throw Error{made, "no directory", 0};
      const std::string parent = dir_.substr(0, std::max<std::size_t>(dir_.rfind('/'), 1));
      const auto synced = fs.sync_dir(host_.raw(), detail::str(parent), nullptr);
      if (synced != DUNLIN_OK) throw Error{synced, "the directory cannot be synced", 0};
    }
    const std::string name = dir_ + "/lock";
    const auto status = fs.lock(host_.raw(), detail::str(name), &lock_, nullptr);
    if (status != DUNLIN_OK) throw Error{status, "the directory cannot be locked", 0};
    if (!create && !meta_.exists()) throw Error{DUNLIN_E_NOT_FOUND, "there is no store", 0};
    bool bad = false;
    meta_.open(create, [&](std::string_view entry) { use(entry); },
               [&](std::uint64_t) { bad = true; });
    if (bad && settings_.fault != Fault::skip_corrupt && settings_.fault != Fault::serve_corrupt) {
      throw Error{DUNLIN_E_CORRUPT, meta_.path() + " is damaged", 0};
    }
  }

  static const dunlin_store_api table;

 private:
  struct Put {
    std::uint32_t thread, shard;
    dunlin_done done;
    void* user;
  };

  static Store& of(void* store) { return *static_cast<Store*>(store); }

  void use(std::string_view bytes) {
    Unpack entry(bytes);
    for (auto n = entry.number(); n > 0; --n) {
      const auto path = entry.text();
      const auto blob = entry.text();
      if (entry.number() != 0) {
        items_.erase(path);
      } else {
        items_[path] = blob;
      }
    }
  }

  static dunlin_status open_log(void* store, dunlin_str name, const dunlin_log_options* options,
                                void** log, const dunlin_log_store** api,
                                dunlin_error* err) noexcept {
    Store& self = of(store);
    return guarded(err, [&] {
      const std::string text(detail::view(name));
      if (!good_name(text)) throw Error{DUNLIN_E_INVALID, "no name for a log", 0};
      if (self.open_.contains(text)) throw Error{DUNLIN_E_EXISTS, "the log is open", 0};
      auto made = std::make_unique<Log>(self.host_, self.dir_, hex(text), *options,
                                        self.settings_.fault, self.settings_.deferred,
                                        [&self, text] { self.open_.erase(text); });
      made->open();
      *log = made.release();
      *api = &Log::table;
      self.open_.insert(text);
    });
  }

  static dunlin_status drop_log(void* store, dunlin_str name, dunlin_error* err) noexcept {
    Store& self = of(store);
    return guarded(err, [&] {
      const std::string text(detail::view(name));
      if (!good_name(text)) throw Error{DUNLIN_E_INVALID, "no name for a log", 0};
      if (self.open_.contains(text)) throw Error{DUNLIN_E_EXISTS, "the log is open", 0};
      Journal journal(self.host_, self.dir_, hex(text), Fault::none);
      if (!journal.exists()) throw Error{DUNLIN_E_NOT_FOUND, "there is no such log", 0};
      journal.remove();
    });
  }

  static dunlin_status list_logs(void* store, dunlin_str prefix,
                                 bool (*visit)(void* user, dunlin_str name), void* user,
                                 dunlin_error* err) noexcept {
    Store& self = of(store);
    std::set<std::string> names;
    const auto found = [](void* into, const dunlin_dir_item* item) {
      const auto name = detail::view(item->name);
      const auto dot = name.find('.');
      if (dot != std::string_view::npos && name.substr(0, dot) != "meta") {
        static_cast<std::set<std::string>*>(into)->insert(unhex(name.substr(0, dot)));
      }
      return true;
    };
    const auto status = self.fs_.raw().list(self.host_.raw(), detail::str(self.dir_), found,
                                            &names, err);
    for (const auto& name : names) {
      if (status == DUNLIN_OK && name.starts_with(detail::view(prefix)) &&
          !visit(user, detail::str(name))) {
        break;
      }
    }
    return status;
  }

  static dunlin_status put_meta(void* store, const dunlin_meta* items, size_t n, uint32_t thread,
                                uint32_t shard, dunlin_done done, void* user) noexcept {
    Store& self = of(store);
    for (size_t i = 0; i < n; ++i) {
      if (!good_name(detail::view(items[i].path))) return DUNLIN_E_INVALID;
    }
    const bool torn = self.settings_.fault == Fault::torn_meta;
    Pack whole;
    whole.number(n);
    for (size_t i = 0; i < n; ++i) {
      Pack item;
      item.text(detail::view(items[i].path)).text(detail::view(items[i].blob));
      item.number(items[i].erase);
      if (torn) self.put_one(Pack().number(1).bytes + item.bytes, i + 1 < n);
      whole.bytes += item.bytes;
    }
    if (!torn) self.put_one(whole.bytes, false);
    {
      const std::lock_guard lock(self.mutex_);
      self.puts_.push_back({thread, shard, done, user});
    }
    self.start_flush();
    return DUNLIN_OK;
  }

  void put_one(const std::string& entry, bool flush) {
    {
      const std::lock_guard lock(mutex_);
      use(entry);
    }
    meta_.add(entry);
    if (flush) static_cast<void>(executor_.post_worker([this] { meta_.flush(); }));
  }

  void start_flush() {
    const std::lock_guard lock(mutex_);
    if (flushing_ || puts_.empty()) return;
    flushing_ = true;
    static_cast<void>(executor_.post_worker([this, puts = std::exchange(puts_, {})] {
      const auto status = meta_.flush();
      for (const auto& put : puts) finish(put, status);
      {
        const std::lock_guard again(mutex_);
        flushing_ = false;
      }
      start_flush();
    }));
  }

  void finish(const Put& put, dunlin_status status) {
    const auto tell = [put, status] { put.done(put.user, status, nullptr); };
    if (put.thread == DUNLIN_THREAD_SHARD) {
      static_cast<void>(executor_.post_shard(put.shard, tell));
    } else {
      static_cast<void>(executor_.post_control(tell));
    }
  }

  static dunlin_status list_meta(void* store, dunlin_str prefix, dunlin_visit_meta visit,
                                 void* user, dunlin_error*) noexcept {
    Store& self = of(store);
    const std::lock_guard lock(self.mutex_);
    for (const auto& [path, blob] : self.items_) {
      if (!path.starts_with(detail::view(prefix))) continue;
      const dunlin_meta item{detail::str(path), detail::bytes(blob), 0, 0};
      if (!visit(user, &item)) break;
    }
    return DUNLIN_OK;
  }

  static void close(void* store) noexcept {
    const std::unique_ptr<Store> self(&of(store));
    self->meta_.close();
  }

  template <class Body>
  static dunlin_status guarded(dunlin_error* err, Body&& body) noexcept {
    try {
      body();
      return DUNLIN_OK;
    } catch (const Error& error) {
      return detail::put(err, error);
    } catch (const std::exception& error) {
      return detail::put(err, DUNLIN_E_CORRUPT, error.what());
    }
  }

  Host host_;
  Fs fs_;
  Executor executor_;
  Settings settings_;
  std::string dir_;
  dunlin_file_lock* lock_ = nullptr;
  Journal meta_;
  std::mutex mutex_;
  std::map<std::string, std::string> items_;
  std::set<std::string> open_;
  std::vector<Put> puts_;
  bool flushing_ = false;
};

const dunlin_store_api Store::table = {
    sizeof(dunlin_store_api), 0, open_log, drop_log, list_logs, put_meta, list_meta, close};

class Plugin {
 public:
  explicit Plugin(Host host) : host_(host) {}

  result<> configure(Config config) {
    if (auto ok = config.declare(keys); !ok) return ok;
    settings_.fault = fault_of(*config.text("fault"));
    settings_.deferred = *config.boolean("deferred");
    return {};
  }

  result<> start() {
    table_.struct_size = sizeof table_;
    table_.features = DUNLIN_STORE_SUBJECT_INDEX | DUNLIN_STORE_SNAPSHOTS | DUNLIN_STORE_DUE_INDEX |
                      DUNLIN_STORE_ATOMIC_BATCH;
    if (settings_.fault == Fault::approximate) table_.features &= ~DUNLIN_STORE_SUBJECT_INDEX;
    table_.kind = "reference";
    table_.record_cost = costs.record;
    table_.header_cost = costs.header;
    table_.open = open;
    return host_.get<Registry>().offer("storage/1:reference", &table_, this);
  }

 private:
  static dunlin_status open(void* plugin, const dunlin_store_options* options, void** store,
                            const dunlin_store_api** api, dunlin_error* err) noexcept {
    auto& self = *static_cast<Plugin*>(plugin);
    try {
      auto made = std::make_unique<Store>(self.host_, self.settings_, *options);
      made->open((options->flags & DUNLIN_LOG_CREATE) != 0);
      *store = made.release();
      *api = &Store::table;
      return DUNLIN_OK;
    } catch (const Error& error) {
      return detail::put(err, error);
    } catch (const std::exception& error) {
      return detail::put(err, DUNLIN_E_CORRUPT, error.what());
    }
  }

  static constexpr dunlin_key keys[] = {
      key("fault", DUNLIN_KEY_TEXT, "none", "how to be wrong, a word of faults.hpp"),
      key("deferred", DUNLIN_KEY_BOOLEAN, "false", "answer every query later")};

  Host host_;
  Settings settings_;
  dunlin_storage table_{};
};

}  // namespace
}  // namespace dunlin::testkit::reference

DUNLIN_PLUGIN(reference, dunlin::testkit::reference::Plugin, dunlin::Describe{
    .id = "storage-reference",
    .version = "1.0.0",
    .summary = "A naive store that can be wrong on purpose, for trying the test kit",
    .license = "Apache-2.0",
    .provides = {"storage/1:reference"}});
