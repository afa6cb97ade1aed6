// What a message and a subject cost in memory; see README.md.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "plugins/storage-mem/log_data.hpp"

namespace dunlin::bench {
namespace {

using storage_mem::LogData;

struct Shape {
  const char* name;
  std::uint64_t messages, subjects;
  std::size_t payload_bytes;
  // Of each subject only the newest so many stay; 0: all.
  std::uint64_t keep;
};

constexpr Shape shapes[] = {
    {"one subject, 16 B", 2'000'000, 1, 16, 0},
    {"one subject, 128 B", 2'000'000, 1, 128, 0},
    {"1,000 subjects, 128 B", 2'000'000, 1000, 128, 0},
    {"1 M subjects, one message each, 16 B", 1'000'000, 1'000'000, 16, 0},
    {"1 M subjects, three messages each, 16 B", 3'000'000, 1'000'000, 16, 0},
    {"100,000 subjects, newest of 20 kept, 128 B", 2'000'000, 100'000, 128, 1},
    {"one subject, 1 kB", 500'000, 1, 1000, 0},
};

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& at) {
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Appends one message; false when the log refused it.
bool append(LogData& log, std::uint64_t seq, std::string_view subject, std::string_view payload,
            dunlin_span& span) {
  dunlin_record record{};
  record.seq = seq;
  record.time_ns = static_cast<std::int64_t>(seq);
  record.subject = detail::str(subject);
  record.payload = detail::bytes(payload);
  std::size_t accepted = 0;
  return static_cast<bool>(log.append({&record, 1}, accepted, {&span, 1}));
}

// Prints a row; false when the costs are above what the contract allows.
bool measure(const Shape& shape) {
  const std::string payload(shape.payload_bytes, 'x');
  const auto resident_before = resident_bytes();
  const auto time_before = processor_seconds();
  LogData log(1, true, 1);
  char subject[32];
  for (std::uint64_t i = 0; i < shape.messages; ++i) {
    // The order of the subjects is not that of their names.
    const auto number = i % shape.subjects * 2654435761 % 100'000'000;
    const auto size = std::snprintf(subject, sizeof subject, "kv.users.%08u",
                                    static_cast<unsigned>(number));
    dunlin_span span{};
    if (!append(log, i + 1, {subject, static_cast<std::size_t>(size)}, payload, span)) return false;
    if (shape.keep != 0 && span.count > shape.keep) log.remove({&span.first, 1}, false);
  }
  const auto nanoseconds =
      (processor_seconds() - time_before) * 1e9 / static_cast<double>(shape.messages);
  const auto state = log.state();
  constexpr double subject_text = 17;
  const auto records = static_cast<double>(state.records);
  const auto subjects = static_cast<double>(state.subjects);
  const auto extra = [&](std::size_t bytes) {
    return static_cast<double>(bytes) - records * static_cast<double>(shape.payload_bytes) -
           subjects * subject_text;
  };
  const auto resident = extra(resident_bytes() - resident_before);
  const auto allowed = records * 64 + subjects * 64;
  std::printf("| %s | %.1f | %.1f | %.0f |\n", shape.name, resident / records,
              extra(state.memory_bytes) / records, nanoseconds);
  return resident <= allowed;
}

int run() {
  std::printf("| shape | B a message, resident | B a message, as the log says | ns an append |\n"
              "|---|---|---|---|\n");
  int failures = 0;
  for (const auto& shape : shapes) {
    std::fflush(stdout);
    const auto child = fork();
    if (child == 0) {
      const bool fine = measure(shape);
      std::fflush(stdout);
      _exit(fine ? 0 : 1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) ++failures;
  }
  if (failures != 0) std::printf("%d shapes cost more than is allowed\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dunlin::bench

int main() { return dunlin::bench::run(); }
