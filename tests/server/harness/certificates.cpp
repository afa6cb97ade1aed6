#include "tests/server/harness/certificates.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>

namespace dunlin::testing {

namespace {

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;
using File = std::unique_ptr<std::FILE, Free>;

void require(bool worked, const char* what) {
  if (!worked) {
    throw std::runtime_error(std::string("OpenSSL cannot ") + what);
  }
}

void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  require(extension != nullptr, "make an extension");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate make_certificate(const std::string& name, EVP_PKEY* key, X509* issuer,
                             EVP_PKEY* issuer_key, const char* alternative_names) {
  static long serial = 1;
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* signer = issuer != nullptr ? issuer : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  add_extension(certificate.get(), signer, NID_basic_constraints,
                issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (alternative_names != nullptr) {
    add_extension(certificate.get(), signer, NID_subject_alt_name, alternative_names);
  }
  require(X509_sign(certificate.get(), issuer_key, EVP_sha256()) > 0, "sign a certificate");
  return certificate;
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "make a key");
  return key;
}

void write_certificate(const std::string& path, X509* certificate) {
  File file(std::fopen(path.c_str(), "w"));
  require(file && PEM_write_X509(file.get(), certificate) == 1, "write a certificate");
}

void write_key(const std::string& path, EVP_PKEY* key) {
  File file(std::fopen(path.c_str(), "w"));
  require(file && PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write a key");
}

std::string public_key_digest(EVP_PKEY* key) {
  unsigned char* encoded = nullptr;
  const int size = i2d_PUBKEY(key, &encoded);
  require(size > 0, "encode a public key");
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(encoded, static_cast<std::size_t>(size), digest.data());
  OPENSSL_free(encoded);
  std::string hex;
  for (const unsigned char byte : digest) {
    static constexpr char digits[] = "0123456789abcdef";
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

}  // namespace

Certificates make_certificates(const std::string& directory) {
  const auto path = [&](const char* name) { return directory + "/" + name; };
  Certificates result{path("ca.pem"),         path("server-cert.pem"), path("server-key.pem"),
                      path("client-cert.pem"), path("client-key.pem"),  {},
                      path("other-cert.pem"),  path("other-key.pem")};
  const Key ca_key = make_key();
  const Certificate ca =
      make_certificate("Dunlin test authority", ca_key.get(), nullptr, ca_key.get(), nullptr);
  write_certificate(result.ca, ca.get());
  const auto issue = [&](const std::string& name, const char* alternative_names,
                         const std::string& cert_file, const std::string& key_file) {
    Key key = make_key();
    const Certificate certificate =
        make_certificate(name, key.get(), ca.get(), ca_key.get(), alternative_names);
    write_certificate(cert_file, certificate.get());
    write_key(key_file, key.get());
    return key;
  };
  issue("localhost", "IP:127.0.0.1,DNS:localhost", result.server_cert, result.server_key);
  const Key client =
      issue("client", "email:client@example.com", result.client_cert, result.client_key);
  result.client_pin = public_key_digest(client.get());
  issue("other", "email:other@example.com", result.other_cert, result.other_key);
  return result;
}

}  // namespace dunlin::testing
