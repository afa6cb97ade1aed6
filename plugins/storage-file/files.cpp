#include "files.hpp"

#include <algorithm>

namespace dunlin::storage_file {
namespace {

// The host's sentence when it gave one.
result<> judge(dunlin_status status, const dunlin_error& error, const char* what,
               const std::string& path) {
  if (status == DUNLIN_OK) return {};
  std::string text = std::string(what) + " " + path + ": ";
  text += error.text[0] != '\0' ? error.text : ("status " + std::to_string(status)).c_str();
  return fail(status, std::move(text), error.os_error);
}

}  // namespace

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    host_ = other.host_;
    fs_ = other.fs_;
    file_ = std::exchange(other.file_, nullptr);
    path_ = std::move(other.path_);
  }
  return *this;
}

void File::close() noexcept {
  if (auto* const file = std::exchange(file_, nullptr)) fs_->close(host_, file);
}

result<> File::outcome(dunlin_status status, const dunlin_error& error, const char* what) const {
  return judge(status, error, what, path_);
}

result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
  auto error = detail::fresh_error();
  std::size_t got = 0;
  const auto status = fs_->read_at(host_, file_, offset, out.data(), out.size(), &got, &error);
  if (auto ok = outcome(status, error, "reading"); !ok) return ok.error();
  return got;
}

result<> File::write_at(std::uint64_t offset, BytesView bytes) const {
  auto error = detail::fresh_error();
  const dunlin_bytes part{bytes.data(), bytes.size()};
  return outcome(fs_->write_at(host_, file_, offset, &part, 1, &error), error, "writing");
}

result<std::uint64_t> File::size() const {
  auto error = detail::fresh_error();
  std::uint64_t out = 0;
  const auto status = fs_->size(host_, file_, &out, &error);
  if (auto ok = outcome(status, error, "asking for the size of"); !ok) return ok.error();
  return out;
}

result<> File::resize(std::uint64_t bytes) const {
  auto error = detail::fresh_error();
  return outcome(fs_->resize(host_, file_, bytes, &error), error, "changing the size of");
}

result<> File::zero_fill(std::uint64_t bytes) const {
  auto error = detail::fresh_error();
  return outcome(fs_->zero_fill(host_, file_, bytes, &error), error, "reserving space in");
}

result<> File::sync() const {
  auto error = detail::fresh_error();
  return outcome(fs_->sync_file(host_, file_, &error), error, "syncing");
}

result<File> Files::open(const std::string& path, std::uint32_t flags) const {
  auto error = detail::fresh_error();
  dunlin_file* file = nullptr;
  const auto status = fs_->open(host_, detail::str(path), flags, &file, &error);
  if (auto ok = judge(status, error, "opening", path); !ok) return ok.error();
  return File(host_, fs_, file, path);
}

result<bool> Files::exists(const std::string& path) const {
  auto file = open(path, DUNLIN_FS_READ);
  if (file) return true;
  if (file.error().status == DUNLIN_E_NOT_FOUND) return false;
  return file.error();
}

result<Bytes> Files::read_file(const std::string& path, std::uint64_t bytes_max) const {
  auto file = open(path, DUNLIN_FS_READ);
  if (!file) return file.error();
  auto size = (*file).size();
  if (!size) return size.error();
  if (*size > bytes_max) {
    return fail(DUNLIN_E_LIMIT, path + " has " + std::to_string(*size) +
                                    " bytes, far more than such a file can have");
  }
  Bytes content(*size);
  auto got = (*file).read_at(0, content);
  if (!got) return got.error();
  content.resize(*got);
  return content;
}

result<> Files::replace_file(const std::string& path, BytesView content) const {
  const auto fresh = path + ".new";
  {
    auto file = open(fresh, DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
    if (!file) return file.error();
    if (auto ok = (*file).resize(0); !ok) return ok;
    if (auto ok = (*file).write_at(0, content); !ok) return ok;
    if (auto ok = (*file).sync(); !ok) return ok;
  }
  if (auto ok = rename(fresh, path); !ok) return ok;
  return sync_dir(parent_of(path));
}

result<std::vector<DirItem>> Files::list(const std::string& path) const {
  auto error = detail::fresh_error();
  std::vector<DirItem> out;
  const auto visit = [](void* user, const dunlin_dir_item* item) noexcept {
    static_cast<std::vector<DirItem>*>(user)->push_back(
        {std::string(detail::view(item->name)), item->kind, item->size});
    return true;
  };
  const auto status = fs_->list(host_, detail::str(path), visit, &out, &error);
  if (auto ok = judge(status, error, "listing", path); !ok) return ok.error();
  std::sort(out.begin(), out.end(),
            [](const DirItem& a, const DirItem& b) { return a.name < b.name; });
  return out;
}

result<> Files::make_dirs(const std::string& path) const {
  auto error = detail::fresh_error();
  auto status = fs_->make_dir(host_, detail::str(path), &error);
  if (status == DUNLIN_E_EXISTS) return {};
  const auto parent = parent_of(path);
  if (status == DUNLIN_E_NOT_FOUND && parent != path && parent != "/") {
    if (auto ok = make_dirs(parent); !ok) return ok;
    error = detail::fresh_error();
    status = fs_->make_dir(host_, detail::str(path), &error);
  }
  if (auto ok = judge(status, error, "making the directory", path); !ok) return ok;
  return sync_dir(parent);
}

result<> Files::remove(const std::string& path) const {
  auto error = detail::fresh_error();
  const auto status = fs_->remove(host_, detail::str(path), &error);
  if (status == DUNLIN_E_NOT_FOUND) return {};
  return judge(status, error, "removing", path);
}

result<> Files::remove_tree(const std::string& path) const {
  auto items = list(path);
  if (!items) {
    if (items.error().status == DUNLIN_E_NOT_FOUND) return {};
    return items.error();
  }
  for (const auto& item : *items) {
    const auto inner = path + "/" + item.name;
    auto ok = item.kind == DUNLIN_FS_DIRECTORY ? remove_tree(inner) : remove(inner);
    if (!ok) return ok;
  }
  auto error = detail::fresh_error();
  const auto status = fs_->remove_dir(host_, detail::str(path), &error);
  return judge(status, error, "removing the directory", path);
}

result<> Files::rename(const std::string& from, const std::string& to) const {
  auto error = detail::fresh_error();
  return judge(fs_->rename(host_, detail::str(from), detail::str(to), &error), error, "renaming",
               from);
}

result<> Files::sync_dir(const std::string& path) const {
  auto error = detail::fresh_error();
  return judge(fs_->sync_dir(host_, detail::str(path), &error), error, "syncing the directory",
               path);
}

result<dunlin_fs_space> Files::space(const std::string& path) const {
  auto error = detail::fresh_error();
  dunlin_fs_space out{};
  out.struct_size = sizeof out;
  const auto status = fs_->space(host_, detail::str(path), &out, &error);
  if (auto ok = judge(status, error, "asking for the free space of", path); !ok) return ok.error();
  return out;
}

}  // namespace dunlin::storage_file
