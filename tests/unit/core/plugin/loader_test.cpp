// Every way a plugin file can be unfit is an error that names the file and the reason; no code of
// an unfit file runs, and the process goes on.
//
// Method: real shared objects, each with one fault, made by tests/plugins or by patching a copy.

#include <elf.h>
#include <gmock/gmock.h>
#include <openssl/evp.h>

#include "core/plugin/loader.hpp"
#include "core/plugin/verify.hpp"
#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

using testing::HasSubstr;

class Loader : public testing::Test {
 protected:
  Loader() {
    options.directory = directory.path;
    ::unsetenv("DUNLIN_TEST_CODE_RAN");
  }

  Problem refusal_of(const std::string& id) {
    auto loaded = load_plugin({id, "", sha256, ""}, options);
    EXPECT_FALSE(loaded.has_value()) << id;
    return loaded ? Problem{} : loaded.error();
  }
  Problem refusal_without_running(const std::string& id) {
    auto problem = refusal_of(id);
    EXPECT_EQ(::getenv("DUNLIN_TEST_CODE_RAN"), nullptr) << "its code ran";
    return problem;
  }

  Directory directory;
  LoaderOptions options;
  std::string sha256;
};

TEST_F(Loader, a_good_plugin_is_loaded_with_its_identity) {
  directory.copy_plugin("good");
  auto loaded = load_plugin({"good", "", "", ""}, options);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text;
  EXPECT_EQ(loaded->descriptor.identity.id, "good");
  EXPECT_EQ(loaded->descriptor.identity.version, "1.0.0");
  EXPECT_EQ(loaded->descriptor.identity.provides, std::vector<std::string>{"test.good/1"});
  EXPECT_EQ(loaded->sha256.size(), 64u);
  EXPECT_NE(::getenv("DUNLIN_TEST_CODE_RAN"), nullptr);
}

TEST_F(Loader, inspecting_runs_no_code) {
  directory.copy_plugin("good");
  auto seen = inspect_plugin({"good", "", "", ""}, options);
  ASSERT_TRUE(seen.has_value()) << seen.error().text;
  EXPECT_EQ(seen->identity.id, "good");
  EXPECT_EQ(::getenv("DUNLIN_TEST_CODE_RAN"), nullptr);
}

TEST_F(Loader, a_missing_file_is_named_with_the_package_that_has_it) {
  const auto problem = refusal_of("mqtt");
  EXPECT_THAT(problem.text, HasSubstr(directory.path + "/mqtt.so does not exist"));
  EXPECT_THAT(problem.hints.front(), HasSubstr("dunlin-plugin-mqtt"));
  EXPECT_EQ(problem.exit_code, ExitCode::configuration);
}

TEST_F(Loader, a_truncated_file_is_refused_at_every_length) {
  const auto path = directory.copy_plugin("good");
  const auto whole = read_file(path);
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    write_file(path, whole.substr(0, size));
    const auto problem = refusal_without_running("good");
    EXPECT_EQ(problem.exit_code, ExitCode::configuration) << size;
  }
}

TEST_F(Loader, a_file_that_is_not_elf_is_refused) {
  write_file(directory.path + "/text.so", "#!/bin/sh\necho hello\n");
  EXPECT_THAT(refusal_of("text").text, HasSubstr("it is not an ELF file"));
}

TEST_F(Loader, a_plugin_for_another_machine_is_refused_by_name) {
  const auto path = directory.copy_plugin("good");
  auto bytes = read_file(path);
  const std::uint16_t other = own_machine() == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
  bytes.replace(offsetof(Elf64_Ehdr, e_machine), 2, reinterpret_cast<const char*>(&other), 2);
  write_file(path, bytes);
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr("it was built for " + machine_name(other)));
  EXPECT_THAT(problem.text, HasSubstr("this server runs on " + machine_name(own_machine())));
  EXPECT_EQ(problem.exit_code, ExitCode::configuration);
}

TEST_F(Loader, another_sdk_major_is_refused_with_both_versions) {
  patch_file(directory.copy_plugin("good"), "built 0.1", "built 7.1");
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr("was built with SDK 7.1, this server has SDK 0.1"));
  EXPECT_THAT(problem.text, HasSubstr("the server is older"));
  EXPECT_EQ(problem.exit_code, ExitCode::configuration);
}

