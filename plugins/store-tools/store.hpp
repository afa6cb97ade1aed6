// Stores and logs of any backend, for a command that may wait: each call returns when it is done.
//
//     auto storage = find_storage(registry, "file");
//     auto store = Store::open(*storage, options);
//     auto log = (*store)->open_log("streams/ORDERS", options);
//     (*log)->read({.from = 1}, visit);
//
// For one worker thread; completions come on control, which must not be the thread that waits. A
// Store must outlive its Logs.

#pragma once

#include <dunlin/ext/executor.h>
#include <dunlin/ext/storage.h>
#include <dunlin/registry.hpp>
#include <dunlin/result.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dunlin::store_tools {

struct Storage {
  const dunlin_storage* table = nullptr;
  void* self = nullptr;
};

// DUNLIN_E_NOT_FOUND names the storages there are.
[[nodiscard]] result<Storage> find_storage(const Registry& registry, std::string_view kind);

// Something that another thread will say. Used once.
class Signal {
 public:
  void set(dunlin_status status, const dunlin_error* error);
  [[nodiscard]] result<> wait();

  static void on_done(void* user, dunlin_status status, const dunlin_error* error) noexcept {
    static_cast<Signal*>(user)->set(status, error);
  }

 private:
  std::mutex mutex_;  // guards outcome_
  std::condition_variable is_set_;
  std::optional<result<>> outcome_;
};

struct Damage {
  std::uint64_t first = 0, last = 0;
  std::string file;
  std::uint64_t offset = 0;
  std::string text;
};

// Where a page of records ended.
struct PageEnd {
  std::uint64_t next = 0;  // go on here
  bool is_last = false;
  std::optional<Error> damage;  // at `next`, which cannot be read
};

struct PageQuery {
  std::uint64_t from = 1, to = UINT64_MAX;
  std::uint64_t records_max = 1024, bytes_max = 4 << 20;
};

class Log {
 public:
  Log(void* raw, const dunlin_log_store* api) noexcept : raw_(raw), api_(api) {}
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] result<dunlin_log_state> state() const;
  // The record is valid during the call of `visit`, which may come from another thread while this
  // one waits.
  [[nodiscard]] result<PageEnd> read(const PageQuery& query,
                                     const std::function<void(const dunlin_record&)>& visit) const;
  [[nodiscard]] result<std::vector<Damage>> verify() const;
  // All of them, waiting for room where there is none yet.
  [[nodiscard]] result<> append(std::span<const dunlin_record> records);
  [[nodiscard]] result<> skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns);
  [[nodiscard]] result<> sync();

  // What `open_log` is given to call.
  static void on_event(void* user, const dunlin_log_event* event) noexcept;

 private:
  friend class Store;
  // Lives as long as events may come, which is until `close` completed.
  struct Room {
    std::mutex mutex;  // guards is_there
    std::condition_variable changed;
    bool is_there = false;
    void wait();
  };

  void* raw_;
  const dunlin_log_store* api_;
  std::unique_ptr<Room> room_;
};

class Store {
 public:
  // `options` without its size. DUNLIN_E_AGAIN when another process has the directory.
  [[nodiscard]] static result<std::unique_ptr<Store>> open(const Storage& storage,
                                                           dunlin_store_options options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] result<std::unique_ptr<Log>> open_log(std::string_view name,
                                                      dunlin_log_options options) const;
  [[nodiscard]] result<> drop_log(std::string_view name) const;
  [[nodiscard]] result<std::vector<std::string>> logs() const;

  // DUNLIN_STORE_... of its storage.
  [[nodiscard]] bool has(std::uint32_t feature) const noexcept {
    return (features_ & feature) != 0;
  }

  struct Item {
    std::string path;
    std::string blob;
  };
  [[nodiscard]] result<std::vector<Item>> meta(std::string_view prefix) const;
  [[nodiscard]] result<> put_meta(const std::vector<Item>& items) const;

 private:
  Store(void* raw, const dunlin_store_api* api, std::uint32_t features) noexcept
      : raw_(raw), api_(api), features_(features) {}

  void* raw_;
  const dunlin_store_api* api_;
  const std::uint32_t features_;
};

}  // namespace dunlin::store_tools
