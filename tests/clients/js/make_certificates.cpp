// Writes the certificates of the TLS tests into the directory given, for tests not written in C++.
#include <cstdio>
#include <exception>

#include "tests/server/harness/certificates.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make-test-certificates DIRECTORY\n");
    return 2;
  }
  try {
    dunlin::testing::make_certificates(argv[1]);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "make-test-certificates: %s\n", failure.what());
    return 1;
  }
  return 0;
}
