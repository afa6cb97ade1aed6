// A certificate's subject as Go's crypto/x509 prints it: what monitoring shows and what users
// mapped from certificates are named after.
//
// Not in the order of the certificate: SERIALNUMBER, CN, OU, O, POSTALCODE, STREET, L, ST, C, then
// everything else as `oid=#hex`, the last first. Several values of one kind are joined by `+`.
// [any thread]

#pragma once

#include <string>

extern "C" struct x509_st;

namespace dunlin::net {

[[nodiscard]] std::string certificate_subject(const x509_st& certificate);

}  // namespace dunlin::net
