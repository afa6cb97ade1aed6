#include "plugins/storage-file/log/file.hpp"

#include <algorithm>

namespace dunlin::storage_file::engine {
namespace {

template <class Call>
result<> guarded(const char* what, const std::string& path, Call&& body) {
  dunlin_error error = detail::fresh_error();
  const dunlin_status status = body(&error);
  if (status == DUNLIN_OK) return {};
  auto text = std::string(what) + " " + path;
  if (error.text[0] != '\0') text += std::string(": ") + error.text;
  return fail(status, std::move(text), error.os_error);
}

}  // namespace

template <class Call>
result<> File::call(const char* what, Call&& body) const {
  return guarded(what, path_, std::forward<Call>(body));
}

result<std::size_t> File::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  std::size_t got = 0;
  const auto outcome = call("reading", [&](dunlin_error* error) {
    return fs_->read_at(host_, file_, offset, out.data(), out.size(), &got, error);
  });
  if (!outcome) return outcome.error();
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(got), out.end(), std::uint8_t{0});
  return got;
}

result<> File::write(std::uint64_t offset, std::span<const dunlin_bytes> parts) const {
  return call("writing", [&](dunlin_error* error) {
    return fs_->write_at(host_, file_, offset, parts.data(), parts.size(), error);
  });
}

result<> File::write(std::uint64_t offset, std::span<const std::uint8_t> bytes) const {
  const dunlin_bytes part{bytes.data(), bytes.size()};
  return write(offset, std::span(&part, 1));
}

result<std::uint64_t> File::size() const {
  std::uint64_t size = 0;
  const auto outcome = call("looking at", [&](dunlin_error* error) {
    return fs_->size(host_, file_, &size, error);
  });
  if (!outcome) return outcome.error();
  return size;
}

result<> File::resize(std::uint64_t size) const {
  return call("resizing", [&](dunlin_error* error) {
    return fs_->resize(host_, file_, size, error);
  });
}

result<> File::zero_fill(std::uint64_t size) const {
  return call("filling", [&](dunlin_error* error) {
    return fs_->zero_fill(host_, file_, size, error);
  });
}

result<> File::sync() const {
  return call("syncing", [&](dunlin_error* error) {
    return fs_->sync_file(host_, file_, error);
  });
}

result<std::shared_ptr<File>> Directory::open(const std::string& name,
                                              std::uint32_t flags) const {
  dunlin_file* file = nullptr;
  const auto path = place(name);
  const auto outcome = guarded("opening", path, [&](dunlin_error* error) {
    return fs_->open(host_, detail::str(path), flags, &file, error);
  });
  if (!outcome) return outcome.error();
  return std::make_shared<File>(host_, fs_, file, path);
}

result<std::vector<DirItem>> Directory::list() const {
  std::vector<DirItem> items;
  const auto visit = [](void* user, const dunlin_dir_item* item) {
    if (item->kind == DUNLIN_FS_FILE) {
      static_cast<std::vector<DirItem>*>(user)->push_back(
          {std::string(detail::view(item->name)), item->size});
    }
    return true;
  };
  const auto outcome = guarded("listing", path_, [&](dunlin_error* error) {
    return fs_->list(host_, detail::str(path_), visit, &items, error);
  });
  if (!outcome) return outcome.error();
  return items;
}

result<> Directory::rename(const std::string& from, const std::string& to) const {
  const auto old_path = place(from), new_path = place(to);
  return guarded("renaming", old_path, [&](dunlin_error* error) {
    return fs_->rename(host_, detail::str(old_path), detail::str(new_path), error);
  });
}

result<> Directory::remove(const std::string& name) const {
  const auto path = place(name);
  return guarded("removing", path, [&](dunlin_error* error) {
    return fs_->remove(host_, detail::str(path), error);
  });
}

result<> Directory::sync() const {
  return guarded("syncing", path_, [&](dunlin_error* error) {
    return fs_->sync_dir(host_, detail::str(path_), error);
  });
}

}  // namespace dunlin::storage_file::engine
