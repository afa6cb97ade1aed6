#include "bench/load/request_run.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "bench/load/frame_counter.hpp"
#include "bench/load/server_process.hpp"

namespace dunlin::bench {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::string_view service = "bench.service";
constexpr std::size_t slot_digits = 4;

std::string padded(std::size_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%04zu", number);
  return text.data();
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = payload_byte(i);
  return text;
}

}  // namespace

// One connection with its outgoing bytes. Responder and Requester say what a message means.
class RequestRun::Peer {
 public:
  Peer(const Options& options, std::string_view subscription)
      : client_{options.target},
        payload_size_{options.payload_size},
        is_foreign_{!options.asked.empty()} {
    client_.apply(subscription);
    tail_ = ' ' + std::to_string(payload_size_) + "\r\n" + pattern(payload_size_) + "\r\n";
  }
  virtual ~Peer() = default;

  void receive(std::vector<char>& buffer) {
    const std::size_t size = socket().receive(buffer.data(), buffer.size());
    received_ns_ = now_ns();
    if (!parser_.feed({buffer.data(), size}, *this)) throw std::runtime_error(parser_.error());
    if (!error_.empty()) throw std::runtime_error(error_);
  }

  void flush() {
    if (!out_.empty()) out_.erase(0, socket().send(out_));
  }

  void message_line(const MessageLine& line) {
    if (line.header_size > 0) error_ = "a request found no responder";
    if (!is_foreign_ && line.total_size != payload_size_) error_ = "message of unexpected size";
    on_line(line);
  }
  void message_bytes(std::string_view part, std::size_t offset) {
    if (is_foreign_) {
      if (part.find("\"error\"") != std::string_view::npos) error_ = part;
    } else if (offset < payload_size_ && part.front() != payload_byte(offset)) {
      error_ = "payload differs from what was sent";
    }
  }
  void message_end() { on_message(); }
  void control_line(std::string_view line) {
    if (line == "PING") out_ += "PONG\r\n";
    if (line.starts_with("-ERR")) error_ = line;
  }

  [[nodiscard]] Socket& socket() noexcept { return client_.socket(); }
  [[nodiscard]] bool has_output() const noexcept { return !out_.empty(); }

 protected:
  virtual void on_line(const MessageLine& line) = 0;
  virtual void on_message() = 0;

  std::string out_;
  std::string tail_;  // What follows the subjects in a PUB frame.
  std::uint64_t received_ns_ = 0;
  std::string error_;

 private:
  Client client_;
  std::size_t payload_size_;
  bool is_foreign_;  // What comes is not what was sent.
  FrameParser parser_;
};

class RequestRun::Responder : public Peer {
 public:
  explicit Responder(const Options& options)
      : Peer{options, "SUB " + std::string{service} + " 1\r\n"} {}

 private:
  void on_line(const MessageLine& line) override { reply_ = line.reply; }
  void on_message() override { out_.append("PUB ").append(reply_).append(tail_); }

  std::string reply_;
};

class RequestRun::Requester : public Peer {
 public:
  Requester(const Options& options, std::size_t index)
      : Peer{options, options.is_new_inbox ? std::string{} : "SUB " + inbox(index) + "* 1\r\n"},
        subject_{options.asked.empty() ? std::string{service} : options.asked},
        inbox_{inbox(index)},
        is_new_inbox_{options.is_new_inbox},
        sent_ns_(options.in_flight, 0) {}

  // Fills every free slot.
  void request_all(std::uint64_t now) {
    for (std::size_t slot = 0; open_ < sent_ns_.size() && slot < sent_ns_.size(); ++slot) {
      if (sent_ns_[slot] == 0) request(slot, now);
    }
  }

  // Forgets what has been measured, and stops or continues to refill answered slots.
  void start_phase() {
    latency_.clear();
    answered_ = 0;
  }
  void set_requesting(bool on) noexcept { is_requesting_ = on; }

