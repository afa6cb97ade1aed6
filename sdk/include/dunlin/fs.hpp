// Fs: the host's files. A File is closed, and a FileLock released, when it is destroyed; neither
// may outlive the plugin. What survives a power cut, and what each call promises, is said in
// ext/fs.h. Everything may block: control and workers only.

#pragma once

#include <dunlin/ext/fs.h>
#include <dunlin/host.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace dunlin {
inline namespace sdk {

namespace detail {
// Calls a function of the table with an error to fill, and takes what it says.
template <class Call>
result<> checked(Call&& call) {
  auto error = fresh_error();
  const dunlin_status status = call(&error);
  if (status != DUNLIN_OK && error.text[0] == '\0') return take(status, "a file operation");
  return take(status, error);
}
}  // namespace detail

class File {
 public:
  File() = default;
  File(const dunlin_fs& api, const dunlin_host* host, dunlin_file* raw) noexcept
      : api_(&api), raw_(raw, Closer{&api, host}) {}

  explicit operator bool() const noexcept { return raw_ != nullptr; }

  // How many bytes were read: fewer than asked for only at the end of the file.
  [[nodiscard]] result<std::size_t> read_at(std::uint64_t offset,
                                            std::span<std::uint8_t> out) const {
    std::size_t got = 0;
    const auto outcome = call([&](dunlin_error* err) {
      return api_->read_at(host(), raw_.get(), offset, out.data(), out.size(), &got, err);
    });
    if (!outcome) return outcome.error();
    return got;
  }
  result<> write_at(std::uint64_t offset, std::span<const dunlin_bytes> parts) const {
    return call([&](dunlin_error* err) {
      return api_->write_at(host(), raw_.get(), offset, parts.data(), parts.size(), err);
    });
  }
  result<> write_at(std::uint64_t offset, std::string_view bytes) const {
    const dunlin_bytes part = detail::bytes(bytes);
    return write_at(offset, std::span(&part, 1));
  }
  [[nodiscard]] result<std::uint64_t> size() const {
    std::uint64_t out = 0;
    const auto outcome = call(
        [&](dunlin_error* err) { return api_->size(host(), raw_.get(), &out, err); });
    if (!outcome) return outcome.error();
    return out;
  }
  result<> resize(std::uint64_t size) const {
    return call([&](dunlin_error* err) { return api_->resize(host(), raw_.get(), size, err); });
  }
  result<> zero_fill(std::uint64_t size) const {
    return call([&](dunlin_error* err) { return api_->zero_fill(host(), raw_.get(), size, err); });
  }
  result<> sync() const {
    return call([&](dunlin_error* err) { return api_->sync_file(host(), raw_.get(), err); });
  }
  void close() noexcept { raw_.reset(); }

 private:
  struct Closer {
    const dunlin_fs* api;
    const dunlin_host* host;
    void operator()(dunlin_file* file) const noexcept { api->close(host, file); }
  };
  template <class Call>
  static result<> call(Call&& call) {
    return detail::checked(std::forward<Call>(call));
  }
  [[nodiscard]] const dunlin_host* host() const noexcept { return raw_.get_deleter().host; }

  const dunlin_fs* api_ = nullptr;  // the table of the Fs that opened it
  std::unique_ptr<dunlin_file, Closer> raw_;
};

class FileLock {
 public:
  FileLock() = default;
  FileLock(const dunlin_fs& api, const dunlin_host* host, dunlin_file_lock* raw) noexcept
      : raw_(raw, Unlocker{&api, host}) {}
  explicit operator bool() const noexcept { return raw_ != nullptr; }
  void unlock() noexcept { raw_.reset(); }

 private:
  struct Unlocker {
    const dunlin_fs* api;
    const dunlin_host* host;
    void operator()(dunlin_file_lock* lock) const noexcept { api->unlock(host, lock); }
  };
  std::unique_ptr<dunlin_file_lock, Unlocker> raw_;
};

// Files and locks refer to the Fs they came from: keep it, at one place, as long as they live.
class Fs : public Table<dunlin_fs> {
 public:
  DUNLIN_TABLE_WRAPPER(Fs, dunlin_fs, DUNLIN_EXT_FS)

  [[nodiscard]] result<File> open(std::string_view path, std::uint32_t flags) const {
    dunlin_file* raw = nullptr;
    const auto outcome = detail::checked([&](dunlin_error* err) {
      return api_.open(host_, detail::str(path), flags, &raw, err);
    });
    if (!outcome) return outcome.error();
    return File(api_, host_, raw);
  }
  result<> sync_dir(std::string_view path) const { return on(api_.sync_dir, path); }
  result<> remove(std::string_view path) const { return on(api_.remove, path); }
  result<> make_dir(std::string_view path) const { return on(api_.make_dir, path); }
  result<> remove_dir(std::string_view path) const { return on(api_.remove_dir, path); }
  result<> rename(std::string_view from, std::string_view to) const {
    return detail::checked([&](dunlin_error* err) {
      return api_.rename(host_, detail::str(from), detail::str(to), err);
    });
  }

  struct Item {
    std::string name;
    std::uint32_t kind = DUNLIN_FS_OTHER;
    std::uint64_t size = 0;
  };
  // In no particular order.
  [[nodiscard]] result<std::vector<Item>> list(std::string_view path) const {
    std::vector<Item> items;
    const auto visit = [](void* user, const dunlin_dir_item* item) {
      auto& out = *static_cast<std::vector<Item>*>(user);
      out.push_back({std::string(detail::view(item->name)), item->kind, item->size});
      return true;
    };
    const auto outcome = detail::checked([&](dunlin_error* err) {
      return api_.list(host_, detail::str(path), visit, &items, err);
    });
    if (!outcome) return outcome.error();
    return items;
  }
  [[nodiscard]] result<dunlin_fs_space> space(std::string_view path) const {
    dunlin_fs_space out{};
    out.struct_size = sizeof out;
    const auto outcome = detail::checked([&](dunlin_error* err) {
      return api_.space(host_, detail::str(path), &out, err);
    });
    if (!outcome) return outcome.error();
    return out;
  }
  // DUNLIN_E_AGAIN when somebody else has it.
  [[nodiscard]] result<FileLock> lock(std::string_view path) const {
    dunlin_file_lock* raw = nullptr;
    const auto outcome = detail::checked([&](dunlin_error* err) {
      return api_.lock(host_, detail::str(path), &raw, err);
    });
    if (!outcome) return outcome.error();
    return FileLock(api_, host_, raw);
  }

 private:
  template <class Function>
  result<> on(Function function, std::string_view path) const {
    return detail::checked(
        [&](dunlin_error* err) { return function(host_, detail::str(path), err); });
  }
};

}  // namespace sdk
}  // namespace dunlin
