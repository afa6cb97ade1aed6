// TlsStream: a Stream over one session of the server's TLS. The rules are those of Stream.

#pragma once

#include "stream.hpp"

namespace dunlin::monitoring {

class TlsStream final : public Stream {
 public:
  // The session must not be null.
  TlsStream(boost::asio::ip::tcp::socket socket, std::unique_ptr<dunlin::TlsSession> session);
  ~TlsStream() override;

  void read_some(boost::asio::mutable_buffer into, Done done) override;
  void write_some(boost::asio::const_buffer from, Done done) override;
  void finish(Done done) override;
  void close() override;

 private:
  // Outlives the stream while the socket still works on a write nobody waits for.
  class Wire;
  std::shared_ptr<Wire> wire_;
};

}  // namespace dunlin::monitoring
