#include "measure.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace store_bench {

double Durations::at(double part) {
  if (ns_.empty()) return 0;
  const auto place = std::min(
      ns_.size() - 1, static_cast<std::size_t>(part * static_cast<double>(ns_.size())));
  const auto found = ns_.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(ns_.begin(), found, ns_.end());
  return *found / 10.0;
}

Measurement::Measurement(dunlin::Host host, const dunlin::StoredLog& log,
                         const Workload& workload)
    : executor_(host.get<dunlin::Executor>()),
      clock_(host.get<dunlin::Clock>()),
      log_(log),
      workload_(workload),
      payload_(workload.payload_bytes, 'x'),
      records_(workload.batch) {
  for (std::size_t i = 0; i < workload.subjects; ++i) {
    subjects_.push_back(workload.subjects == 1 ? "bench" : "bench." + std::to_string(i));
  }
}

Figures Measurement::run() {
  if (auto posted = executor_.post_control([this] { begin(); }); !posted) {
    throw std::runtime_error(posted.error().text);
  }
  waiter_.wait();
  if (failure_) throw std::runtime_error(*failure_);
  return std::move(figures_);
}

void Measurement::begin() {
  const auto state = log_.state();
  last_ = state.last_seq;
  kept_from_ = state.first_seq;
  last_time_ns_ = state.last_time_ns;
  begin_ns_ = clock_.monotonic_ns();
  end_ns_ = begin_ns_ + static_cast<std::uint64_t>(workload_.seconds * 1e9);
  go_on();
}

// On control, as long as there is something to be done at once.
void Measurement::go_on() {
  while (!is_over_ && under_way_ < workload_.batches) {
    if (appended_ == 0) {
      if (failure_ || clock_.monotonic_ns() >= end_ns_) break;
      append_ns_ = clock_.monotonic_ns();
    }
    if (!append()) {
      if (!failure_) return;
      break;
    }
    ++under_way_;
    log_.sync([this, began = append_ns_](const dunlin::result<>& outcome) {
      if (!outcome && !failure_) failure_ = outcome.error().text;
      figures_.commits.add(clock_.monotonic_ns() - began);
      figures_.records += workload_.batch;
      --under_way_;
      go_on();
    });
    if (workload_.keep != 0) purge();
  }
  if (under_way_ == 0 && !is_purging_ && !is_over_) end();
}

// False when the log has no room now.
bool Measurement::append() {
  if (appended_ == 0) {
    last_time_ns_ = std::max(last_time_ns_, clock_.wall_ns());
    for (auto& record : records_) {
      const auto& subject = subjects_[last_ % subjects_.size()];
      record.seq = ++last_;
      record.time_ns = last_time_ns_;
      record.subject = {subject.data(), subject.size()};
      record.payload = {reinterpret_cast<const std::uint8_t*>(payload_.data()), payload_.size()};
    }
  }
  std::size_t accepted = 0;
  const auto outcome =
      log_.append(std::span<const dunlin_record>(records_).subspan(appended_), accepted);
  appended_ += accepted;
  if (appended_ == records_.size()) {
    appended_ = 0;
    return true;
  }
  if (outcome.error().status != DUNLIN_E_AGAIN) failure_ = outcome.error().text;
  return false;
}

// In steps, as a stream does that has reached its limit.
void Measurement::purge() {
  const auto step = std::max<std::uint64_t>(workload_.keep / 256, 1);
  if (is_purging_ || last_ - kept_from_ < workload_.keep + step) return;
  kept_from_ = last_ - workload_.keep;
  dunlin_purge query{};
  query.below = kept_from_;
  is_purging_ = true;
  log_.purge(query, [this](const dunlin::result<>& outcome, const dunlin_removed&) {
    is_purging_ = false;
    if (!outcome && !failure_) failure_ = outcome.error().text;
    if (under_way_ == 0) go_on();
  });
}

void Measurement::end() {
  is_over_ = true;
  figures_.seconds = static_cast<double>(clock_.monotonic_ns() - begin_ns_) / 1e9;
  waiter_.done();
}

Figures measure_raw(const dunlin::Clock& clock, const std::string& path, const Workload& workload,
                    bool is_sync) {
  constexpr std::size_t file_bytes = 16u << 20;
  const std::string bytes(workload.batch * (workload.payload_bytes + 5), 'x');
  const auto check = [&](bool is_good) {
    if (!is_good) throw std::runtime_error("cannot write " + path);
  };
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  check(file >= 0);
  const std::string zeros(std::max(file_bytes, bytes.size()), '\0');
  check(::pwrite(file, zeros.data(), zeros.size(), 0) >= 0 && ::fsync(file) == 0);
  Figures figures;
  const auto begin = clock.monotonic_ns();
  const auto end = begin + static_cast<std::uint64_t>(workload.seconds * 1e9);
  std::size_t at = 0;
  auto now = begin;
  while (now < end) {
    if (at + bytes.size() > zeros.size()) at = 0;
    check(::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at)) >= 0);
    if (is_sync) check(::fdatasync(file) == 0);
    at += bytes.size();
    const auto before = std::exchange(now, clock.monotonic_ns());
    figures.commits.add(now - before);
    figures.records += workload.batch;
  }
  figures.seconds = static_cast<double>(now - begin) / 1e9;
  ::close(file);
  ::unlink(path.c_str());
  return figures;
}

}  // namespace store_bench