TEST_F(Loader, a_newer_sdk_minor_is_refused) {
  const auto path = directory.copy_plugin("good");
  patch_file(path, "built 0.1", "built 1.4");
  patch_file(path, "needed 0.1", "needed 1.4");
  options.host.abi = DUNLIN_ABI_MAKE(1, 2);
  EXPECT_THAT(refusal_without_running("good").text,
              HasSubstr("needs SDK 1.4, this server has 1.2"));
}

TEST_F(Loader, a_draft_plugin_of_another_build_is_refused_with_both_builds) {
  directory.copy_plugin("draft");
  options.host.build = "0.1.0-other";
  const auto problem = refusal_without_running("draft");
  EXPECT_THAT(problem.text, HasSubstr(DUNLIN_BUILD_ID));
  EXPECT_THAT(problem.text, HasSubstr("0.1.0-other"));
  EXPECT_EQ(problem.exit_code, ExitCode::configuration);
}

TEST_F(Loader, a_draft_plugin_of_this_build_is_loaded) {
  directory.copy_plugin("draft");
  EXPECT_TRUE(load_plugin({"draft", "", "", ""}, options).has_value());
}

TEST_F(Loader, a_shared_object_without_a_note_is_no_plugin) {
  directory.copy_plugin("no-note");
  EXPECT_THAT(refusal_without_running("no-note").text, HasSubstr("not a Dunlin plugin"));
}

TEST_F(Loader, a_note_that_differs_from_the_descriptor_is_refused) {
  directory.copy_plugin("lying-note");
  EXPECT_THAT(refusal_of("lying-note").text, HasSubstr("its note differ in: version"));
}

TEST_F(Loader, a_file_of_another_plugin_is_refused) {
  directory.copy_plugin("good", "other");
  EXPECT_THAT(refusal_without_running("other").text, HasSubstr("it is the plugin good, not other"));
}

TEST_F(Loader, a_file_others_may_write_is_refused) {
  const auto path = directory.copy_plugin("good");
  ::chmod(path.c_str(), 0664);
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr(path + " has mode 0664"));
  EXPECT_EQ(problem.exit_code, ExitCode::permission);
}

TEST_F(Loader, a_directory_others_may_write_is_refused) {
  directory.copy_plugin("good");
  ::chmod(directory.path.c_str(), 0777);
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr(directory.path + " has mode 0777"));
  EXPECT_EQ(problem.exit_code, ExitCode::permission);
}

TEST_F(Loader, a_file_of_another_user_is_refused) {
  directory.copy_plugin("good");
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((directory.path + "/good.so").c_str(), 12345, 0), 0);
  } else {
    options.service_account = ::geteuid() + 1;
  }
  EXPECT_EQ(refusal_without_running("good").exit_code, ExitCode::permission);
}

TEST_F(Loader, a_symbolic_link_is_refused) {
  const auto path = directory.copy_plugin("good", "real");
  std::filesystem::create_symlink(path, directory.path + "/good.so");
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr("is a symbolic link"));
  EXPECT_EQ(problem.exit_code, ExitCode::permission);
}

TEST_F(Loader, a_wrong_sha256_is_refused_with_both_values) {
  const auto path = directory.copy_plugin("good");
  sha256 = std::string(64, 'a');
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr(sha256 + " is expected"));
  EXPECT_EQ(problem.exit_code, ExitCode::permission);
}

TEST_F(Loader, a_right_sha256_loads_the_checked_bytes_from_memory) {
  const auto path = directory.copy_plugin("good");
  const auto bytes = read_file(path);
  options.verify = Verify::sha256;
  sha256 = sha256_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  auto loaded = load_plugin({"good", "", sha256, ""}, options);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text;
  const auto maps = read_file("/proc/self/maps");
  EXPECT_THAT(maps, HasSubstr("memfd:dunlin-plugin-good"));
}

TEST_F(Loader, verify_sha256_demands_a_value) {
  directory.copy_plugin("good");
  options.verify = Verify::sha256;
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr("no sha256 is given"));
  EXPECT_EQ(problem.exit_code, ExitCode::permission);
}

