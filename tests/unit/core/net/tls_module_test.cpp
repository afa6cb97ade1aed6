// The TLS engine as the server gets it: opened when it is needed, refused with a reason.

#include "core/net/tls_module.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "core/net/tls_session.hpp"
#include "tests/unit/core/net/test_certificates.hpp"

namespace dunlin::net {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string refusal_of(const std::string& path) {
  const auto module = open_tls_module(path);
  return module ? "it was opened" : module.error().text;
}

TEST(TlsModule, contexts_and_sessions_come_from_the_module) {
  TestCertificates certificates;
  const auto files = certificates.issue("server", {{"CN", "server"}}, {"localhost"});
  const auto server = TlsContext::create({.cert_file = files.certificate, .key_file = files.key},
                                         TlsRole::server);
  ASSERT_TRUE(server) << server.error().text;
  const auto session = (*server)->new_session();
  EXPECT_EQ(session->start(), TlsSession::Status::need_more);
  EXPECT_EQ(session->feed(std::string("PING\r\n")), TlsSession::Status::failed);
}

TEST(TlsModule, a_failure_inside_the_module_keeps_its_words) {
  const auto made = TlsContext::create({.cipher_suites = {"TLS_NONE"}}, TlsRole::server);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().text, "unrecognized cipher TLS_NONE");
}

TEST(TlsModule, it_lies_beside_the_directory_of_the_executable) {
  EXPECT_THAT(tls_module_path(), EndsWith("/lib/dunlin/dunlin-tls.so"));
  EXPECT_EQ(::access(tls_module_path().c_str(), R_OK), 0) << tls_module_path();
}

TEST(TlsModule, a_missing_file_is_named_with_the_mend) {
  EXPECT_EQ(refusal_of("/nowhere/lib/dunlin/dunlin-tls.so"),
            "TLS is not available: /nowhere/lib/dunlin/dunlin-tls.so: No such file or directory; "
            "it belongs to the server: install it again, or put the file of this build in its "
            "place");
}

TEST(TlsModule, a_file_that_is_no_library_is_refused) {
  TestCertificates certificates;
  EXPECT_THAT(refusal_of(certificates.write("dunlin-tls.so", "no library")),
              HasSubstr("dunlin-tls.so: file too short"));
}

TEST(TlsModule, another_library_is_refused) {
  Dl_info libc{};
  ASSERT_NE(::dladdr(::dlsym(RTLD_DEFAULT, "getppid"), &libc), 0);
  EXPECT_THAT(refusal_of(libc.dli_fname),
              HasSubstr("it does not export dunlin_tls_module; it belongs to the server"));
}

TEST(TlsModule, the_module_of_another_build_is_refused) {
  EXPECT_THAT(refusal_of(TLS_OF_ANOTHER_BUILD),
              HasSubstr(std::string("it is of build 0.0.0-other, this server of ") + tls_build()));
}

}  // namespace
}  // namespace dunlin::net
