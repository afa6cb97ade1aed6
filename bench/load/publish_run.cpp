#include "bench/load/publish_run.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace dunlin::bench {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr int reads_per_turn = 4;
constexpr std::size_t events_per_turn = 256;
constexpr std::size_t marks_max = 4096;
constexpr int idle_wait_ms = 10;

// What may be on the way to each of many subscribers, whatever --window says about all.
constexpr std::size_t window_bytes_each = 256 * 1024;
constexpr std::size_t window_frames_each = 4;

constexpr auto recover_limit = std::chrono::seconds{10};

// Where the number of a connection starts in epoll's key; publishers are counted from 0.
constexpr std::uint64_t subscriber_keys = std::uint64_t{1} << 32;

}  // namespace

PublishRun::PublishRun(const Options& options)
    : options_{options},
      shape_{make_shape(options)},
      server_{options.server_pid},
      epoll_{::epoll_create1(EPOLL_CLOEXEC)},
      buffer_(read_bytes),
      marks_(marks_max) {
  if (epoll_.fd() < 0) throw std::system_error(errno, std::generic_category(), "epoll");
  const std::size_t frame = shape_.blocks.front().frame_size;
  const std::size_t each = std::max(window_bytes_each, window_frames_each * frame);
  const std::size_t bytes = std::max(options_.window_bytes, each * options_.subscribers);
  window_messages_ = bytes / frame;
}

Report PublishRun::run() {
  Report report;
  report.label = options_.label;
  report.payload_size = options_.payload_size;
  try {
    run_phases(report);
  } catch (const std::exception& failure) {
    report.error = failure.what();
  }
  return report;
}

void PublishRun::run_phases(Report& report) {
  const std::uint64_t rss_before = server_.rss_bytes();
  connect_idle(report);
  connect_all();
  publish_phase(options_.warmup_seconds, true, report);
  if (!report.is_good()) return;
  publish_phase(options_.seconds, options_.is_checking, report);
  report.rss_bytes = server_.rss_bytes();
  report.values.emplace_back("gap_ms", static_cast<double>(gap_ns_) / 1e6);
  report.values.emplace_back("rss_before_bytes", static_cast<double>(rss_before));
  if (churn_) report.values.emplace_back("churn_pairs", static_cast<double>(churn_->made()));
  if (options_.is_recovering) recover(report);
}

void PublishRun::connect_idle(Report& report) {
  if (options_.idle == 0) return;
  const std::uint64_t before = server_.settled_rss_bytes();
  const std::uint64_t start = now_ns();
  idle_.reserve(options_.idle);
  for (std::size_t i = 0; i < options_.idle; ++i) {
    idle_.emplace_back(options_.target, static_cast<unsigned>(i % 8 + 1));
  }
  const double seconds = static_cast<double>(now_ns() - start) / 1e9;
  const std::uint64_t after = server_.settled_rss_bytes();
  const double growth = static_cast<double>(after) - static_cast<double>(before);
  const auto count = static_cast<double>(options_.idle);
  report.values.emplace_back("bytes_per_connection", growth / count);
  report.values.emplace_back("connects_per_s", count / seconds);
}

void PublishRun::connect_all() {
  for (std::size_t i = 0; i < shape_.subscribers.size(); ++i) {
    const SubscriberPlan& plan = shape_.subscribers[i];
    Client client{options_.target};
    // A relay pairs connections in the order in which they arrive: subscriber first.
    client.apply(plan.subscriptions);
    const FrameCounter counter{options_.payload_size, options_.header_size};
    subscribers_.push_back(
        std::make_unique<Subscriber>(Subscriber{std::move(client), counter, plan.group}));
    watch(subscribers_.back()->client.socket().fd(), EPOLLIN, subscriber_keys + i);
  }
  for (std::size_t i = 0; i < options_.slow; ++i) {
    slow_.emplace_back(options_.target);
    slow_.back().apply(shape_.slow_subscription);
  }
  for (std::size_t i = 0; i < options_.publishers; ++i) {
    const FrameBlock& block = shape_.blocks[std::min(i, shape_.blocks.size() - 1)];
    publishers_.push_back(std::make_unique<Publisher>(options_.target, block, 0));
    watch(publishers_.back()->socket().fd(), EPOLLIN | EPOLLOUT | EPOLLET, i);
  }
  if (options_.churn_per_s > 0) churn_.emplace(options_.target, options_.churn_per_s);
}

void PublishRun::watch(int fd, std::uint32_t events, std::uint64_t key) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

