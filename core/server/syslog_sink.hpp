// The system log, on this machine or elsewhere, in the words of Go's log/syslog.
//
//   local              <PRI>Jan _2 15:04:05 TAG[PID]: text     the datagram socket of this machine
//   unix:///path       the same                                a stream socket
//   udp:// tcp://h:p   <PRI>RFC 3339 time HOST TAG[PID]: text
//
// A log elsewhere must not stop the server: connecting and writing wait for a moment at most, a
// lost connection is tried again once a second, and lines in between are lost.
//
// Calls come from any thread, one at a time (spdlog's base_sink).

#pragma once

#include <spdlog/sinks/base_sink.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::server {

class SyslogSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Fail with the reference's words: `error connecting to syslog: "..."`, or
  // `error invalid network type: "..."`.
  static result<std::shared_ptr<SyslogSink>> local();
  static result<std::shared_ptr<SyslogSink>> remote(std::string_view url);
  ~SyslogSink() override;

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}  // nothing is kept back

 private:
  // A place where the log may be listening.
  struct Place {
    int type;  // SOCK_DGRAM or SOCK_STREAM
    sockaddr_storage address;
    socklen_t address_size;
  };
  SyslogSink(std::vector<Place> places, int facility, bool is_here);

  // The first place that takes us; the error of the last one when none does.
  int connect();
  bool write(std::string_view line);
  [[nodiscard]] std::string line_of(const spdlog::details::log_msg& message) const;

  const std::vector<Place> places_;
  const int facility_;
  const bool is_here_;  // lines carry no name of this machine
  std::string host_;
  int socket_ = -1;
  std::chrono::steady_clock::time_point next_try_{};

  friend struct SyslogPlaces;
};

}  // namespace dunlin::server
