// A stream as nats-server keeps it in a directory: its configuration, its messages, its consumers.
//
//     auto stream = GoStream::open(fs, directory, {"$G", "ORDERS", keys}, report);
//     (*stream).visit(...)        every live message, in order, with what it needs beside it
//
// Nothing is written. What is damaged is reported once, with its file and place; what can be read
// around it is read. Runs where files may be read: control or a worker.

#pragma once

#include <dunlin/fs.hpp>

#include <functional>
#include <string>
#include <vector>

#include "plugins/store-tools/go/block.hpp"
#include "plugins/store-tools/go/state_files.hpp"

namespace dunlin::store_tools {

// Something an operator must know. `is_loss`: messages or state are missing because of it.
struct GoFinding {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t first = 0, last = 0;  // sequences; 0 where none or not known
  std::string text;
  bool is_loss = true;
};
using GoReport = std::function<void(const GoFinding&)>;

struct GoMessage {
  GoRecord record;  // points into memory that the visit holds
  std::int64_t expires_ns = 0, due_ns = 0;
};

// Names are part of every key: a directory that was moved is not readable under its new one.
struct GoOrigin {
  std::string account, stream;
  GoKeys keys;  // empty when nothing is encrypted
};

class GoStream {
 public:
  // DUNLIN_E_DENIED for an encrypted stream that the keys do not open, DUNLIN_E_CORRUPT when its
  // configuration is damaged.
  [[nodiscard]] static result<GoStream> open(const Fs& fs, std::string directory, GoOrigin origin,
                                             GoReport report);

  // JSON, as it was written.
  [[nodiscard]] const std::string& config() const noexcept { return config_; }
  [[nodiscard]] std::uint64_t first_seq() const noexcept { return first_; }
  [[nodiscard]] std::uint64_t last_seq() const noexcept { return last_; }
  [[nodiscard]] std::int64_t last_time_ns() const noexcept { return last_time_ns_; }
  [[nodiscard]] bool is_compressed() const noexcept;
  [[nodiscard]] std::vector<GoSource> sources() const;

  // Live messages in the order of their sequences; ends early with the failure of `visit`.
  [[nodiscard]] result<> visit(const std::function<result<>(const GoMessage&)>& visit) const;

  struct Consumer {
    std::string name, config;
    std::optional<GoConsumer> state;
  };
  [[nodiscard]] result<std::vector<Consumer>> consumers() const;

 private:
  GoStream(const Fs& fs, std::string directory, GoOrigin origin, GoReport report)
      : fs_(&fs), directory_(std::move(directory)), origin_(std::move(origin)),
        report_(std::move(report)) {}

  struct Progress;

  [[nodiscard]] result<> find_blocks();
  [[nodiscard]] result<> find_state();
  [[nodiscard]] bool index_is_current() const;
  [[nodiscard]] result<> scan();
  [[nodiscard]] bool is_live(std::uint32_t block, std::uint64_t seq) const;
  void report_missing_blocks() const;
  [[nodiscard]] GoMessage dated(const GoRecord& record) const;
  [[nodiscard]] std::string path_of(std::uint32_t block) const;
  // The seed in a key file, or none when there is no such file: then the thing is not encrypted.
  [[nodiscard]] result<std::optional<GoSeed>> seed_in(const std::string& path,
                                                      std::string_view name) const;
  struct Config {
    std::string json;
    std::optional<GoSeed> seed;
  };
  // The configuration of a stream or consumer, checked against the sum beside it.
  [[nodiscard]] result<Config> read_config(const std::string& directory,
                                           std::string_view hashed_name,
                                           std::string_view sealed_name) const;
  // A block's file, decrypted, still compressed.
  [[nodiscard]] result<std::vector<std::uint8_t>> read_block(std::uint32_t block) const;
  // Reads one block; an unreadable one is reported, and has no records.
  void walk(std::uint32_t block, const std::function<bool(const GoRecord&)>& visit,
            const std::function<void(const GoFinding&)>& damaged) const;

  const Fs* fs_;
  std::string directory_, config_;
  GoOrigin origin_;
  GoReport report_;
  std::optional<GoSeed> seed_;         // when it is encrypted
  std::vector<std::uint32_t> blocks_;  // ascending
  std::optional<GoIndex> index_;       // only when it is of these blocks
  // The last sequence of the blocks when an index, written later, knows of more; else that of all.
  std::uint64_t last_in_blocks_ = 0;
  std::vector<std::uint64_t> tombstones_;  // ascending; only without an index
  GoTimes expiries_, schedules_;
  std::uint64_t first_ = 1, last_ = 0;
  std::int64_t last_time_ns_ = 0;
};

// A whole file; DUNLIN_E_NOT_FOUND when it is not there.
[[nodiscard]] result<std::vector<std::uint8_t>> read_whole_file(const Fs& fs,
                                                                const std::string& path);

}  // namespace dunlin::store_tools
