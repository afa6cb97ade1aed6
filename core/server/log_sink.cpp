#include "core/server/log_sink.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <mutex>

#include "core/base/log.hpp"
#include "core/server/log_file_sink.hpp"
#include "core/server/syslog_sink.hpp"

namespace dunlin::server {

namespace {

struct Output {
  std::shared_ptr<spdlog::logger> logger;
  bool colours = false;
  bool labels = true;  // syslog has severities of its own
};

std::mutex output_mutex;  // guards output
std::shared_ptr<const Output> output;

std::shared_ptr<const Output> current_output() {
  const std::lock_guard lock(output_mutex);
  return output;
}

struct Label {
  const char* text;
  const char* colour;
  spdlog::level::level_enum severity;
};

constexpr Label labels[] = {
    {"FTL", "31", spdlog::level::critical}, {"ERR", "31", spdlog::level::err},
    {"WRN", "0;93", spdlog::level::warn},   {"INF", "32", spdlog::level::info},
    {"DBG", "36", spdlog::level::debug},    {"TRC", "33", spdlog::level::trace}};

void write_line(log::Level level, std::string_view text) {
  const auto to = current_output();
  if (to == nullptr) return;
  const Label& label = labels[static_cast<int>(level)];
  const spdlog::string_view_t view(text.data(), text.size());
  if (!to->labels)
    to->logger->log(label.severity, view);
  else if (to->colours)
    to->logger->log(label.severity, "[\x1b[{}m{}\x1b[0m] {}", label.colour, label.text, view);
  else
    to->logger->log(label.severity, "[{}] {}", label.text, view);
}

std::unique_ptr<spdlog::pattern_formatter> formatter_of(const config::Logging& options) {
  const char* const pattern = options.time ? "[%P] %Y/%m/%d %H:%M:%S.%f %v" : "[%P] %v";
  return std::make_unique<spdlog::pattern_formatter>(
      pattern, options.utc ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
}

// Where the lines go: a file, a log elsewhere, this machine's log, or standard error.
template <class Sink>
result<spdlog::sink_ptr> made(result<std::shared_ptr<Sink>> sink) {
  if (!sink) return sink.error();
  return spdlog::sink_ptr(std::move(*sink));
}

result<spdlog::sink_ptr> make_sink(const config::Logging& options) {
  if (!options.file.empty())
    return made(LogFileSink::open(
        {options.file, options.size_limit, options.files_max, options.time}));
  if (!options.remote_syslog.empty()) return made(SyslogSink::remote(options.remote_syslog));
  if (options.syslog) return made(SyslogSink::local());
  return spdlog::sink_ptr(std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

}  // namespace

result<> install_log_sink(const config::Logging& options) {
  auto sink = make_sink(options);
  if (!sink) return sink.error();
  auto next = std::make_shared<Output>();
  const bool is_syslog =
      options.file.empty() && (options.syslog || !options.remote_syslog.empty());
  next->labels = !is_syslog;
  next->colours = options.file.empty() && !is_syslog && isatty(STDERR_FILENO) != 0;
  next->logger = std::make_shared<spdlog::logger>("dunlin", *sink);
  next->logger->set_formatter(formatter_of(options));
  next->logger->set_level(spdlog::level::trace);
  next->logger->flush_on(spdlog::level::trace);
  {
    const std::lock_guard lock(output_mutex);
    output = std::move(next);
  }
  log::set_sink(write_line);
  log::set_levels(options.debug, options.trace);
  const auto* const file = dynamic_cast<const LogFileSink*>(sink->get());
  if (file != nullptr && file->is_oversized()) log_info("Rotating logfile...");
  return {};
}

void reopen_log_file(const config::Logging& options) {
  if (options.file.empty()) {
    log_info("File log re-open ignored, not a file logger");
    return;
  }
  if (const auto reopened = install_log_sink(options); !reopened) {
    log_error("File log re-open failed: {}", reopened.error().text);
    return;
  }
  log_info("File log re-opened");
}

}  // namespace dunlin::server
