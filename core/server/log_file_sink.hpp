// The log file: each line is one write, and with a limit the file is rotated by size.
//
// As nats-server: when a line has taken the file past the limit, it is renamed to
// `<file>.YYYY.MM.DD.HH.MM.SS.nnnnnnnnn` and a new one begins with a line that says so; with a
// number of files, the oldest of those names are removed. A disk that takes no more loses lines,
// never the server; standard error is told once, until writing works again.
//
// Calls come from any thread, one at a time (spdlog's base_sink).

#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/result.hpp"

namespace dunlin::server {

struct LogFileOptions {
  std::string path;
  std::int64_t size_limit = 0;  // 0: never rotated
  int files_max = 0;            // the present one included; 0: all are kept
  bool with_time = true;        // on the lines about rotation
};

class LogFileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Fails with the reference's words: `error opening file: open <path>: <reason>`.
  static result<std::shared_ptr<LogFileSink>> open(LogFileOptions options);
  ~LogFileSink() override;

  // The file was past its limit when it was opened: the next line rotates it.
  [[nodiscard]] bool is_oversized() const noexcept { return was_oversized_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}  // nothing is kept back

 private:
  LogFileSink(LogFileOptions options, int file, std::int64_t size);

  void write(std::string_view line);
  // A line about the file itself, in no particular format of the log.
  void write_own(std::string_view label, std::string_view text);
  void rotate();
  void purge();

  const LogFileOptions options_;
  const bool was_oversized_;
  int file_;
  std::int64_t size_;
  std::int64_t limit_;  // doubled when a rotation fails
  bool is_failing_ = false;
};

}  // namespace dunlin::server
