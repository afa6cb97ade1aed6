// The option table: every option the server knows, as data. Both readers, the command line's help,
// the reload comparison and the reference documentation go through it.
//
// To add an option: a member in options.hpp and one row here. The tables are constant and may be
// read from any thread.

#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "core/config/options.hpp"

namespace dunlin::config {

enum class OptionType {
  boolean,
  integer,
  size,           // bytes, suffixes allowed
  duration,       // `10s`; in .conf also a number of seconds, with a warning
  duration_text,  // `10s` only
  seconds,        // a number of seconds, or `10s`
  text,
  texts,    // one string or a list
  address,  // port or host:port
  map,
  list,  // of maps
  any,
};

enum class Reload {
  no,       // takes effect at a restart; a reload that changes it is refused as a whole
  yes,
  special,  // see its documentation
};

class OptionReader;
struct OptionRow;

// How a row reads its value into the target and prints it for comparison; `print` may be absent.
struct OptionAccess {
  void (*apply)(OptionReader&, const OptionRow&, void* target, const Entry&);
  std::string (*print)(const void* target);
};

struct OptionRow {
  std::string_view key;  // canonical
  std::array<std::string_view, 6> aliases;
  OptionType type;
  std::string_view initial;  // the default, as documented
  Reload reload;
  std::string_view field;  // the name nats-server's reload errors use
  std::string_view help;
  OptionAccess access;
  std::span<const OptionRow> block = {};  // the keys inside, for maps and lists of maps
  std::string_view owner = "core";        // or the plugin that provides it

  [[nodiscard]] bool named(std::string_view name) const noexcept;
};

[[nodiscard]] std::span<const OptionRow> top_level_options() noexcept;
[[nodiscard]] std::span<const OptionRow> authorization_options() noexcept;
[[nodiscard]] std::span<const OptionRow> tls_options() noexcept;
[[nodiscard]] std::span<const OptionRow> plugins_options() noexcept;

[[nodiscard]] std::string_view type_word(OptionType type) noexcept;

// Rows that need more than storing a value; defined beside their blocks.
void apply_authorization(OptionReader&, const OptionRow&, void*, const Entry&);
void apply_tls(OptionReader&, const OptionRow&, void*, const Entry&);
void apply_mappings(OptionReader&, const OptionRow&, void*, const Entry&);
void apply_plugins(OptionReader&, const OptionRow&, void*, const Entry&);

}  // namespace dunlin::config
