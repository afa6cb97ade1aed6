// DUNLIN_PLUGIN: declares a plugin written as an ordinary class.
//
//     class Hello {
//      public:
//       explicit Hello(dunlin::Host host) : host_(host) {}     // keep it; do not call it yet
//       dunlin::result<> configure(dunlin::Config config);     // declare keys, read values
//       dunlin::result<> start();
//       void stop() noexcept;
//      ...
//     };
//
//     DUNLIN_PLUGIN(hello, Hello, dunlin::Describe{
//         .id = "com.example.hello", .version = "1.0.0", .summary = "Says hello",
//         .license = "Apache-2.0", .provides = {"com.example.greeting/1"},
//         .needs = {dunlin::need("jetstream/1"), dunlin::want("com.example.geo/1")}});
//
// Optional members: configure, start, drain(std::uint64_t deadline_ns), stop,
// reload_prepare(Config), reload_finish(bool commit), extension(std::string_view). All run on
// control. What they throw becomes an error of the call.

#pragma once

#include <dunlin/config.hpp>
#include <dunlin/host.hpp>
#include <dunlin/log.hpp>

#include <array>
#include <memory>

namespace dunlin {
inline namespace sdk {

constexpr dunlin_need need(const char* capability) noexcept {
  return {capability, DUNLIN_NEED_REQUIRED, 0};
}
constexpr dunlin_need want(const char* capability) noexcept {
  return {capability, DUNLIN_NEED_OPTIONAL, 0};
}

struct Describe {
  static constexpr std::size_t items_max = 16;

  const char* id = nullptr;
  const char* version = nullptr;
  const char* summary = "";
  const char* license = "";
  std::uint32_t flags = DUNLIN_ENTRY_PLAIN;
  const char* provides[items_max] = {};  // the last stays empty
  dunlin_need needs[items_max] = {};
};

namespace detail {

// Appends to `out`, or only counts when it is null.
struct NoteWriter {
  char* out = nullptr;
  std::size_t size = 0;

  constexpr void put(std::string_view text) {
    for (const char c : text) {
      if (out != nullptr) out[size] = c;
      ++size;
    }
  }
  constexpr void line(std::string_view key, std::string_view value) {
    put(key);
    put(" ");
    put(value);
    put("\n");
  }
};

constexpr std::size_t write_note(const Describe& describe, char* out) {
  NoteWriter note{out};
  note.put(DUNLIN_NOTE_MAGIC);
  note.line("id", describe.id);
  note.line("version", describe.version);
  note.line("built", DUNLIN_TEXT_OF(DUNLIN_ABI_MAJOR) "." DUNLIN_TEXT_OF(DUNLIN_ABI_MINOR));
  note.line("needed", DUNLIN_TEXT_OF(DUNLIN_ABI_NEEDED_MAJOR) "." DUNLIN_TEXT_OF(
                          DUNLIN_ABI_NEEDED_MINOR));
  const char flags = static_cast<char>('0' + describe.flags);
  note.line("flags", {&flags, 1});
  note.line("build", DUNLIN_BUILD_ID);
  for (const char* capability : describe.provides) {
    if (capability != nullptr) note.line("provides", capability);
  }
  for (const auto& need : describe.needs) {
    if (need.capability == nullptr) continue;
    note.line((need.flags & DUNLIN_NEED_OPTIONAL) != 0 ? "want" : "need", need.capability);
  }
  note.put("end\n");
  return note.size;
}

template <std::size_t size>
consteval std::array<char, size> make_note(const Describe& describe) {
  std::array<char, size> note{};
  write_note(describe, note.data());
  return note;
}

template <class Plugin>
struct Instance {
  dunlin_plugin table{};
  Host host;
  Plugin plugin;

  explicit Instance(const dunlin_host* raw) : host(raw), plugin(Host(raw)) {
    table.struct_size = sizeof table;
    table.self = this;
    table.configure = configure;
    table.start = start;
    table.drain = drain;
    table.stop = stop;
    table.destroy = [](void* self) { delete &of(self); };
    if constexpr (requires(Plugin& p, Config c) { p.reload_prepare(c); }) {
      table.reload_prepare = reload_prepare;
      table.reload_finish = reload_finish;
    }
    if constexpr (requires(Plugin& p, std::string_view id) { p.extension(id); }) {
      table.extension = [](void* self, const char* id) noexcept -> const void* {
        return of(self).plugin.extension(std::string_view(id));
      };
    }
  }

  static Instance& of(void* self) noexcept { return *static_cast<Instance*>(self); }
  Config config(const dunlin_config* tree) noexcept { return {host.get<ConfigApi>(), tree}; }

  static dunlin_status configure(void* self, const dunlin_config* tree,
                                 dunlin_error* err) noexcept {
    return barrier(err, [&]() -> result<> {
      auto config = of(self).config(tree);
      if constexpr (requires(Plugin& p) { p.configure(config); }) {
        return of(self).plugin.configure(config);
      } else {
        return config.declare({});
      }
    });
  }
  static dunlin_status start(void* self, dunlin_error* err) noexcept {
    return barrier(err, [&]() -> result<> {
      if constexpr (requires(Plugin& p) { p.start(); }) return of(self).plugin.start();
      return {};
    });
  }
  static void drain(void* self, std::uint64_t deadline_ns) noexcept {
    if constexpr (requires(Plugin& p) { p.drain(deadline_ns); }) {
      contain(of(self).host.raw(), "drain", [&] { of(self).plugin.drain(deadline_ns); });
    }
  }
  static void stop(void* self) noexcept {
    if constexpr (requires(Plugin& p) { p.stop(); }) {
      contain(of(self).host.raw(), "stop", [&] { of(self).plugin.stop(); });
    }
  }
  static dunlin_status reload_prepare(void* self, const dunlin_config* tree,
                                      dunlin_error* err) noexcept {
    return barrier(err, [&] { return of(self).plugin.reload_prepare(of(self).config(tree)); });
  }
  static void reload_finish(void* self, bool commit) noexcept {
    contain(of(self).host.raw(), "reload_finish", [&] { of(self).plugin.reload_finish(commit); });
  }
};

template <class Plugin>
dunlin_status create(const dunlin_host* host, const dunlin_plugin** out,
                     dunlin_error* err) noexcept {
  return barrier(err, [&]() -> result<> {
    *out = &(new Instance<Plugin>(host))->table;
    return {};
  });
}

template <class Plugin>
consteval dunlin_entry make_entry(const Describe& describe) {
  dunlin_entry entry{};
  entry.struct_size = sizeof entry;
  entry.abi_version_built = DUNLIN_ABI_VERSION;
  entry.abi_version_needed = DUNLIN_ABI_MAKE(DUNLIN_ABI_NEEDED_MAJOR, DUNLIN_ABI_NEEDED_MINOR);
  entry.flags = describe.flags;
  entry.id = describe.id;
  entry.version = describe.version;
  entry.summary = describe.summary;
  entry.license = describe.license;
  entry.provides = describe.provides;
  entry.needs = describe.needs;
  entry.create = create<Plugin>;
  return entry;
}

}  // namespace detail
}  // namespace sdk
}  // namespace dunlin

// At file scope, once per plugin: an identifier, the class, and its description.
#define DUNLIN_PLUGIN(name, Class, ...)                                                          \
  namespace {                                                                                    \
  constexpr ::dunlin::Describe dunlin_describe_##name = __VA_ARGS__;                             \
  DUNLIN_NOTE_ATTRIBUTES constexpr auto dunlin_note_##name =                                     \
      ::dunlin::detail::make_note<::dunlin::detail::write_note(dunlin_describe_##name, nullptr)>( \
          dunlin_describe_##name);                                                               \
  constexpr dunlin_entry dunlin_entry_##name =                                                   \
      ::dunlin::detail::make_entry<Class>(dunlin_describe_##name);                               \
  }                                                                                              \
  DUNLIN_EXPORT const dunlin_entry* DUNLIN_ENTRY_NAME(name)(void);                               \
  extern "C" const dunlin_entry* DUNLIN_ENTRY_NAME(name)(void) { return &dunlin_entry_##name; }  \
  static_assert(true)
