#include "tests/unit/plugins/store-tools/support.hpp"

#include <dirent.h>
#include <dunlin/ext/executor.h>
#include <dunlin/ext/random.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include "plugins/storage-mem/memory_store.hpp"
#include "plugins/store-tools/command.hpp"

namespace dunlin::store_tools::test {
namespace {

std::string text(dunlin_str value) { return {value.data, value.size}; }

dunlin_status not_found(dunlin_error* err, const std::string& path) {
  return detail::put(err, errno == ENOTDIR ? DUNLIN_E_INVALID : DUNLIN_E_NOT_FOUND,
                     path + " does not exist", errno);
}

dunlin_status open_file(const dunlin_host*, dunlin_str path, std::uint32_t, dunlin_file** out,
                        dunlin_error* err) {
  const int file = ::open(text(path).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return not_found(err, text(path));
  *out = reinterpret_cast<dunlin_file*>(static_cast<std::intptr_t>(file) + 1);
  return DUNLIN_OK;
}
int number_of(dunlin_file* file) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(file) - 1);
}
dunlin_status read_file(const dunlin_host*, dunlin_file* file, std::uint64_t offset,
                        std::uint8_t* out, std::size_t n, std::size_t* got, dunlin_error*) {
  const auto done = ::pread(number_of(file), out, n, static_cast<off_t>(offset));
  *got = done < 0 ? 0 : static_cast<std::size_t>(done);
  return done < 0 ? DUNLIN_E_IO : DUNLIN_OK;
}
dunlin_status file_size(const dunlin_host*, dunlin_file* file, std::uint64_t* out, dunlin_error*) {
  struct stat found {};
  if (::fstat(number_of(file), &found) != 0) return DUNLIN_E_IO;
  *out = static_cast<std::uint64_t>(found.st_size);
  return DUNLIN_OK;
}
dunlin_status list_directory(const dunlin_host*, dunlin_str path,
                             bool (*visit)(void*, const dunlin_dir_item*), void* user,
                             dunlin_error* err) {
  std::error_code failed;
  std::filesystem::directory_iterator items(text(path), failed);
  if (failed) return not_found(err, text(path));
  for (const auto& item : items) {
    const auto name = item.path().filename().string();
    dunlin_dir_item raw{};
    raw.name = detail::str(name);
    raw.kind = item.is_directory() ? DUNLIN_FS_DIRECTORY : DUNLIN_FS_FILE;
    if (!visit(user, &raw)) break;
  }
  return DUNLIN_OK;
}

dunlin_fs make_fs() {
  dunlin_fs fs{};
  fs.struct_size = sizeof fs;
  fs.open = open_file;
  fs.close = [](const dunlin_host*, dunlin_file* file) { ::close(number_of(file)); };
  fs.read_at = read_file;
  fs.size = file_size;
  fs.list = list_directory;
  return fs;
}
const dunlin_fs fs_table = make_fs();

}  // namespace

// Posted tasks run on one thread, which is every thread but the test's.
struct TestHost::Implementation : dunlin_host {
  Implementation() : dunlin_host{} {
    struct_size = sizeof(dunlin_host);
    extension = [](const dunlin_host*, const char* id) noexcept -> const void* {
      const std::string_view name(id);
      if (name == DUNLIN_EXT_FS) return &fs_table;
      if (name == DUNLIN_EXT_EXECUTOR) return &executor_table;
      if (name == DUNLIN_EXT_REGISTRY) return &registry_table;
      if (name == DUNLIN_EXT_RANDOM) return &random_table;
      return nullptr;
    };
    memory = std::make_unique<storage_mem::MemoryStorage>(Host(this));
    storage = *memory->table();
    storage.kind = "file";
    storage.features &= ~DUNLIN_STORE_VOLATILE;
    storage.open = open;
    thread = std::thread([this] { work(); });
  }
  ~Implementation() {
    if (store != nullptr) kept_api->close(store);
    post([this] { ended = true; });
    thread.join();
  }

  static Implementation& of(const dunlin_host* host) {
    return *const_cast<Implementation*>(static_cast<const Implementation*>(host));
  }

  static dunlin_status open(void* self, const dunlin_store_options* options, void** out,
                            const dunlin_store_api** api, dunlin_error* err) {
    auto& host = *static_cast<Implementation*>(self);
    if (host.in_use) return detail::put(err, DUNLIN_E_AGAIN, "the store is in use");
    if (host.store == nullptr) {
      if ((options->flags & DUNLIN_LOG_CREATE) == 0)
        return detail::put(err, DUNLIN_E_NOT_FOUND, "there is no store");
      const auto* const table = host.memory->table();
      auto* const backend = static_cast<StorageBackend*>(host.memory.get());
      const auto status = table->open(backend, options, &host.store, &host.kept_api, err);
      if (status != DUNLIN_OK) return status;
      host.api = *host.kept_api;
      host.api.close = [](void*) {};
    }
    *out = host.store;
    *api = &host.api;
    return DUNLIN_OK;
  }

