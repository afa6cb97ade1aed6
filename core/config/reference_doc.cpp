#include "core/config/reference_doc.hpp"

#include <fmt/format.h>

#include "core/config/option_table.hpp"

namespace dunlin::config {
namespace {

std::string names(const OptionRow& row) {
  std::string out = fmt::format("`{}`", row.key);
  for (const auto alias : row.aliases) {
    if (!alias.empty()) out += fmt::format(", `{}`", alias);
  }
  return out;
}

std::string_view reload_word(Reload reload) {
  switch (reload) {
    case Reload::yes: return "yes";
    case Reload::special: return "in part";
    case Reload::no: break;
  }
  return "no";
}

void append_table(std::string& out, std::span<const OptionRow> rows, const std::string& path) {
  out += "| Key | Type | Default | Reload | From | Meaning |\n|---|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    const auto initial = row.initial.empty() ? std::string() : fmt::format("{}", row.initial);
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", names(row), type_word(row.type),
                       initial, reload_word(row.reload), row.owner, row.help);
  }
  for (const auto& row : rows) {
    if (row.block.empty()) continue;
    const auto inner = path.empty() ? std::string(row.key) : fmt::format("{}.{}", path, row.key);
    out += fmt::format("\n## `{}`\n\n{}\n\n", inner, row.help);
    append_table(out, row.block, inner);
  }
}

}  // namespace

std::string reference_doc() {
  std::string out = R"(# Configuration reference

This page is written by `dunlin-server --help_options` from the server's own option table; a test
keeps the two equal.

A file whose name ends in `.toml` is read as TOML; every other is read as nats-server's `.conf`.
Both know the same options. Durations are texts with a unit (`"10s"`, `"1h30m"`); sizes are bytes,
or numbers with a suffix (`8KB`, `1GiB`; in TOML as text). In TOML, keys are lower case and
`include = ["other.toml"]` puts the keys of other files below those of the file itself;
`"${NAME}"` and `"${NAME:-default}"` stand for a value of the table `[vars]` or of the environment.

"Reload" says whether a changed value takes effect on SIGHUP. "From" names the plugin that provides
the option, or the core. `dunlin-server -t -c FILE` checks a file; `--check full` also checks how
options go together.

)";
  append_table(out, top_level_options(), "");
  return out;
}

}  // namespace dunlin::config