void PublishRun::publish_phase(double seconds, bool is_checking, Report& report) {
  for (auto& subscriber : subscribers_) subscriber->counter.set_checking(is_checking);
  latency_.clear();
  mark_count_ = 0;
  gap_ns_ = 0;
  progress_ns_ = now_ns();
  const std::uint64_t deliveries_before = expected_deliveries();
  const std::uint64_t sent_before = sent_bytes_;
  const CpuTime cpu_before = server_.cpu_time();
  const std::uint64_t load_before = own_cpu_ns();
  const std::uint64_t start = now_ns();
  const auto end = start + static_cast<std::uint64_t>(seconds * 1e9);
  while (now_ns() < end) turn(true);
  drain(report, is_checking);
  report.seconds = static_cast<double>(now_ns() - start) / 1e9;
  const CpuTime cpu = server_.cpu_time();
  report.cpu = {cpu.total_ns - cpu_before.total_ns, cpu.user_ns - cpu_before.user_ns,
                cpu.system_ns - cpu_before.system_ns};
  report.load_ns = own_cpu_ns() - load_before;
  report.messages = subscribers_.empty()
                        ? (sent_bytes_ - sent_before) / shape_.blocks.front().frame_size
                        : expected_deliveries() - deliveries_before;
  report.latency = latency_;
  finish_barrier();
  compare_counts(report);
}

// Ends frames that were cut and waits until everything has arrived. Without subscribers the
// server's answer to a PING proves that it has read everything.
void PublishRun::drain(Report& report, bool is_checking) {
  const auto stall_ns = static_cast<std::uint64_t>(options_.stall_seconds * 1e9);
  if (subscribers_.empty() && !options_.target.is_relay) finish_barrier();
  while (true) {
    const bool is_cut = std::any_of(publishers_.begin(), publishers_.end(),
                                    [](const auto& p) { return p->unfinished() > 0; });
    if (!is_cut && (subscribers_.empty() || deliveries_ >= expected_deliveries())) return;
    turn(false);
    if (now_ns() - progress_ns_ > stall_ns) {
      report.error = is_checking ? "messages are missing in a checked run" : "messages are missing";
      return;
    }
  }
}

void PublishRun::finish_barrier() {
  if (options_.target.is_relay) return;
  ++barriers_;
  for (auto& publisher : publishers_) publisher->add_control("PING\r\n");
  for (auto& subscriber : subscribers_) {
    if (subscriber->client.socket().send("PING\r\n") != 6) {
      throw std::runtime_error("a subscriber could not send PING");
    }
  }
  const std::uint64_t deadline =
      now_ns() + static_cast<std::uint64_t>(options_.stall_seconds * 1e9);
  const auto is_done = [this] {
    return std::all_of(publishers_.begin(), publishers_.end(),
                       [this](const auto& p) { return p->replies.pongs() >= barriers_; }) &&
           std::all_of(subscribers_.begin(), subscribers_.end(),
                       [this](const auto& s) { return s->counter.pongs() >= barriers_; });
  };
  while (!is_done()) {
    if (now_ns() > deadline) throw std::runtime_error("the server did not answer PING in time");
    turn(false);
  }
}

void PublishRun::compare_counts(Report& report) const {
  std::vector<std::uint64_t> received(shape_.groups.size(), 0);
  for (const auto& subscriber : subscribers_) {
    received[subscriber->group] += subscriber->counter.messages();
  }
  std::uint64_t sent_all = 0;
  for (const auto& publisher : publishers_) sent_all += publisher->sent_messages();
  for (std::size_t i = 0; i < shape_.groups.size(); ++i) {
    const std::size_t source = shape_.groups[i].publisher;
    const std::uint64_t sent = source == SubscriberGroup::every_publisher
                                   ? sent_all
                                   : publishers_[source]->sent_messages();
    if (received[i] < sent) report.lost += sent - received[i];
    if (received[i] > sent) report.extra += received[i] - sent;
  }
}

