#include "tests/unit/core/net/test_certificates.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "core/base/ensure.hpp"

namespace dunlin::net {
namespace {

std::shared_ptr<EVP_PKEY> make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  ensure(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::shared_ptr<X509> make_certificate(const TestCertificates::Subject& subject, long serial,
                                       EVP_PKEY* key) {
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  for (const auto& [type, value] : subject)
    ensure(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), type, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value), -1, -1,
                                      0) == 1);
  return certificate;
}

template <class Write>
void write_pem(const std::string& path, Write write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  ensure(file != nullptr);
  ensure(write(file) == 1);
  std::fclose(file);
}

}  // namespace

TestCertificates::TestCertificates() : authority_key_(make_key()) {
  std::string name = std::filesystem::temp_directory_path() / "dunlin-certificates-XXXXXX";
  ensure(mkdtemp(name.data()) != nullptr);
  folder_ = name;
  authority_ = make_certificate({{"CN", "authority"}}, serial_++, authority_key_.get());
  X509_set_issuer_name(authority_.get(), X509_get_subject_name(authority_.get()));
  add_extension(authority_.get(), authority_.get(), NID_basic_constraints, "critical,CA:TRUE");
  ensure(X509_sign(authority_.get(), authority_key_.get(), EVP_sha256()) > 0);
  write_pem(authority(), [&](std::FILE* file) { return PEM_write_X509(file, authority_.get()); });
}

TestCertificates::~TestCertificates() { std::filesystem::remove_all(folder_); }

TestCertificates::Files TestCertificates::issue(const std::string& name, const Subject& subject,
                                                const std::vector<std::string>& dns_names) {
  const auto key = make_key();
  const auto certificate = make_certificate(subject, serial_++, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority_.get()));
  std::string names;
  for (const auto& dns_name : dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + dns_name;
  if (!names.empty())
    add_extension(certificate.get(), authority_.get(), NID_subject_alt_name, names);
  ensure(X509_sign(certificate.get(), authority_key_.get(), EVP_sha256()) > 0);

  Files files{path(name + "-cert.pem"), path(name + "-key.pem")};
  write_pem(files.certificate,
            [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  write_pem(files.key, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

std::string TestCertificates::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name)) << text;
  return path(name);
}

}  // namespace dunlin::net
