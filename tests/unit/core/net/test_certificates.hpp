// Certificates made on the spot: an authority and certificates it signs, as PEM files in a folder
// that goes away with the object.

#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace dunlin::net {

class TestCertificates {
 public:
  TestCertificates();
  ~TestCertificates();

  struct Files {
    std::string certificate, key;
  };
  // A certificate of the authority for these DNS names. `subject` is a list of type and value.
  using Subject = std::vector<std::pair<const char*, const char*>>;
  Files issue(const std::string& name, const Subject& subject,
              const std::vector<std::string>& dns_names = {});
  [[nodiscard]] std::string authority() const { return path("ca.pem"); }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  // A file with other contents, to be refused.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path folder_;
  std::shared_ptr<EVP_PKEY> authority_key_;
  std::shared_ptr<X509> authority_;
  long serial_ = 1;
};

}  // namespace dunlin::net