// A key pair of the test's own, and signatures made with it.
struct Signer {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
      EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free};
  [[nodiscard]] std::string public_key() const {
    std::uint8_t raw[32];
    std::size_t size = sizeof raw;
    EVP_PKEY_get_raw_public_key(key.get(), raw, &size);
    std::string text(44, '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), raw, 32);
    return text;
  }
  [[nodiscard]] std::string sign(const std::string& file) const {
    std::uint8_t digest[64];
    EVP_Digest(file.data(), file.size(), digest, nullptr, EVP_sha512(), nullptr);
    std::string signature(64, '\0');
    std::size_t size = signature.size();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get());
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, digest,
                   sizeof digest);
    return signature;
  }
};

TEST_F(Loader, a_signed_plugin_is_loaded) {
  const Signer signer;
  const auto path = directory.copy_plugin("good");
  write_file(path + ".sig", signer.sign(read_file(path)));
  options.verify = Verify::signature;
  options.trusted_keys = {signer.public_key()};
  auto loaded = load_plugin({"good", "", "", ""}, options);
  EXPECT_TRUE(loaded.has_value()) << loaded.error().text;
}

TEST_F(Loader, an_unsigned_plugin_is_an_error) {
  directory.copy_plugin("good");
  options.verify = Verify::signature;
  options.trusted_keys = {Signer().public_key()};
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr("it is not signed"));
  EXPECT_EQ(problem.exit_code, ExitCode::permission);
}

TEST_F(Loader, a_signature_of_another_key_is_refused) {
  const auto path = directory.copy_plugin("good");
  write_file(path + ".sig", Signer().sign(read_file(path)));
  options.verify = Verify::signature;
  options.trusted_keys = {Signer().public_key()};
  const auto problem = refusal_without_running("good");
  EXPECT_THAT(problem.text, HasSubstr("none of the 1 trusted keys"));
  EXPECT_EQ(problem.exit_code, ExitCode::permission);
}

TEST_F(Loader, a_changed_byte_breaks_the_signature) {
  const Signer signer;
  const auto path = directory.copy_plugin("good");
  auto bytes = read_file(path);
  write_file(path + ".sig", signer.sign(bytes));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file(path, bytes);
  options.verify = Verify::signature;
  options.trusted_keys = {signer.public_key()};
  EXPECT_EQ(refusal_without_running("good").exit_code, ExitCode::permission);
}

TEST_F(Loader, a_search_path_is_refused) {
  directory.copy_plugin("rpath");
  const auto problem = refusal_without_running("rpath");
  EXPECT_THAT(problem.text, HasSubstr("(RPATH) \"/opt/elsewhere\""));
  EXPECT_EQ(problem.exit_code, ExitCode::permission);
}

TEST_F(Loader, a_library_that_is_not_allowed_is_refused_unless_listed) {
  directory.copy_plugin("odd-library");
  EXPECT_THAT(refusal_without_running("odd-library").text,
              HasSubstr("needs the library libresolv.so.2"));
  options.allowed_libraries = {"libresolv"};
  EXPECT_TRUE(load_plugin({"odd-library", "", "", ""}, options).has_value());
}

TEST_F(Loader, an_unresolved_symbol_is_refused_when_loading_not_at_the_first_call) {
  directory.copy_plugin("unresolved");
  const auto problem = refusal_of("unresolved");
  EXPECT_THAT(problem.text, HasSubstr("a_function_nobody_defines"));
  EXPECT_EQ(problem.exit_code, ExitCode::configuration);
}

TEST_F(Loader, an_id_cannot_leave_the_directory) {
  EXPECT_THAT(refusal_of("../good").text, HasSubstr("not a plugin's id"));
  EXPECT_THAT(refusal_of("").text, HasSubstr("not a plugin's id"));
}

TEST_F(Loader, random_damage_never_crashes_the_host) {
  const auto path = directory.copy_plugin("good");
  const auto whole = read_file(path);
  std::uint64_t random = 42;
  for (int round = 0; round < 3000; ++round) {
    auto bytes = whole;
    for (int i = 0; i < 4; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      bytes[(random >> 33) % bytes.size()] = static_cast<char>(random >> 25);
    }
    // Only judged, not opened: opening damaged code is what the checks cannot make safe.
    const auto facts =
        read_elf({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    if (facts) static_cast<void>(parse_note(facts->note));
  }
}

}  // namespace
}  // namespace dunlin::plugin::test
