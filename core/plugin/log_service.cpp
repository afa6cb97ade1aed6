// dunlin.log/1 over the server's log. The plugin's id stands in front of its lines, except of
// those that tools know by heart.

#include <dunlin/ext/log.h>
#include <fmt/format.h>

#include "core/base/log.hpp"
#include "core/plugin/context.hpp"

namespace dunlin::plugin {
namespace {

// Longer lines are cut: a log is no place for payloads.
constexpr std::size_t text_max = 8 * 1024;
constexpr std::size_t fields_max = 64;

log::Level level_of(std::uint32_t level) {
  switch (level & ~DUNLIN_LOG_BARE) {
    case DUNLIN_LOG_FATAL: return log::Level::fatal;
    case DUNLIN_LOG_ERROR: return log::Level::error;
    case DUNLIN_LOG_WARNING: return log::Level::warning;
    case DUNLIN_LOG_INFO: return log::Level::info;
    case DUNLIN_LOG_DEBUG: return log::Level::debug;
    case DUNLIN_LOG_TRACE: return log::Level::trace;
    default: return log::Level::error;  // misbehaviour, and levels of newer headers
  }
}

// One line stays one line.
void append_clean(std::string& out, std::string_view text) {
  for (const char c : text.substr(0, text_max)) {
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
}

void write(const dunlin_host* host, std::uint32_t level, dunlin_account* account,
           dunlin_conn* conn, const dunlin_log_field* fields, std::size_t n, dunlin_str text) {
  const auto target = level_of(level);
  if (!log::enabled(target)) return;
  const auto& context = context_of(host);
  const auto& services = context.shared.services;
  std::string line;
  if ((level & DUNLIN_LOG_BARE) == 0) line = context.identity.id + ": ";
  if (level == DUNLIN_LOG_HOST_MISBEHAVING) line += "host misbehaves: ";
  if (level == DUNLIN_LOG_PLUGIN_MISBEHAVING) line += "plugin misbehaves: ";
  append_clean(line, view(text));
  for (std::size_t i = 0; fields != nullptr && i < std::min(n, fields_max); ++i) {
    line += ' ';
    append_clean(line, view(fields[i].name));
    line += '=';
    if (fields[i].type == DUNLIN_FIELD_INTEGER) {
      line += std::to_string(fields[i].integer);
    } else {
      append_clean(line, view(fields[i].text));
    }
  }
  if (account != nullptr && services.account != nullptr) {
    line += " account=";
    append_clean(line, services.account->name(account));
  }
  if (conn != nullptr && services.net != nullptr) {
    line += fmt::format(" cid={}", services.net->id(conn));
  }
  log::write(target, line);
}

constexpr dunlin_log table = {
    sizeof(dunlin_log), 0,
    [](const dunlin_host*, std::uint32_t level) { return log::enabled(level_of(level)); }, write};

}  // namespace

const void* log_table() noexcept { return &table; }

}  // namespace dunlin::plugin
