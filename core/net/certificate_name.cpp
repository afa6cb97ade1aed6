#include "core/net/certificate_name.hpp"

#include <fmt/format.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace dunlin::net {
namespace {

struct Kind {
  int nid;
  std::string_view name;
};

constexpr std::array kinds = {
    Kind{NID_serialNumber, "SERIALNUMBER"},
    Kind{NID_commonName, "CN"},
    Kind{NID_organizationalUnitName, "OU"},
    Kind{NID_organizationName, "O"},
    Kind{NID_postalCode, "POSTALCODE"},
    Kind{NID_streetAddress, "STREET"},
    Kind{NID_localityName, "L"},
    Kind{NID_stateOrProvinceName, "ST"},
    Kind{NID_countryName, "C"},
};

// RFC 2253, section 2.4.
void append_escaped(std::string& out, std::string_view value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool is_special = std::string_view(",+\"\\<>;").find(c) != std::string_view::npos;
    const bool is_edge_blank = c == ' ' && (i == 0 || i + 1 == value.size());
    if (is_special || is_edge_blank || (c == '#' && i == 0)) out += '\\';
    out += c;
  }
}

std::string text_of(const ASN1_STRING& value) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, &value);
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string oid_text(const ASN1_OBJECT& object) {
  std::array<char, 128> text;
  const int size = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), &object, 1);
  return {text.data(), static_cast<std::size_t>(std::clamp(size, 0, 127))};
}

// Whether Go encodes the text as PrintableString; everything else becomes UTF8String.
bool is_printable_string(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("'()+,-./ :=?").find(c) != std::string_view::npos;
  });
}

// Go has forgotten how the value was encoded and encodes its text anew.
void append_encoded(std::string& out, const ASN1_STRING& value) {
  const std::string text = text_of(value);
  const int type = is_printable_string(text) ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING;
  ASN1_STRING* string = ASN1_STRING_type_new(type);
  ASN1_STRING_set(string, text.data(), static_cast<int>(text.size()));
  ASN1_TYPE* typed = ASN1_TYPE_new();
  ASN1_TYPE_set(typed, type, string);
  unsigned char* bytes = nullptr;
  const int size = i2d_ASN1_TYPE(typed, &bytes);
  for (int i = 0; i < size; ++i) fmt::format_to(std::back_inserter(out), "{:02x}", bytes[i]);
  OPENSSL_free(bytes);
  ASN1_TYPE_free(typed);
}

bool is_named(int nid) noexcept {
  return std::any_of(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.nid == nid; });
}

// Several common names or serial numbers leave the last, as Go's fields for them hold one each.
bool holds_one_value(int nid) noexcept { return nid == NID_commonName || nid == NID_serialNumber; }

void append_kind(std::string& out, const X509_NAME& name, const Kind& kind) {
  std::string values;
  for (int i = 0; i < X509_NAME_entry_count(&name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(&name, i);
    if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != kind.nid) continue;
    if (holds_one_value(kind.nid)) values.clear();
    if (!values.empty()) values += '+';
    values.append(kind.name).append("=");
    append_escaped(values, text_of(*X509_NAME_ENTRY_get_data(entry)));
  }
  if (!out.empty() && !values.empty()) out += ',';
  out += values;
}

}  // namespace

std::string certificate_subject(const x509_st& certificate) {
  const X509_NAME* name = X509_get_subject_name(&certificate);
  std::string out;
  for (const auto& kind : kinds) append_kind(out, *name, kind);
  for (int i = X509_NAME_entry_count(name) - 1; i >= 0; --i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(entry);
    if (is_named(OBJ_obj2nid(object))) continue;
    if (!out.empty()) out += ',';
    out.append(oid_text(*object)).append("=#");
    append_encoded(out, *X509_NAME_ENTRY_get_data(entry));
  }
  return out;
}

}  // namespace dunlin::net