  [[nodiscard]] std::uint64_t open() const noexcept { return open_; }
  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }
  [[nodiscard]] std::uint64_t extra() const noexcept { return extra_; }

  void add_latency_to(Histogram& all) const { all.add(latency_); }

 private:
  static std::string inbox(std::size_t index) { return "_INBOX.bench" + padded(index) + '.'; }

  void request(std::size_t slot, std::uint64_t now) {
    std::string reply = inbox_;
    if (is_new_inbox_) {
      const std::string sid = std::to_string(++sequence_);
      reply += sid + '.' + padded(slot);
      out_ += "SUB " + reply + ' ' + sid + "\r\nUNSUB " + sid + " 1\r\n";
    } else {
      reply += padded(slot);
    }
    out_.append("PUB ").append(subject_).append(" ").append(reply).append(tail_);
    sent_ns_[slot] = now;
    ++open_;
  }

  void on_line(const MessageLine& line) override {
    const std::string_view digits = line.subject.substr(line.subject.size() - slot_digits);
    std::from_chars(digits.data(), digits.data() + digits.size(), slot_);
  }

  void on_message() override {
    if (slot_ >= sent_ns_.size() || sent_ns_[slot_] == 0) {
      ++extra_;
      return;
    }
    latency_.record(received_ns_ - sent_ns_[slot_]);
    sent_ns_[slot_] = 0;
    --open_;
    ++answered_;
    if (is_requesting_) request(slot_, received_ns_);
  }

  std::string subject_;
  std::string inbox_;
  bool is_new_inbox_;
  bool is_requesting_ = false;
  std::vector<std::uint64_t> sent_ns_;  // By slot; 0 when it is free.
  std::uint64_t sequence_ = 0;
  std::size_t slot_ = 0;
  std::uint64_t open_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t extra_ = 0;
  Histogram latency_;
};

RequestRun::RequestRun(const Options& options)
    : options_{options}, epoll_{::epoll_create1(EPOLL_CLOEXEC)}, buffer_(read_bytes) {
  if (epoll_.fd() < 0) throw std::system_error(errno, std::generic_category(), "epoll");
}

Report RequestRun::run() {
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

void RequestRun::run_phases(Report& report) {
  if (options_.asked.empty()) peers_.push_back(std::make_shared<Responder>(options_));
  for (std::size_t i = 0; i < options_.publishers; ++i) {
    requesters_.push_back(std::make_shared<Requester>(options_, i));
    peers_.push_back(requesters_.back());
  }
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, peers_[i]->socket().fd(), &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }
  measure(options_.warmup_seconds, report);
  if (report.is_good()) measure(options_.seconds, report);
  report.rss_bytes = ServerProcess{options_.server_pid}.rss_bytes();
}

void RequestRun::measure(double seconds, Report& report) {
  const ServerProcess server{options_.server_pid};
  for (auto& requester : requesters_) {
    requester->start_phase();
    requester->set_requesting(true);
  }
  const CpuTime before = server.cpu_time();
  const std::uint64_t load_before = own_cpu_ns();
  const std::uint64_t start = now_ns();
  const auto end = start + static_cast<std::uint64_t>(seconds * 1e9);
  const auto limit = end + static_cast<std::uint64_t>(options_.stall_seconds * 1e9);
  while (now_ns() < end) turn(true);
  for (auto& requester : requesters_) requester->set_requesting(false);
  while (open_requests() > 0 && now_ns() < limit) turn(false);
  report.seconds = static_cast<double>(now_ns() - start) / 1e9;
  const CpuTime after = server.cpu_time();
  report.cpu = {after.total_ns - before.total_ns, after.user_ns - before.user_ns,
                after.system_ns - before.system_ns};
  report.load_ns = own_cpu_ns() - load_before;
  report.latency.clear();
  report.messages = 0;
  report.lost = open_requests();
  report.extra = 0;
  for (const auto& requester : requesters_) {
    requester->add_latency_to(report.latency);
    report.messages += requester->answered();
    report.extra += requester->extra();
  }
}

void RequestRun::turn(bool is_requesting) {
  if (is_requesting) {
    for (auto& requester : requesters_) {
      if (requester->open() < options_.in_flight) requester->request_all(now_ns());
    }
  }
  bool is_pending = false;
  for (auto& peer : peers_) {
    peer->flush();
    is_pending |= peer->has_output();
  }
  epoll_event events[64];
  const int ready = ::epoll_wait(epoll_.fd(), events, 64, is_pending ? 1 : 10);
  if (ready < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "epoll_wait");
  }
  for (int i = 0; i < ready; ++i) {
    Peer& peer = *peers_[events[i].data.u64];
    peer.receive(buffer_);
    peer.flush();
  }
}

std::uint64_t RequestRun::open_requests() const noexcept {
  std::uint64_t open = 0;
  for (const auto& requester : requesters_) open += requester->open();
  return open;
}

}  // namespace dunlin::bench