  void post(std::function<void()> task) {
    const std::lock_guard lock(mutex);
    tasks.push_back(std::move(task));
    changed.notify_all();
  }
  void work() {
    while (!ended) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return !tasks.empty(); });
        task = std::move(tasks.front());
        tasks.pop_front();
      }
      task();
    }
  }

  static dunlin_status post_task(const dunlin_host* host, dunlin_task task, void* user) {
    of(host).post([task, user] { task(user); });
    return DUNLIN_OK;
  }
  static constexpr dunlin_executor executor_table = {
      sizeof(dunlin_executor),
      0,
      post_task,
      [](const dunlin_host* host, std::uint32_t, dunlin_task task, void* user) {
        return post_task(host, task, user);
      },
      post_task,
      [](const dunlin_host*) { return DUNLIN_THREAD_OTHER; },
      nullptr,
      nullptr};

  static dunlin_status each(const dunlin_host* host, const char*,
                            bool (*visit)(void*, const dunlin_offer*), void* user) {
    auto& self = of(host);
    const dunlin_offer offer{detail::str("storage/1:file"), detail::str("test"), &self.storage,
                             &self};
    visit(user, &offer);
    return DUNLIN_OK;
  }
  static constexpr dunlin_registry registry_table = {sizeof(dunlin_registry), 0, nullptr, nullptr,
                                                     each};

  // Hash tables are seeded with it; what it gives does not matter here.
  static constexpr dunlin_random random_table = {
      sizeof(dunlin_random), 0,
      [](const dunlin_host*, std::uint8_t* out, std::size_t n) { std::fill_n(out, n, 7); },
      nullptr};

  std::unique_ptr<storage_mem::MemoryStorage> memory;
  dunlin_storage storage{};
  void* store = nullptr;
  const dunlin_store_api* kept_api = nullptr;
  dunlin_store_api api{};
  bool in_use = false;
  bool ended = false;  // touched by the thread only
  std::mutex mutex;    // guards tasks
  std::condition_variable changed;
  std::deque<std::function<void()>> tasks;
  std::thread thread;
};

TestHost::TestHost() : implementation_(std::make_unique<Implementation>()) {}
TestHost::~TestHost() = default;
Fs TestHost::fs() const { return Host(implementation_.get()).get<Fs>(); }
Registry TestHost::registry() const { return Host(implementation_.get()).get<Registry>(); }
void TestHost::set_in_use(bool in_use) { implementation_->in_use = in_use; }

Ran TestHost::run(const std::vector<std::string>& words) {
  Ran ran;
  const auto write = [](void* user, std::uint32_t stream, dunlin_str what) {
    auto& to = *static_cast<Ran*>(user);
    (stream == DUNLIN_COMMAND_RESULT ? to.out : to.err) += text(what);
  };
  ran.code = run_store_command({registry(), fs(), Output(write, &ran)}, words);
  return ran;
}

Scratch::Scratch() {
  std::string name = std::filesystem::temp_directory_path() / "store-tools-XXXXXX";
  path_ = ::mkdtemp(name.data());
}
Scratch::~Scratch() { std::filesystem::remove_all(path_); }

std::filesystem::path Scratch::copy_store() const {
  std::filesystem::copy(store_directory() / "jetstream", path_ / "jetstream",
                        std::filesystem::copy_options::recursive);
  return path_ / "jetstream" / "$G" / "streams";
}

std::filesystem::path Scratch::copy_store(const std::string& cipher) const {
  std::filesystem::copy(store_directory(cipher) / "jetstream", path_ / "jetstream",
                        std::filesystem::copy_options::recursive);
  return path_ / "jetstream";
}

std::filesystem::path store_directory() { return DUNLIN_GO_STORE; }
std::filesystem::path store_directory(const std::string& cipher) {
  return DUNLIN_GO_STORE "-" + cipher;
}
boost::json::object served(const std::string& cipher) {
  return boost::json::parse(content_of(store_directory(cipher) / "expected.json")).as_object();
}
std::filesystem::path streams_directory() {
  return store_directory() / "jetstream" / "$G" / "streams";
}

const boost::json::object& served() {
  static const auto value = boost::json::parse(content_of(store_directory() / "expected.json"));
  return value.as_object();
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string from_base64(std::string_view coded) {
  std::string out(coded.size(), '\0');
  std::size_t size = 0;
  sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), coded.data(),
                    coded.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL);
  out.resize(size);
  return out;
}

std::string payload_of(const boost::json::object& message) {
  if (const auto* data = message.if_contains("data"))
    return from_base64({data->as_string().data(), data->as_string().size()});
  if (!message.contains("line")) return {};
  std::string out;
  for (std::int64_t i = 0; i < message.at("times").as_int64(); ++i)
    out.append(message.at("line").as_string().c_str());
  return out + message.at("tail").as_string().c_str();
}

std::string nine_digits(std::string_view time) {
  std::string out(time.substr(0, time.size() - 1));
  if (out.find('.') == std::string::npos) out += '.';
  while (out.size() < std::string_view("2026-11-21T16:08:00.000000000").size()) out += '0';
  return out + 'Z';
}

}  // namespace dunlin::store_tools::test
