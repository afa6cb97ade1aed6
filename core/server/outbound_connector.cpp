#include "core/server/outbound_connector.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <future>
#include <utility>

#include "core/net/listener.hpp"

namespace dunlin::server {

namespace {

constexpr std::chrono::nanoseconds connect_timeout_usual = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds delay_usual = std::chrono::seconds(1);

}  // namespace

// One socket being connected, on its shard.
class Dialer : public std::enable_shared_from_this<Dialer> {
 public:
  // `error` is 0, or why there is no socket.
  using Done = std::function<void(net::Shard&, int socket, int error)>;

  Dialer(net::Shard& shard, Done done)
      : shard_(shard), done_(std::move(done)), socket_(shard.io()), timer_(shard.io()) {}

  void start(const std::string& address, std::chrono::nanoseconds timeout) {
    if (is_over_) return;
    const auto* const to = reinterpret_cast<const sockaddr*>(address.data());
    const int handle =
        ::socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (handle < 0) {
      finish(errno);
      return;
    }
    socket_.assign(handle);
    if (::connect(handle, to, static_cast<socklen_t>(address.size())) == 0) {
      finish(0);
      return;
    }
    if (errno != EINPROGRESS) {
      finish(errno);
      return;
    }
    // The reactor's handlers only note what happened; the work belongs in the shard's turn.
    socket_.async_wait(socket_.wait_write,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (!error) self->post([](Dialer& one) { one.connected(); });
                       });
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->post([](Dialer& one) { one.finish(ETIMEDOUT); });
    });
  }

  // Nothing is reported any more.
  void cancel() {
    is_over_ = true;
    timer_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  template <class Task>
  void post(Task task) {
    shard_.post([self = shared_from_this(), task] {
      if (!self->is_over_) task(*self);
    });
  }

  void connected() {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
      error = errno;
    finish(error);
  }

  void finish(int error) {
    is_over_ = true;
    timer_.cancel();
    const int handle = error == 0 ? socket_.release() : -1;
    boost::system::error_code ignored;
    socket_.close(ignored);
    done_(shard_, handle, error);
  }

  net::Shard& shard_;
  const Done done_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  bool is_over_ = false;
};

OutboundConnector::OutboundConnector(dunlin_connector id, Wish wish,
                                     std::shared_ptr<ProtocolSettings> settings,
                                     plugin::Executor& executor,
                                     boost::asio::io_context& control, ChooseShard choose_shard,
                                     Adopt adopt)
    : id_(id),
      wish_(std::move(wish)),
      settings_(std::move(settings)),
      executor_(executor),
      choose_shard_(std::move(choose_shard)),
      adopt_(std::move(adopt)),
      timer_(control),
      random_(std::random_device{}()) {}

OutboundConnector::~OutboundConnector() = default;

template <class Task>
std::function<void()> OutboundConnector::guarded(Task task) {
  return [weak = weak_from_this(), task = std::move(task)] {
    const auto self = weak.lock();
    if (self != nullptr && !self->ended_) task(*self);
  };
}

void OutboundConnector::start() {
  settings_->on_ready = [weak = weak_from_this()] {
    if (const auto self = weak.lock())
      self->executor_.post_control(self->guarded([](OutboundConnector& one) { one.opened(); }));
  };
  settings_->on_closed = [weak = weak_from_this()](net::ClosedReason reason, bool was_ready) {
    if (const auto self = weak.lock())
      self->executor_.post_control(self->guarded(
          [reason, was_ready](OutboundConnector& one) { one.closed(reason, was_ready); }));
  };
  executor_.post_control(guarded([](OutboundConnector& self) { self.attempt(); }));
}

void OutboundConnector::end() {
  ended_ = true;
  timer_.cancel();
  if (dialer_ == nullptr) return;
  auto over = std::make_shared<std::promise<void>>();
  auto waiting = over->get_future();
  const auto cancel = [dialer = std::exchange(dialer_, nullptr), over] {
    dialer->cancel();
    over->set_value();
  };
  if (executor_.post_shard(dialer_shard_, cancel)) waiting.wait();
}

void OutboundConnector::attempt() {
  ++attempts_;
  address_ = wish_.addresses[next_];
  next_ = (next_ + 1) % wish_.addresses.size();
  // The worker touches nothing of this object.
  const bool posted = executor_.post_worker([address = address_, self = shared_from_this()] {
    auto resolved = std::make_shared<Resolved>(resolve(address));
    self->executor_.post_control(self->guarded([resolved](OutboundConnector& one) {
      if (resolved->targets.empty())
        one.failed(resolved->why);
      else
        one.dial(std::move(resolved->targets), 0);
    }));
  });
  if (!posted) ended_ = true;
}

