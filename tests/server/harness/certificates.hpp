// Throw-away certificates for TLS tests: an authority, a server certificate for 127.0.0.1 and
// localhost, and two client certificates, written as PEM files into a directory.
// Throws std::runtime_error when OpenSSL refuses.
#pragma once

#include <string>

namespace dunlin::testing {

struct Certificates {
  std::string ca;
  std::string server_cert;
  std::string server_key;
  std::string client_cert;
  std::string client_key;
  // Lower-case hex SHA-256 of the client key's SubjectPublicKeyInfo, as `pinned_certs` wants it.
  std::string client_pin;
  std::string other_cert;
  std::string other_key;
};

Certificates make_certificates(const std::string& directory);

}  // namespace dunlin::testing