void PublishRun::recover(Report& report) {
  const std::uint64_t peak = server_.rss_bytes();
  subscribers_.clear();
  publishers_.clear();
  slow_.clear();
  idle_.clear();
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t lowest = peak;
  double lowest_s = 0;
  while (std::chrono::steady_clock::now() - start < recover_limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    const std::uint64_t now = server_.rss_bytes();
    if (now >= lowest) continue;
    lowest = now;
    lowest_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  report.values.emplace_back("rss_after_bytes", static_cast<double>(server_.rss_bytes()));
  report.values.emplace_back("rss_lowest_after_s", lowest_s);
}

void PublishRun::turn(bool is_publishing) {
  const bool is_busy = publish_turn(is_publishing);
  mark_sent();
  if (churn_) churn_->turn(now_ns());
  wait_and_read(is_busy ? 0 : churn_ ? 1 : idle_wait_ms);
  record_marks();
  if (sent_bytes_ + deliveries_ == progress_seen_) return;
  progress_seen_ = sent_bytes_ + deliveries_;
  const std::uint64_t now = now_ns();
  gap_ns_ = std::max(gap_ns_, now - progress_ns_);
  progress_ns_ = now;
}

// True when some publisher may send more at once.
bool PublishRun::publish_turn(bool is_publishing) {
  bool is_busy = false;
  for (auto& publisher : publishers_) {
    if (publisher->is_blocked) continue;
    std::size_t bytes = publisher->unfinished();
    if (is_publishing) bytes = std::max(bytes, std::min(options_.batch_bytes, allowance_bytes()));
    if (!options_.is_write_per_message) {
      const std::size_t sent = publisher->publish(bytes);
      sent_bytes_ += sent;
      is_busy |= sent > 0;
      continue;
    }
    const std::size_t frame = shape_.blocks.front().frame_size;
    do {
      const std::size_t rest = publisher->unfinished();
      const std::size_t sent = publisher->publish(rest > 0 || bytes == 0 ? rest : frame);
      sent_bytes_ += sent;
      is_busy |= sent > 0;
      bytes -= std::min(bytes, frame);
    } while (bytes > 0 && !publisher->is_blocked);
  }
  return is_busy;
}

void PublishRun::wait_and_read(int timeout_ms) {
  epoll_event events[events_per_turn];
  const int ready = ::epoll_wait(epoll_.fd(), events, events_per_turn, timeout_ms);
  if (ready < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "epoll_wait");
  }
  for (int i = 0; i < ready; ++i) {
    const std::uint64_t key = events[i].data.u64;
    if (key >= subscriber_keys) {
      read_subscriber(*subscribers_[key - subscriber_keys]);
      continue;
    }
    Publisher& publisher = *publishers_[key];
    if ((events[i].events & EPOLLOUT) != 0) publisher.is_blocked = false;
    if ((events[i].events & ~EPOLLOUT) != 0) read_publisher(publisher);
  }
}

void PublishRun::read_publisher(Publisher& publisher) {
  while (const std::size_t size = publisher.socket().receive(buffer_.data(), buffer_.size())) {
    if (!publisher.replies.feed({buffer_.data(), size})) {
      throw std::runtime_error("publisher: " + publisher.replies.error());
    }
  }
  if (publisher.replies.messages() > 0) throw std::runtime_error("a publisher got a message");
  for (unsigned n = publisher.replies.take_pings(); n > 0; --n) publisher.add_control("PONG\r\n");
}

void PublishRun::read_subscriber(Subscriber& subscriber) {
  const std::uint64_t before = subscriber.counter.messages();
  for (int i = 0; i < reads_per_turn; ++i) {
    const std::size_t size = subscriber.client.socket().receive(buffer_.data(), buffer_.size());
    if (size == 0) break;
    if (!subscriber.counter.feed({buffer_.data(), size})) {
      throw std::runtime_error("subscriber: " + subscriber.counter.error());
    }
    if (size < buffer_.size()) break;
  }
  deliveries_ += subscriber.counter.messages() - before;
  for (unsigned n = subscriber.counter.take_pings(); n > 0; --n) {
    if (subscriber.client.socket().send("PONG\r\n") != 6) {
      throw std::runtime_error("a subscriber could not send PONG");
    }
  }
}

void PublishRun::mark_sent() {
  if (mark_count_ == marks_.size() || subscribers_.empty()) return;
  const std::uint64_t expected = expected_deliveries();
  if (mark_count_ > 0) {
    const Mark& last = marks_[(mark_first_ + mark_count_ - 1) % marks_.size()];
    if (last.deliveries == expected) return;
  }
  if (expected == deliveries_) return;
  marks_[(mark_first_ + mark_count_) % marks_.size()] = {expected, now_ns()};
  ++mark_count_;
}

void PublishRun::record_marks() {
  if (mark_count_ == 0 || marks_[mark_first_].deliveries > deliveries_) return;
  const std::uint64_t now = now_ns();
  while (mark_count_ > 0 && marks_[mark_first_].deliveries <= deliveries_) {
    latency_.record(now - marks_[mark_first_].sent_ns);
    mark_first_ = (mark_first_ + 1) % marks_.size();
    --mark_count_;
  }
}

std::uint64_t PublishRun::expected_deliveries() const noexcept {
  return sent_bytes_ / shape_.blocks.front().frame_size * shape_.deliveries_per_message;
}

std::size_t PublishRun::allowance_bytes() const noexcept {
  if (subscribers_.empty()) return options_.batch_bytes;
  const std::uint64_t on_the_way = expected_deliveries() - deliveries_;
  if (on_the_way >= window_messages_) return 0;
  const std::uint64_t messages =
      (window_messages_ - on_the_way) / shape_.deliveries_per_message + 1;
  return messages * shape_.blocks.front().frame_size;
}

}  // namespace dunlin::bench