std::string OutboundConnector::host_of(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) return {};
  if (colon > 2 && address.front() == '[' && address[colon - 1] == ']')
    return address.substr(1, colon - 2);
  return address.substr(0, colon);
}

// [worker]
OutboundConnector::Resolved OutboundConnector::resolve(const std::string& address) {
  Resolved out;
  const std::string host = host_of(address);
  if (host.empty()) {
    out.why = fmt::format("\"{}\" is not host:port", address);
    return out;
  }
  const std::size_t colon = address.rfind(':');
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found);
      code != 0) {
    out.why = fmt::format("lookup {}: {}", host, gai_strerror(code));
    return out;
  }
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
    out.targets.push_back({net::address_of(one->ai_addr),
                           std::string(reinterpret_cast<const char*>(one->ai_addr),
                                       one->ai_addrlen)});
  freeaddrinfo(found);
  return out;
}

void OutboundConnector::dial(std::vector<Target> targets, std::size_t next) {
  net::Shard& shard = choose_shard_();
  const Target target = targets[next];
  const auto done = [self = shared_from_this(), targets = std::move(targets), next,
                     host = host_of(address_)](net::Shard& where, int socket, int error) {
    if (error == 0) {
      self->executor_.post_control(
          self->guarded([](OutboundConnector& one) { one.dialer_ = nullptr; }));
      self->adopt_(where, socket, targets[next].shown, host);
      return;
    }
    self->executor_.post_control(self->guarded([targets, next, error](OutboundConnector& one) {
      one.dialer_ = nullptr;
      if (next + 1 < targets.size())
        one.dial(targets, next + 1);
      else
        one.failed(fmt::format("dial tcp {}:{}: {}", targets[next].shown.ip,
                               targets[next].shown.port, std::strerror(error)));
    }));
  };
  dialer_ = std::make_shared<Dialer>(shard, done);
  dialer_shard_ = shard.index();
  const auto timeout =
      wish_.connect_timeout.count() == 0 ? connect_timeout_usual : wish_.connect_timeout;
  shard.post([dialer = dialer_, raw = target.raw, timeout] { dialer->start(raw, timeout); });
}

void OutboundConnector::failed(const std::string& why) {
  tell(DUNLIN_CONNECT_FAILED, DUNLIN_E_IO, why);
  if (!ended_) try_again_later();
}

void OutboundConnector::opened() {
  attempts_ = 0;
  delay_ = {};
  tell(DUNLIN_CONNECT_CONNECTED, DUNLIN_OK, {});
}

// A connection that closed before its protocol was open was an attempt that failed.
void OutboundConnector::closed(net::ClosedReason reason, bool was_ready) {
  if (!was_ready) {
    failed(std::string(protocol::text_of(reason)));
    return;
  }
  tell(DUNLIN_CONNECT_LOST, DUNLIN_E_CLOSED, std::string(protocol::text_of(reason)));
  if (!ended_) try_again_later();
}

void OutboundConnector::try_again_later() {
  if (wish_.attempts_max != 0 && attempts_ >= wish_.attempts_max) {
    tell(DUNLIN_CONNECT_ENDED, DUNLIN_E_LIMIT, "attempts are used up");
    ended_ = true;
    return;
  }
  const auto least = wish_.delay.count() == 0 ? delay_usual : wish_.delay;
  const auto most = std::max(wish_.delay_max, least);
  delay_ = delay_.count() == 0 ? least : std::min(delay_ * 2, most);
  auto wait = delay_;
  if (wish_.jitter.count() > 0)
    wait += std::chrono::nanoseconds(
        std::uniform_int_distribution<std::int64_t>(0, wish_.jitter.count())(random_));
  timer_.expires_after(wait);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && !self->ended_) self->attempt();
  });
}

void OutboundConnector::tell(std::uint32_t event, dunlin_status status, const std::string& why) {
  if (wish_.on_connect == nullptr) return;
  dunlin_error error{};
  error.struct_size = sizeof error;
  error.status = status;
  const std::size_t size = std::min(why.size(), sizeof error.text - 1);
  std::memcpy(error.text, why.data(), size);
  wish_.on_connect(wish_.user, id_, event, str(address_), status == DUNLIN_OK ? nullptr : &error);
}

}  // namespace dunlin::server
