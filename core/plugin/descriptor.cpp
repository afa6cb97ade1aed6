#include "core/plugin/descriptor.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/plugin/struct_size.hpp"

namespace dunlin::plugin {
namespace {

constexpr std::size_t items_max = 64;

struct Required {
  const char* name;
  bool present;
};

Problem lacks(const std::string& who, const char* what) {
  return {fmt::format("{} is not a usable plugin: {}", who, what), {}, ExitCode::configuration};
}

std::string or_empty(const char* text) { return text != nullptr ? text : ""; }

}  // namespace

std::string abi_text(std::uint32_t version) {
  return fmt::format("{}.{}", DUNLIN_ABI_MAJOR_OF(version), DUNLIN_ABI_MINOR_OF(version));
}

Checked<Descriptor> read_descriptor(const dunlin_entry* entry, const std::string& origin) {
  const auto copy = copy_sized(entry);
  if (!copy) return lacks(origin, "its entry function returned no descriptor");
  if (copy->id == nullptr || !is_plugin_id(copy->id)) return lacks(origin, "its id is not valid");
  if (copy->create == nullptr) return lacks(origin, "its descriptor has no create");

  Descriptor out;
  out.identity.id = copy->id;
  out.identity.version = or_empty(copy->version);
  out.identity.built = copy->abi_version_built;
  out.identity.needed = copy->abi_version_needed;
  out.identity.flags = copy->flags;
  out.summary = or_empty(copy->summary);
  out.license = or_empty(copy->license);
  out.create = copy->create;
  for (std::size_t i = 0; copy->provides != nullptr && copy->provides[i] != nullptr; ++i) {
    if (i == items_max || !is_capability(copy->provides[i])) {
      return lacks(origin, "its list of provided capabilities is not valid");
    }
    out.identity.provides.emplace_back(copy->provides[i]);
  }
  for (std::size_t i = 0; copy->needs != nullptr && copy->needs[i].capability != nullptr; ++i) {
    if (i == items_max || !is_capability(copy->needs[i].capability)) {
      return lacks(origin, "its list of needed capabilities is not valid");
    }
    out.identity.needs.push_back({copy->needs[i].capability,
                                  (copy->needs[i].flags & DUNLIN_NEED_OPTIONAL) != 0});
  }
  return out;
}

Checked<void> check_version(const Identity& identity, const HostVersion& host,
                            const std::string& origin) {
  const auto who = fmt::format("{} {}", identity.id, identity.version);
  const auto built_major = DUNLIN_ABI_MAJOR_OF(identity.built);
  const auto host_major = DUNLIN_ABI_MAJOR_OF(host.abi);
  if (built_major != host_major) {
    const bool plugin_is_older = built_major < host_major;
    return Problem{fmt::format("{} was built with SDK {}, this server has SDK {}: the {} is older",
                               who, abi_text(identity.built), abi_text(host.abi),
                               plugin_is_older ? "plugin" : "server"),
                   {fmt::format("install a {} for SDK {}.x ({})",
                                plugin_is_older ? "version of the plugin" : "server",
                                plugin_is_older ? host_major : built_major, origin)},
                   ExitCode::configuration};
  }
  const bool exact = host_major == 0;
  if (identity.needed > host.abi || (exact && identity.built != host.abi)) {
    return Problem{fmt::format("{} needs SDK {}, this server has {}", who,
                               abi_text(exact ? identity.built : identity.needed),
                               abi_text(host.abi)),
                   {exact ? fmt::format("before SDK 1.0 the versions must be equal ({})", origin)
                          : fmt::format("update the server, or install an older version of the "
                                        "plugin ({})", origin)},
                   ExitCode::configuration};
  }
  if ((identity.flags & DUNLIN_ENTRY_DRAFT) != 0 && identity.build != host.build) {
    return Problem{fmt::format("{} uses draft tables and was built for build {}, this server is "
                               "build {}", who,
                               identity.build.empty() ? "(none)" : identity.build, host.build),
                   {fmt::format("install the plugin that belongs to this server ({})", origin)},
                   ExitCode::configuration};
  }
  return {};
}

Checked<void> check_same(const Identity& note, const Identity& descriptor,
                         const std::string& origin) {
  const char* difference = nullptr;
  if (note.id != descriptor.id) difference = "id";
  else if (note.version != descriptor.version) difference = "version";
  else if (note.built != descriptor.built) difference = "SDK version";
  else if (note.needed != descriptor.needed) difference = "needed SDK version";
  else if (note.flags != descriptor.flags) difference = "flags";
  else if (note.provides != descriptor.provides) difference = "provided capabilities";
  else if (note.needs != descriptor.needs) difference = "needed capabilities";
  if (difference == nullptr) return {};
  return Problem{fmt::format("{} {} is not usable: its descriptor and its note differ in: {}",
                             note.id, note.version, difference),
                 {fmt::format("the file was put together wrongly ({})", origin)},
                 ExitCode::configuration};
}

Checked<dunlin_plugin> read_instance(const dunlin_plugin* instance, const Identity& identity) {
  const auto who = fmt::format("{} {}", identity.id, identity.version);
  const auto copy = copy_sized(instance);
  if (!copy) return lacks(who, "create succeeded, but gave no instance");
  const Required required[] = {{"configure", copy->configure != nullptr},
                               {"start", copy->start != nullptr},
                               {"drain", copy->drain != nullptr},
                               {"stop", copy->stop != nullptr},
                               {"destroy", copy->destroy != nullptr}};
  for (const auto& member : required) {
    if (!member.present) {
      return lacks(who, fmt::format("its instance lacks {}", member.name).c_str());
    }
  }
  if ((copy->reload_prepare == nullptr) != (copy->reload_finish == nullptr)) {
    return lacks(who, "its instance has one of reload_prepare and reload_finish, not both");
  }
  return *copy;
}

}  // namespace dunlin::plugin
