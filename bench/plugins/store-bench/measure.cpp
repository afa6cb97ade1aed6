#include "measure.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace store_bench {
namespace {

constexpr std::size_t payload_bytes = 128;
constexpr int turns = 4;

}  // namespace

void Measurement::run(const std::filesystem::path& dir, double seconds,
                      std::span<const dunlin_str> batches,
                      const std::function<void(const std::string&)>& say) {
  say("records a batch | records/s | syncs/s | the same with pwrite, fdatasync/s | ratio\n");
  for (const dunlin_str& arg : batches) {
    const auto batch = std::strtoull(std::string(arg.data, arg.size).c_str(), nullptr, 10);
    if (batch == 0) throw std::runtime_error("a batch has at least one record");
    // Taking turns: what else the machine does meets both.
    double ours = 0, raw = 0;
    for (int turn = 0; turn < turns; ++turn) {
      ours += calls_per_second(seconds / turns, [&] { append_batch(batch); }) / turns;
      raw += measure_raw(dir / "raw", seconds / turns, batch) / turns;
    }
    char line[160];
    std::snprintf(line, sizeof line, "%15llu | %9.0f | %7.0f | %34.0f | %.2f\n",
                  static_cast<unsigned long long>(batch), ours * static_cast<double>(batch), ours,
                  raw, ours / raw);
    say(line);
  }
}

double Measurement::calls_per_second(double seconds, const std::function<void()>& call) {
  const auto begin = clock_.monotonic_ns();
  const auto end = begin + static_cast<std::uint64_t>(seconds * 1e9);
  std::uint64_t calls = 0;
  while (clock_.monotonic_ns() < end) {
    call();
    ++calls;
  }
  return static_cast<double>(calls) * 1e9 / static_cast<double>(clock_.monotonic_ns() - begin);
}

void Measurement::append_batch(std::size_t size) {
  const std::string payload(payload_bytes, 'x');
  std::vector<dunlin_record> records(size);
  const auto now = clock_.wall_ns();
  for (auto& record : records) {
    record.seq = ++last_;
    record.time_ns = now;
    record.subject = {"bench", 5};
    record.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
  }
  for (std::span<const dunlin_record> rest(records); !rest.empty();) {
    std::size_t accepted = 0;
    const auto outcome = log_.append(rest, accepted);
    rest = rest.subspan(accepted);
    if (!outcome && outcome.error().status == DUNLIN_E_AGAIN) room_.wait();
    else if (!outcome) throw std::runtime_error(outcome.error().text);
  }
  Waiter synced;
  log_.sync([&](const dunlin::result<>&) { synced.done(); });
  synced.wait();
}

// Into a file that is full of zeros already, so that no metadata changes.
double Measurement::measure_raw(const std::filesystem::path& path, double seconds,
                                std::size_t batch) {
  constexpr off_t file_bytes = 16 << 20;
  const std::string bytes(batch * (payload_bytes + 5), 'x');
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot open " + path.string());
  const std::string zeros(1 << 20, '\0');
  for (off_t at = 0; at < file_bytes; at += 1 << 20)
    if (::pwrite(file, zeros.data(), zeros.size(), at) < 0) break;
  ::fsync(file);
  off_t at = 0;
  const double rate = calls_per_second(seconds, [&] {
    if (at + static_cast<off_t>(bytes.size()) > file_bytes) at = 0;
    if (::pwrite(file, bytes.data(), bytes.size(), at) < 0 || ::fdatasync(file) != 0)
      throw std::runtime_error("cannot write " + path.string());
    at += static_cast<off_t>(bytes.size());
  });
  ::close(file);
  ::unlink(path.c_str());
  return rate;
}

}  // namespace store_bench
