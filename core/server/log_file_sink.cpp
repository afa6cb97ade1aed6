#include "core/server/log_file_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <vector>

#include "core/protocol/go_quote.hpp"

namespace dunlin::server {

namespace {

constexpr mode_t file_mode = 0640;

int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, file_mode);
}

// As Go prints an error of the system.
std::string reason(int error) {
  std::string text = std::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

struct LocalTime {
  std::tm parts{};
  long nanoseconds = 0;
};

LocalTime local_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  LocalTime out;
  ::localtime_r(&now.tv_sec, &out.parts);
  out.nanoseconds = now.tv_nsec;
  return out;
}

std::string stamp_of(const LocalTime& now) {
  return fmt::format("{:04}.{:02}.{:02}.{:02}.{:02}.{:02}.{:09}", now.parts.tm_year + 1900,
                     now.parts.tm_mon + 1, now.parts.tm_mday, now.parts.tm_hour, now.parts.tm_min,
                     now.parts.tm_sec, now.nanoseconds);
}

// Whether a file's name ends in such a stamp: others are nobody's business.
bool is_stamp(std::string_view text) {
  constexpr std::size_t widths[] = {4, 2, 2, 2, 2, 2};
  int numbers[std::size(widths)] = {};
  for (std::size_t i = 0; i < std::size(widths); ++i) {
    if (text.size() <= widths[i] || text[widths[i]] != '.') return false;
    const auto end = text.data() + widths[i];
    const auto read = std::from_chars(text.data(), end, numbers[i]);
    if (read.ec != std::errc() || read.ptr != end || numbers[i] < 0) return false;
    text.remove_prefix(widths[i] + 1);
  }
  const std::chrono::year_month_day day{
      std::chrono::year{numbers[0]}, std::chrono::month{static_cast<unsigned>(numbers[1])},
      std::chrono::day{static_cast<unsigned>(numbers[2])}};
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return day.ok() && numbers[3] < 24 && numbers[4] < 60 && numbers[5] < 60 && !text.empty() &&
         std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace

result<std::shared_ptr<LogFileSink>> LogFileSink::open(LogFileOptions options) {
  const int file = open_file(options.path);
  struct stat found {};
  if (file < 0 || ::fstat(file, &found) != 0) {
    const int error = errno;
    if (file >= 0) ::close(file);
    return fail(fmt::format("error opening file: open {}: {}", options.path, reason(error)));
  }
  return std::shared_ptr<LogFileSink>(
      new LogFileSink(std::move(options), file, static_cast<std::int64_t>(found.st_size)));
}

LogFileSink::LogFileSink(LogFileOptions options, int file, std::int64_t size)
    : options_(std::move(options)),
      was_oversized_(options_.size_limit > 0 && size > options_.size_limit),
      file_(file),
      size_(size),
      limit_(options_.size_limit) {}

LogFileSink::~LogFileSink() { ::close(file_); }

void LogFileSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  write({line.data(), line.size()});
  if (limit_ > 0 && size_ > limit_) rotate();
}

void LogFileSink::write(std::string_view line) {
  ssize_t written = 0;
  do {
    written = ::write(file_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  const bool is_whole = written == static_cast<ssize_t>(line.size());
  if (!is_whole && !is_failing_) {
    std::fprintf(stderr, "dunlin-server: cannot write the log file %s: %s; lines are lost\n",
                 options_.path.c_str(),
                 written < 0 ? reason(errno).c_str() : "no space left on device");
  }
  is_failing_ = !is_whole;
  if (written > 0) size_ += written;
}

void LogFileSink::write_own(std::string_view label, std::string_view text) {
  std::string line = fmt::format("[{}] ", ::getpid());
  if (options_.with_time) {
    const LocalTime now = local_now();
    line += fmt::format("{:04}/{:02}/{:02} {:02}:{:02}:{:02}.{:06} ", now.parts.tm_year + 1900,
                        now.parts.tm_mon + 1, now.parts.tm_mday, now.parts.tm_hour,
                        now.parts.tm_min, now.parts.tm_sec, now.nanoseconds / 1000);
  }
  write(fmt::format("{}[{}] {}\r\n", line, label, text));
}

// The old file is given up only when the new one is open.
void LogFileSink::rotate() {
  const std::string backup = options_.path + "." + stamp_of(local_now());
  const bool is_renamed = ::rename(options_.path.c_str(), backup.c_str()) == 0;
  const int next = is_renamed ? open_file(options_.path) : -1;
  if (next < 0) {
    const int error = errno;
    if (is_renamed) (void)std::rename(backup.c_str(), options_.path.c_str());
    limit_ = limit_ > INT64_MAX / 2 ? INT64_MAX : limit_ * 2;
    write_own("ERR", fmt::format("Unable to rotate logfile ({}), will attempt next rotation at "
                                 "size {}",
                                 reason(error), limit_));
    return;
  }
  ::close(file_);
  file_ = next;
  size_ = 0;
  limit_ = options_.size_limit;
  write_own("INF", fmt::format("Rotated log, backup saved as {}", protocol::go_quote(backup)));
  if (options_.files_max > 0) purge();
}

void LogFileSink::purge() {
  const std::filesystem::path path(options_.path);
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const std::string prefix = path.filename().string() + ".";
  std::vector<std::string> backups;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(prefix) && is_stamp(std::string_view(name).substr(prefix.size())))
      backups.push_back(name);
  }
  if (error) {
    write_own("ERR", fmt::format("Unable to read directory {} for log purge ({}), will attempt "
                                 "next rotation",
                                 protocol::go_quote(directory.string()), reason(error.value())));
    return;
  }
  // Their names are in the order of their times.
  std::sort(backups.begin(), backups.end());
  const auto kept = static_cast<std::size_t>(options_.files_max - 1);
  const std::size_t surplus = backups.size() > kept ? backups.size() - kept : 0;
  for (std::size_t i = 0; i < surplus; ++i) {
    const std::string quoted = protocol::go_quote(backups[i]);
    if (!std::filesystem::remove(directory / backups[i], error)) {
      write_own("ERR", fmt::format("Unable to remove backup log file {} ({}), will attempt next "
                                   "rotation",
                                   quoted, reason(error.value())));
      return;
    }
    write_own("INF", fmt::format("Purged log file {}", quoted));
  }
}

}  // namespace dunlin::server
