#include "bench/load/publisher.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace dunlin::bench {
namespace {

constexpr std::size_t vectors_max = 32;

}  // namespace

bool Publisher::flush_control() {
  const std::size_t sent = socket().send(control_);
  control_.erase(0, sent);
  is_blocked = !control_.empty();
  return !is_blocked;
}

std::size_t Publisher::publish(std::size_t bytes_max) {
  if (!control_.empty()) {
    const std::size_t rest = unfinished();
    if (rest == 0) {
      if (!flush_control()) return 0;
    } else {
      bytes_max = std::min(bytes_max, rest);
    }
  }
  std::array<iovec, vectors_max> vectors;
  std::size_t count = 0;
  std::size_t offered = 0;
  std::size_t start = offset_;
  while (offered < bytes_max && count < vectors.size()) {
    const std::size_t size = std::min(block_->bytes.size() - start, bytes_max - offered);
    vectors[count++] = {const_cast<char*>(block_->bytes.data()) + start, size};
    offered += size;
    start = 0;
  }
  if (offered == 0) return 0;
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  const ssize_t result = ::sendmsg(socket().fd(), &message, MSG_NOSIGNAL);
  if (result < 0 && errno != EAGAIN && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "publishing");
  }
  const std::size_t sent = result > 0 ? static_cast<std::size_t>(result) : 0;
  is_blocked = sent < offered;
  offset_ = (offset_ + sent) % block_->bytes.size();
  sent_bytes_ += sent;
  return sent;
}

}  // namespace dunlin::bench
