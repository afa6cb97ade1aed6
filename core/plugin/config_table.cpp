// dunlin.config/1: the C functions over ConfigService. A node handle is the ConfigNode itself.

#include <fmt/format.h>

#include "core/base/log.hpp"
#include "core/plugin/context.hpp"

namespace dunlin::plugin {
namespace {

const ConfigNode* node_of(const dunlin_config* handle) { return ConfigService::node(handle); }

dunlin_status declare_keys(const dunlin_host* host, const dunlin_config* tree,
                           const dunlin_key* keys, std::size_t n, dunlin_error* err) {
  auto& context = context_of(host);
  if (!on_control(host, "config.declare_keys")) return DUNLIN_E_WRONG_THREAD;
  const auto* node = node_of(tree);
  if (node == nullptr || node->type() != NodeType::table || (keys == nullptr && n > 0)) {
    return set_error(err, DUNLIN_E_INVALID, "keys can only be declared for a table");
  }
  const auto problems = context.config.declare(node, keys, n);
  if (problems.empty()) return DUNLIN_OK;
  for (const auto& problem : problems) log_error("{}: {}", context.identity.id, problem);
  return set_error(err, DUNLIN_E_CONFIG, problems.front());
}

const dunlin_config* get(const dunlin_host* host, const dunlin_config* table, dunlin_str key) {
  return ConfigService::handle(context_of(host).config.get(node_of(table), view(key)));
}

std::uint32_t type(const dunlin_host*, const dunlin_config* handle) {
  const auto* node = node_of(handle);
  if (node == nullptr) return 0;
  switch (node->type()) {
    case NodeType::boolean: return DUNLIN_KEY_BOOLEAN;
    case NodeType::integer: return DUNLIN_KEY_INTEGER;
    case NodeType::number: return DUNLIN_KEY_NUMBER;
    case NodeType::text: return DUNLIN_KEY_TEXT;
    case NodeType::list: return DUNLIN_KEY_LIST;
    case NodeType::table: return DUNLIN_KEY_TABLE;
  }
  return 0;
}

dunlin_status each(const dunlin_host*, const dunlin_config* handle,
                   bool (*visit)(void* user, dunlin_str key, const dunlin_config* value),
                   void* user) {
  const auto* node = node_of(handle);
  if (node == nullptr || visit == nullptr) return DUNLIN_E_INVALID;
  if (node->type() != NodeType::list && node->type() != NodeType::table) return DUNLIN_E_CONFIG;
  for (std::size_t i = 0; i < node->size(); ++i) {
    if (!visit(user, str(node->key(i)), ConfigService::handle(node->at(i)))) break;
  }
  return DUNLIN_OK;
}

// Stores node's value when it has `wanted` type.
template <class T, class Read>
dunlin_status read(const dunlin_config* handle, NodeType wanted, T* out, Read&& read) {
  const auto* node = node_of(handle);
  if (node == nullptr) return DUNLIN_E_NOT_FOUND;
  if (out == nullptr) return DUNLIN_E_INVALID;
  if (node->type() != wanted) return DUNLIN_E_CONFIG;
  *out = read(*node);
  return DUNLIN_OK;
}

dunlin_status text(const dunlin_host*, const dunlin_config* handle, dunlin_str* out) {
  return read(handle, NodeType::text, out, [](const ConfigNode& node) { return str(node.text()); });
}

dunlin_status secret(const dunlin_host*, const dunlin_config* handle, dunlin_secret* out) {
  return read(handle, NodeType::text, out, [](const ConfigNode& node) {
    const auto value = node.text();
    return dunlin_secret{{reinterpret_cast<const std::uint8_t*>(value.data()), value.size()}};
  });
}

dunlin_status integer(const dunlin_host*, const dunlin_config* handle, std::int64_t* out) {
  return read(handle, NodeType::integer, out,
              [](const ConfigNode& node) { return node.integer(); });
}

dunlin_status number(const dunlin_host*, const dunlin_config* handle, double* out) {
  const auto* node = node_of(handle);
  if (node != nullptr && node->type() == NodeType::integer && out != nullptr) {
    *out = static_cast<double>(node->integer());
    return DUNLIN_OK;
  }
  return read(handle, NodeType::number, out, [](const ConfigNode& n) { return n.number(); });
}

dunlin_status boolean(const dunlin_host*, const dunlin_config* handle, bool* out) {
  return read(handle, NodeType::boolean, out,
              [](const ConfigNode& node) { return node.boolean(); });
}

template <class T, class Read>
dunlin_status convert(const dunlin_config* handle, T* out, Read&& read) {
  const auto* node = node_of(handle);
  if (node == nullptr) return DUNLIN_E_NOT_FOUND;
  if (out == nullptr) return DUNLIN_E_INVALID;
  const auto value = read(*node);
  if (!value) return DUNLIN_E_CONFIG;
  *out = *value;
  return DUNLIN_OK;
}

dunlin_status duration_ns(const dunlin_host* host, const dunlin_config* handle,
                          std::int64_t* out) {
  return convert(handle, out, [&](const ConfigNode& node) {
    return context_of(host).config.duration_ns(node);
  });
}

dunlin_status size_bytes(const dunlin_host* host, const dunlin_config* handle,
                         std::uint64_t* out) {
  return convert(handle, out, [&](const ConfigNode& node) {
    return context_of(host).config.size_bytes(node);
  });
}

void position(const dunlin_host*, const dunlin_config* handle, dunlin_position* out) {
  if (out == nullptr) return;
  *out = {};
  const auto* node = node_of(handle);
  if (node == nullptr) return;
  const auto at = node->position();
  *out = {str(at.file), at.line, at.column};
}

dunlin_status refuse(const dunlin_host*, const dunlin_config* handle, dunlin_str sentence,
                     dunlin_error* err) {
  const auto* node = node_of(handle);
  const auto place = node != nullptr ? place_text(*node) : std::string();
  return set_error(err, DUNLIN_E_CONFIG,
                   place.empty() ? std::string(view(sentence))
                                 : fmt::format("{} {}", view(sentence), place));
}

constexpr dunlin_config_api table = {sizeof(dunlin_config_api),
                                     0,
                                     declare_keys,
                                     get,
                                     type,
                                     each,
                                     text,
                                     secret,
                                     integer,
                                     number,
                                     boolean,
                                     duration_ns,
                                     size_bytes,
                                     position,
                                     refuse};

}  // namespace

const void* config_table() noexcept { return &table; }

}  // namespace dunlin::plugin
