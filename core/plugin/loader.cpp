#include "core/plugin/loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/plugin/file_rules.hpp"
#include "core/plugin/library.hpp"
#include "core/plugin/verify.hpp"

namespace dunlin::plugin {
namespace {

constexpr std::size_t file_bytes_max = 256u << 20;
constexpr std::size_t signature_bytes_max = 4096;

// Runtime libraries any plugin may need. Whatever else it uses, it links statically, or the
// operator lists it.
constexpr std::array<std::string_view, 16> runtime_libraries = {
    "libc",      "libm",     "libdl",    "libpthread", "librt",
    "libgcc_s",  "libstdc++", "libc++",  "libc++abi",  "libssl",
    "libcrypto", "libz",     "libsqlite3", "libsodium", "libsnappy",
    "libzstd"};
// What a sanitizer's or the dynamic loader's own files are called.
constexpr std::array<std::string_view, 5> runtime_prefixes = {"ld-linux", "libasan", "libubsan",
                                                              "libtsan", "libclang_rt"};

Problem refused(const std::string& id, std::string reason, ExitCode code,
                std::vector<std::string> hints = {}) {
  return {fmt::format("{} cannot be loaded: {}", id, reason), std::move(hints), code};
}

std::string path_of(const PluginRequest& request, const LoaderOptions& options) {
  return request.path.empty() ? options.directory + "/" + request.id + ".so" : request.path;
}

std::vector<std::string> hints_for_missing(const PluginRequest& request) {
  std::vector<std::string> hints;
  if (request.id.find('.') == std::string::npos) {
    hints.push_back(fmt::format("install the package dunlin-plugin-{}", request.id));
  } else {
    hints.push_back("install it, or correct its path in plugins.load");
  }
  if (!request.asked_by.empty()) hints.push_back(fmt::format("asked for by {}", request.asked_by));
  return hints;
}

Problem file_problem(const PluginRequest& request, const FileProblem& problem) {
  switch (problem.fault) {
    case FileFault::missing:
      return refused(request.id, problem.text, ExitCode::configuration,
                     hints_for_missing(request));
    case FileFault::rules:
      return refused(request.id, problem.text, ExitCode::permission,
                     {"whoever can write there can take over the server"});
    case FileFault::unreadable: break;
  }
  return refused(request.id, problem.text, ExitCode::permission);
}

bool library_is_allowed(const std::string& needed, const LoaderOptions& options) {
  const auto stem = std::string_view(needed).substr(0, needed.find(".so"));
  const auto is_stem = [&](std::string_view name) { return name == stem; };
  const auto is_prefix = [&](std::string_view name) { return stem.starts_with(name); };
  return std::any_of(runtime_libraries.begin(), runtime_libraries.end(), is_stem) ||
         std::any_of(runtime_prefixes.begin(), runtime_prefixes.end(), is_prefix) ||
         std::any_of(options.allowed_libraries.begin(), options.allowed_libraries.end(), is_stem);
}

Checked<void> check_contents(const PluginRequest& request, const LoaderOptions& options,
                             const LoadedFile& file, Bytes bytes) {
  const auto& id = request.id;
  if (options.verify == Verify::sha256 && request.sha256.empty()) {
    return refused(id, "verify = \"sha256\" is set, but no sha256 is given for it",
                   ExitCode::permission,
                   {fmt::format("the file's is {} ({})", file.sha256, file.path)});
  }
  if (!request.sha256.empty() && request.sha256 != file.sha256) {
    return refused(id, fmt::format("{} has sha256 {}, but {} is expected", file.path, file.sha256,
                                   request.sha256),
                   ExitCode::permission);
  }
  if (options.verify != Verify::signature) return {};
  const auto signature_path = file.path + ".sig";
  auto signature_file = open_checked(signature_path, options.service_account);
  if (!signature_file) {
    return refused(id, fmt::format("it is not signed: {}", signature_file.error().text),
                   ExitCode::permission);
  }
  auto signature = read_whole(*signature_file, signature_bytes_max);
  if (!signature) {
    return refused(id, fmt::format("{}: {}", signature_path, signature.error().text),
                   ExitCode::permission);
  }
  if (auto ok = check_signature(bytes, *signature, options.trusted_keys); !ok) {
    return refused(id, fmt::format("{}: {}", signature_path, ok.error().text),
                   ExitCode::permission);
  }
  return {};
}

Checked<Identity> check_file(const PluginRequest& request, const LoaderOptions& options,
                             const std::string& path, Bytes bytes) {
  const auto& id = request.id;
  const auto not_usable = [&](const std::string& why, std::vector<std::string> hints = {}) {
    return refused(id, fmt::format("{}: {}", path, why), ExitCode::configuration,
                   std::move(hints));
  };
  const auto elf = read_elf(bytes);
  if (!elf) return not_usable(elf.error().text);
  if (elf->machine != own_machine()) {
    return not_usable(fmt::format("it was built for {}, this server runs on {}",
                                  machine_name(elf->machine), machine_name(own_machine())));
  }
  if (elf->note.empty()) return not_usable("it is a shared object, but not a Dunlin plugin");
  auto identity = parse_note(elf->note);
  if (!identity) return not_usable(identity.error().text);
  if (identity->id != id) {
    return not_usable(fmt::format("it is the plugin {}, not {}", identity->id, id));
  }
  if (auto ok = check_version(*identity, options.host, path); !ok) return ok.error();
  if (std::find(elf->defined.begin(), elf->defined.end(), DUNLIN_ENTRY_SYMBOL) ==
      elf->defined.end()) {
    return not_usable(fmt::format("it does not export {}", DUNLIN_ENTRY_SYMBOL));
  }
  if (!elf->rpath.empty()) {
    return refused(id, fmt::format("{} has a library search path (RPATH) \"{}\"", path,
                                   elf->rpath.front()),
                   ExitCode::permission, {"it would load code nobody listed; link without it"});
  }
  for (const auto& needed : elf->needed) {
    if (library_is_allowed(needed, options)) continue;
    return refused(id, fmt::format("{} needs the library {}, which is not allowed", path, needed),
                   ExitCode::permission,
                   {"link it statically, or list it in plugins.libraries"});
  }
  return *identity;
}

struct Inspected {
  LoadedFile file;
  std::vector<std::uint8_t> bytes;
};

Checked<Inspected> inspect(const PluginRequest& request, const LoaderOptions& options) {
  Inspected out;
  out.file.path = path_of(request, options);
  if (!is_plugin_id(request.id)) {
    return refused(fmt::format("\"{}\"", request.id), "that is not a plugin's id",
                   ExitCode::configuration);
  }
  auto opened = open_checked(out.file.path, options.service_account);
  if (!opened) return file_problem(request, opened.error());
  auto bytes = read_whole(*opened, file_bytes_max);
  if (!bytes) {
    return refused(request.id, fmt::format("{}: {}", out.file.path, bytes.error().text),
                   ExitCode::configuration);
  }
  out.bytes = std::move(*bytes);
  out.file.sha256 = sha256_hex(out.bytes);
  if (auto ok = check_contents(request, options, out.file, out.bytes); !ok) return ok.error();
  auto identity = check_file(request, options, out.file.path, out.bytes);
  if (!identity) return identity.error();
  out.file.identity = std::move(*identity);
  return out;
}

}  // namespace

Checked<LoadedFile> inspect_plugin(const PluginRequest& request, const LoaderOptions& options) {
  auto inspected = inspect(request, options);
  if (!inspected) return inspected.error();
  return std::move(inspected->file);
}

Checked<LoadedFile> load_plugin(const PluginRequest& request, const LoaderOptions& options) {
  auto inspected = inspect(request, options);
  if (!inspected) return inspected.error();
  auto& file = inspected->file;
  const bool sealed = options.verify != Verify::permissions || !request.sha256.empty();
  auto library = sealed ? open_sealed_library(inspected->bytes, request.id)
                        : open_library(file.path);
  if (!library) {
    return refused(request.id, fmt::format("{}: {}", file.path, library.error().text),
                   ExitCode::configuration);
  }
  file.library = std::move(*library);
  auto descriptor = read_descriptor(file.library->entry()(), file.path);
  if (!descriptor) return descriptor.error();
  if (auto ok = check_same(file.identity, descriptor->identity, file.path); !ok) {
    return ok.error();
  }
  file.descriptor = std::move(*descriptor);
  return std::move(file);
}

}  // namespace dunlin::plugin
