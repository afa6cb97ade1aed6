// What the plugin room's tests share: an executor and a clock moved by hand, a configuration tree
// written in place, and a directory for plugin files that keeps the file rules.

#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/plugin/config_node.hpp"
#include "core/plugin/executor.hpp"
#include "core/plugin/plugin_host.hpp"

namespace dunlin::plugin::test {

class HandExecutor final : public Executor {
 public:
  bool post_control(Task task) override { return push(control, std::move(task)); }
  bool post_shard(std::uint32_t, Task task) override { return push(shard, std::move(task)); }
  bool post_worker(Task task) override { return push(worker, std::move(task)); }
  [[nodiscard]] ThreadKind thread() const noexcept override { return here; }
  [[nodiscard]] std::uint32_t shard_index() const noexcept override {
    return here == ThreadKind::shard ? 0 : no_shard;
  }
  [[nodiscard]] std::uint32_t shard_count() const noexcept override { return 2; }

  // Runs everything queued, on the thread it was queued for, until nothing is left.
  void run() {
    while (!control.empty() || !shard.empty() || !worker.empty()) {
      run_one(control, ThreadKind::control);
      run_one(shard, ThreadKind::shard);
      run_one(worker, ThreadKind::worker);
    }
  }

  ThreadKind here = ThreadKind::control;
  bool accepting = true;
  std::deque<Task> control, shard, worker;

 private:
  bool push(std::deque<Task>& queue, Task task) {
    if (accepting) queue.push_back(std::move(task));
    return accepting;
  }
  void run_one(std::deque<Task>& queue, ThreadKind kind) {
    if (queue.empty()) return;
    const auto task = std::move(queue.front());
    queue.pop_front();
    const auto before = std::exchange(here, kind);
    task();
    here = before;
  }
};

class HandTime final : public TimeSource {
 public:
  [[nodiscard]] std::uint64_t monotonic_ns() const noexcept override { return now; }
  [[nodiscard]] std::int64_t wall_ns() const noexcept override {
    return static_cast<std::int64_t>(now) + 1'700'000'000'000'000'000;
  }
  void wake_at(std::uint64_t at_ns, std::function<void()> wake) override {
    wakes.emplace(at_ns, std::move(wake));
  }
  void advance_to(std::uint64_t at_ns) {
    now = at_ns;
    while (!wakes.empty() && wakes.begin()->first <= now) {
      const auto wake = std::move(wakes.begin()->second);
      wakes.erase(wakes.begin());
      wake();
    }
  }

  std::uint64_t now = 1'000;
  std::multimap<std::uint64_t, std::function<void()>> wakes;
};

// A tree written in place: Node{{"port", 8222}, {"tls", Node{{"verify", true}}}}.
class Node final : public ConfigNode {
 public:
  Node(bool value) : type_(NodeType::boolean), integer_(value) {}
  Node(int value) : type_(NodeType::integer), integer_(value) {}
  Node(double value) : type_(NodeType::number), number_(value) {}
  Node(const char* value) : type_(NodeType::text), text_(value) {}
  Node(std::initializer_list<std::pair<std::string, Node>> entries) : type_(NodeType::table) {
    for (const auto& [key, value] : entries) {
      keys_.push_back(key);
      values_.push_back(std::make_shared<Node>(value));
    }
  }
  static Node list(std::initializer_list<Node> elements) {
    Node out{std::initializer_list<std::pair<std::string, Node>>{}};
    out.type_ = NodeType::list;
    for (const auto& element : elements) {
      out.keys_.emplace_back();
      out.values_.push_back(std::make_shared<Node>(element));
    }
    return out;
  }
  Node at_line(unsigned line) const {
    auto out = *this;
    out.line_ = line;
    return out;
  }

  [[nodiscard]] NodeType type() const noexcept override { return type_; }
  [[nodiscard]] NodePosition position() const noexcept override {
    return {"server.toml", line_, 5};
  }
  [[nodiscard]] bool boolean() const noexcept override { return integer_ != 0; }
  [[nodiscard]] std::int64_t integer() const noexcept override { return integer_; }
  [[nodiscard]] double number() const noexcept override { return number_; }
  [[nodiscard]] std::string_view text() const noexcept override { return text_; }
  [[nodiscard]] std::size_t size() const noexcept override { return values_.size(); }
  [[nodiscard]] std::string_view key(std::size_t i) const noexcept override { return keys_[i]; }
  [[nodiscard]] const ConfigNode* at(std::size_t i) const noexcept override {
    return values_[i].get();
  }

 private:
  NodeType type_;
  std::int64_t integer_ = 0;
  double number_ = 0;
  std::string text_;
  std::vector<std::string> keys_;
  std::vector<std::shared_ptr<Node>> values_;
  unsigned line_ = 1;
};

// A private directory, removed at the end. The test program's user owns it and everything above.
class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "dunlin-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // A copy of a test plugin, writable by its owner alone.
  std::string copy_plugin(const std::string& name, const std::string& as = "") const {
    const auto to = path + "/" + (as.empty() ? name : as) + ".so";
    std::filesystem::copy_file(std::string(TEST_PLUGINS) + "/" + name + ".so", to);
    ::chmod(to.c_str(), 0644);
    return to;
  }

  std::string path;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  ::chmod(path.c_str(), 0644);
}

// Replaces every occurrence; the same length, so that no offset in an ELF file moves.
inline void patch_file(const std::string& path, const std::string& from, const std::string& to) {
  ASSERT_EQ(from.size(), to.size());
  auto bytes = read_file(path);
  std::size_t count = 0;
  for (auto at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at)) {
    bytes.replace(at, from.size(), to);
    ++count;
  }
  ASSERT_GT(count, 0u) << from << " is not in " << path;
  write_file(path, bytes);
}

}  // namespace dunlin::plugin::test
