// RequestReader: bytes of one connection into requests, over Boost.Beast's parser.
//
// It knows no socket: bytes go in as they come, in any split, and requests come out in order; what
// follows a request stays until it was taken. Input is a stranger's and bounded by limits.hpp. One
// thread per reader.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http_message.hpp"

namespace dunlin::monitoring {

class RequestReader {
 public:
  enum class Status {
    need_more,
    complete,  // take() gives the request
    broken,    // failure() is to be sent, then the connection closes
  };

  RequestReader();
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Not to be called while a complete request was not taken, nor after `broken`.
  Status feed(std::string_view bytes);
  // Only after `complete`; call feed("") next: the following request may be here already.
  [[nodiscard]] Request take();
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  // Nothing of a next request has come.
  [[nodiscard]] bool is_idle() const noexcept;

 private:
  struct Parser;

  Status reject(unsigned status, std::string_view detail = {});
  Status finish();
  Status read_target(std::string_view target);

  std::unique_ptr<Parser> parser_;  // of the request being read; none while idle
  std::string input_;
  Request request_;
  std::string failure_;
};

}  // namespace dunlin::monitoring
