// A complete storage backend on SQLite alone: "storage/1:sqlite". A store is one database.
#include <dunlin/plugin.hpp>
#include <dunlin/registry.hpp>

#include "log.hpp"

namespace example {
namespace {

class Store final : public dunlin::StoreBackend {
 public:
  Store(dunlin::Host host, const dunlin_store_options& options)
      : core_(std::make_shared<Core>(host, std::string(dunlin::detail::view(options.dir)),
                                     (options.flags & DUNLIN_LOG_CREATE) != 0)) {}
  ~Store() override { core_->shut_down(); }

  dunlin::result<std::unique_ptr<dunlin::LogBackend>> open_log(
      std::string_view name, const dunlin_log_options& options) override {
    {
      const std::lock_guard lock(core_->names_mutex);
      if (core_->open_names.contains(name)) return dunlin::fail(DUNLIN_E_EXISTS, "it is open");
    }
    try {
      auto log = std::make_unique<Log>(core_, std::string(name), options);
      const std::lock_guard lock(core_->names_mutex);
      core_->open_names.emplace(name);
      return std::unique_ptr<dunlin::LogBackend>(std::move(log));
    } catch (const dunlin::Error& error) {
      return error;
    }
  }

  dunlin::result<> drop_log(std::string_view name) override {
    {
      const std::lock_guard lock(core_->names_mutex);
      if (core_->open_names.contains(name)) return dunlin::fail(DUNLIN_E_EXISTS, "it is open");
    }
    return in_database([&](Database& database) {
      auto found = database.sql("SELECT id FROM logs WHERE name = ?").with(name);
      if (!found.step()) throw dunlin::fail(DUNLIN_E_NOT_FOUND, "there is no such log");
      const auto id = found.number(0);
      found.run();
      database.begin();
      database.sql("DELETE FROM records WHERE log = ?").with(id).run();
      database.sql("DELETE FROM subjects WHERE log = ?").with(id).run();
      database.sql("DELETE FROM gaps WHERE log = ?").with(id).run();
      database.sql("DELETE FROM logs WHERE id = ?").with(id).run();
      database.commit();
    });
  }

  dunlin::result<> list_logs(std::string_view prefix, bool (*visit)(void*, dunlin_str),
                             void* user) override {
    std::vector<std::string> names;
    auto done = in_database([&](Database& database) {
      auto row = database.sql("SELECT name FROM logs WHERE substr(name, 1, length(?1)) = ?1 "
                              "ORDER BY name").with(prefix);
      while (row.step()) names.emplace_back(row.bytes(0));
    });
    for (const auto& name : names) {
      if (!visit(user, dunlin::detail::str(name))) break;
    }
    return done;
  }

  dunlin::result<> put_meta(std::span<const dunlin_meta> items, std::uint32_t thread,
                            std::uint32_t shard, dunlin::Completion& done) override {
    struct Item {
      std::string path, content;
      bool erase;
    };
    std::vector<Item> copies;
    for (const auto& item : items) {
      copies.push_back({std::string(dunlin::detail::view(item.path)),
                        std::string(dunlin::detail::view(item.blob)), item.erase != 0});
    }
    const auto shared = std::make_shared<dunlin::Completion>(std::move(done));
    core_->enqueue([core = core_, copies = std::move(copies), thread, shard,
                    shared](Database& database) {
      bool ok = !core->failed();
      try {
        if (ok) database.begin();
        for (const auto& item : copies) {
          if (!ok) break;
          if (item.erase) {
            database.sql("DELETE FROM meta WHERE path = ?")
                .with(std::string_view(item.path))
                .run();
          } else {
            database.sql("INSERT INTO meta(path, content) VALUES(?1, ?2) "
                         "ON CONFLICT(path) DO UPDATE SET content = ?2")
                .with(std::string_view(item.path), std::string_view(item.content))
                .run();
          }
        }
        if (ok) database.commit();
      } catch (const dunlin::Error&) {
        core->fail(database);
        ok = false;
      }
      core->post(thread, shard, [shared, ok] {
        if (ok) return shared->succeed();
        shared->fail(dunlin::fail(DUNLIN_E_IO, "the database could not commit"));
      });
    });
    return {};
  }

  dunlin::result<> list_meta(std::string_view prefix, dunlin_visit_meta visit,
                             void* user) override {
    std::vector<std::pair<std::string, std::string>> items;
    auto done = in_database([&](Database& database) {
      auto row = database.sql("SELECT path, content FROM meta WHERE substr(path, 1, length(?1)) "
                              "= ?1 ORDER BY path").with(prefix);
      while (row.step()) items.emplace_back(row.bytes(0), row.bytes(1));
    });
    for (const auto& [path, content] : items) {
      const dunlin_meta item{dunlin::detail::str(path), dunlin::detail::bytes(content), 0, 0};
      if (!visit(user, &item)) break;
    }
    return done;
  }

 private:
  // What was queued before comes first: questions see what was accepted.
  template <class Body>
  dunlin::result<> in_database(Body&& body) {
    core_->run_all();
    try {
      core_->with_database(body);
      return {};
    } catch (const dunlin::Error& error) {
      return error;
    }
  }

  std::shared_ptr<Core> core_;
};

class Storage final : public dunlin::StorageBackend {
 public:
  explicit Storage(dunlin::Host host)
      : StorageBackend({.kind = "sqlite",
                        .features = DUNLIN_STORE_SUBJECT_INDEX | DUNLIN_STORE_DUE_INDEX |
                                    DUNLIN_STORE_ATOMIC_BATCH,
                        .record_cost = record_cost,
                        .header_cost = header_cost}),
        host_(host) {}

  dunlin::result<std::unique_ptr<dunlin::StoreBackend>> open(
      const dunlin_store_options& options) override {
    if (options.cipher != DUNLIN_CIPHER_NONE) return dunlin::unsupported("encryption");
    try {
      return std::unique_ptr<dunlin::StoreBackend>(std::make_unique<Store>(host_, options));
    } catch (const dunlin::Error& error) {
      return error;
    }
  }

 private:
  dunlin::Host host_;
};

class Plugin {
 public:
  explicit Plugin(dunlin::Host host) : host_(host), storage_(host) {}
  dunlin::result<> start() {
    return host_.get<dunlin::Registry>().offer("storage/1:sqlite", storage_.table(), &storage_);
  }

 private:
  dunlin::Host host_;
  Storage storage_;
};

}  // namespace
}  // namespace example

DUNLIN_PLUGIN(storage_sqlite, example::Plugin, dunlin::Describe{
    .id = "com.example.storage-sqlite",
    .version = "1.0.0",
    .summary = "Streams in one SQLite database",
    .license = "Apache-2.0",
    .provides = {"storage/1:sqlite"}});
