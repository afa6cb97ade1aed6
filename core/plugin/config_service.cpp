// Strict checking walks the tree and the declared keys together and collects every problem.

#include "core/plugin/config_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/base/hash.hpp"
#include "core/base/log.hpp"
#include "core/plugin/context.hpp"

namespace dunlin::plugin {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::string_view blank = " ";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_key(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// Calls `visit(word)` for each word of a text separated by blanks; stops when it returns true.
template <class Visit>
bool any_word(const char* words, Visit&& visit) {
  std::string_view rest = words != nullptr ? words : "";
  while (!rest.empty()) {
    const auto end = std::min(rest.find(blank), rest.size());
    if (end > 0 && visit(rest.substr(0, end))) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

bool is_named(const dunlin_key& key, std::string_view name) {
  return same_key(key.name, name) ||
         any_word(key.aliases, [&](std::string_view alias) { return same_key(alias, name); });
}

const dunlin_key* find_key(const dunlin_key* keys, std::size_t n, std::string_view name) {
  const auto found = std::find_if(keys, keys + n, [&](const auto& k) { return is_named(k, name); });
  return found == keys + n ? nullptr : found;
}

const ConfigNode* find_entry(const ConfigNode& table, const dunlin_key& key) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (is_named(key, table.key(i))) return table.at(i);
  }
  return nullptr;
}

std::string_view type_word(std::uint32_t type) {
  switch (type) {
    case DUNLIN_KEY_TEXT:
    case DUNLIN_KEY_SECRET: return "a text";
    case DUNLIN_KEY_INTEGER: return "an integer";
    case DUNLIN_KEY_NUMBER: return "a number";
    case DUNLIN_KEY_BOOLEAN: return "true or false";
    case DUNLIN_KEY_DURATION: return "a duration such as \"10s\"";
    case DUNLIN_KEY_SIZE: return "a size such as \"64MB\"";
    case DUNLIN_KEY_LIST: return "a list";
    case DUNLIN_KEY_TABLE:
    case DUNLIN_KEY_TLS: return "a table";
    default: return "another type";
  }
}

// Enough to notice that a value changed.
std::uint64_t hash_of(const ConfigNode& node, std::uint64_t salt) {
  const auto type = static_cast<std::uint64_t>(node.type());
  switch (node.type()) {
    case NodeType::boolean: return fold_multiply(node.boolean() ? 1 : 2, salt ^ type);
    case NodeType::integer:
      return hash_bytes(std::string_view(std::to_string(node.integer())), salt ^ type);
    case NodeType::number:
      return hash_bytes(std::string_view(std::to_string(node.number())), salt ^ type);
    case NodeType::text: return hash_bytes(node.text(), salt ^ type);
    case NodeType::list:
    case NodeType::table: break;
  }
  for (std::size_t i = 0; i < node.size(); ++i) {
    salt = hash_bytes(node.key(i), salt);
    salt = hash_of(*node.at(i), salt);
  }
  return hash_bytes(std::string_view(), salt ^ type);
}

}  // namespace

std::string place_text(const ConfigNode& node) {
  const auto at = node.position();
  return at.line == 0 ? "" : fmt::format("at {}:{}:{}", at.file, at.line, at.column);
}

// A default, or the empty table that stands for an absent section.
class ConfigService::DefaultNode final : public ConfigNode {
 public:
  explicit DefaultNode(NodeType type) : type_(type) {}

  [[nodiscard]] NodeType type() const noexcept override { return type_; }
  [[nodiscard]] NodePosition position() const noexcept override { return {}; }
  [[nodiscard]] bool boolean() const noexcept override { return integer_ != 0; }
  [[nodiscard]] std::int64_t integer() const noexcept override { return integer_; }
  [[nodiscard]] double number() const noexcept override { return number_; }
  [[nodiscard]] std::string_view text() const noexcept override { return text_; }
  [[nodiscard]] std::size_t size() const noexcept override { return elements_.size(); }
  [[nodiscard]] std::string_view key(std::size_t) const noexcept override { return {}; }
  [[nodiscard]] const ConfigNode* at(std::size_t index) const noexcept override {
    return elements_[index].get();
  }

  // The default as an operator would write it; nothing when it does not fit the type.
  static std::unique_ptr<DefaultNode> parse(std::uint32_t type, std::uint32_t element,
                                            std::string_view text) {
    const auto end = text.data() + text.size();
    auto out = std::make_unique<DefaultNode>(NodeType::text);
    out->text_ = text;
    switch (type) {
      case DUNLIN_KEY_BOOLEAN:
        out->type_ = NodeType::boolean;
        out->integer_ = text == "true";
        return text == "true" || text == "false" ? std::move(out) : nullptr;
      case DUNLIN_KEY_INTEGER: {
        out->type_ = NodeType::integer;
        const auto parsed = std::from_chars(text.data(), end, out->integer_);
        return parsed.ec == std::errc() && parsed.ptr == end ? std::move(out) : nullptr;
      }
      case DUNLIN_KEY_NUMBER: {
        out->type_ = NodeType::number;
        const auto parsed = std::from_chars(text.data(), end, out->number_);
        return parsed.ec == std::errc() && parsed.ptr == end ? std::move(out) : nullptr;
      }
      case DUNLIN_KEY_LIST: {
        out->type_ = NodeType::list;
        bool fits = true;
        any_word(out->text_.c_str(), [&](std::string_view word) {
          auto made = parse(element, 0, word);
          fits = fits && made != nullptr;
          out->elements_.push_back(std::move(made));
          return !fits;
        });
        return fits ? std::move(out) : nullptr;
      }
      default: return out;
    }
  }

 private:
  NodeType type_;
  std::int64_t integer_ = 0;
  double number_ = 0;
  std::string text_;
  std::vector<std::unique_ptr<DefaultNode>> elements_;
};

// One walk over a tree.
class ConfigService::Check {
 public:
  explicit Check(ConfigService& service) : service_(service) {}

  std::vector<std::string> problems;

  void table(const ConfigNode& node, const dunlin_key* keys, std::size_t n,
             const std::string& path) {
    service_.keys_of_[&node] = {keys, n};
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto* key = find_key(keys, n, node.key(i));
      if (key == nullptr) {
        report(*node.at(i), fmt::format("unknown key \"{}{}\"{}", path, node.key(i),
                                        suggestion(keys, n, node.key(i))));
      } else {
        value(*node.at(i), *key, key->type, path + key->name);
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      if ((keys[i].flags & DUNLIN_KEY_REQUIRED) != 0 && find_entry(node, keys[i]) == nullptr) {
        report(node, fmt::format("\"{}{}\" is missing ({})", path, keys[i].name,
                                 keys[i].help != nullptr ? keys[i].help : "required"));
      }
    }
  }

  void value(const ConfigNode& node, const dunlin_key& key, std::uint32_t type,
             const std::string& path) {
    if (!has_type(node, type)) {
      report(node, fmt::format("\"{}\" must be {}", path, type_word(type)));
      return;
    }
    if ((key.flags & DUNLIN_KEY_RELOADABLE) == 0 && type == key.type) {
      service_.fixed_next_[path] = hash_of(node, 0);
    }
    if (type == DUNLIN_KEY_TABLE && key.child_count > 0) {
      table(node, key.children, key.child_count, path + ".");
    } else if (type == DUNLIN_KEY_TLS) {
      if (service_.helpers_.tls_problems == nullptr) return;
      for (const auto& problem : service_.helpers_.tls_problems(node))
        problems.push_back(fmt::format("\"{}\": {}", path, problem));
    } else if (type == DUNLIN_KEY_LIST) {
      for (std::size_t i = 0; i < node.size(); ++i) {
        value(*node.at(i), key, key.element, fmt::format("{}[{}]", path, i));
      }
    } else {
      range(node, key, type, path);
      choice(node, key, path);
    }
  }

 private:
  bool has_type(const ConfigNode& node, std::uint32_t type) const {
    switch (type) {
      case DUNLIN_KEY_TEXT:
      case DUNLIN_KEY_SECRET: return node.type() == NodeType::text;
      case DUNLIN_KEY_INTEGER: return node.type() == NodeType::integer;
      case DUNLIN_KEY_NUMBER:
        return node.type() == NodeType::integer || node.type() == NodeType::number;
      case DUNLIN_KEY_BOOLEAN: return node.type() == NodeType::boolean;
      case DUNLIN_KEY_DURATION: return service_.duration_ns(node).has_value();
      case DUNLIN_KEY_SIZE: return service_.size_bytes(node).has_value();
      case DUNLIN_KEY_LIST: return node.type() == NodeType::list;
      case DUNLIN_KEY_TABLE:
      case DUNLIN_KEY_TLS: return node.type() == NodeType::table;
      default: return true;
    }
  }

  void range(const ConfigNode& node, const dunlin_key& key, std::uint32_t type,
             const std::string& path) {
    if (key.least == 0 && key.most == 0) return;
    std::int64_t number = 0;
    if (type == DUNLIN_KEY_INTEGER) {
      number = node.integer();
    } else if (type == DUNLIN_KEY_DURATION) {
      number = *service_.duration_ns(node);
    } else if (type == DUNLIN_KEY_SIZE) {
      const auto size = *service_.size_bytes(node);
      const auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      number = static_cast<std::int64_t>(std::min(size, most));
    } else {
      return;
    }
    if (number >= key.least && number <= key.most) return;
    report(node, fmt::format("\"{}\" must be between {} and {}{}", path, key.least, key.most,
                             type == DUNLIN_KEY_DURATION ? " nanoseconds" : ""));
  }

  void choice(const ConfigNode& node, const dunlin_key& key, const std::string& path) {
    if (key.choices == nullptr || node.type() != NodeType::text) return;
    const auto is_it = [&](std::string_view word) { return word == node.text(); };
    if (any_word(key.choices, is_it)) return;
    report(node, fmt::format("\"{}\" is \"{}\", but must be one of: {}", path, node.text(),
                             key.choices));
  }

  std::string suggestion(const dunlin_key* keys, std::size_t n, std::string_view name) const {
    if (service_.helpers_.edit_distance == nullptr) return "";
    const dunlin_key* nearest = nullptr;
    std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (std::size_t i = 0; i < n; ++i) {
      const auto distance = service_.helpers_.edit_distance(name, keys[i].name);
      if (distance >= least) continue;
      least = distance;
      nearest = &keys[i];
    }
    return nearest == nullptr ? "" : fmt::format("; did you mean \"{}\"?", nearest->name);
  }

  void report(const ConfigNode& node, std::string text) {
    const auto place = place_text(node);
    problems.push_back(place.empty() ? std::move(text) : fmt::format("{} {}", text, place));
  }

  ConfigService& service_;
};

ConfigService::ConfigService(const ConfigHelpers& helpers) : helpers_(helpers) {}
ConfigService::~ConfigService() = default;

const dunlin_config* ConfigService::begin(const ConfigNode* section, bool is_reload) {
  end();
  declared_ = false;
  is_reload_ = is_reload;
  fixed_next_.clear();
  if (section == nullptr) {
    made_.push_back(std::make_unique<DefaultNode>(NodeType::table));
    section = made_.back().get();
  }
  return handle(section);
}

void ConfigService::end() {
  defaults_.clear();
  keys_of_.clear();
  made_.clear();
}

std::uint64_t ConfigService::mark_of(const ConfigNode* section) {
  const DefaultNode empty(NodeType::table);
  return hash_of(section != nullptr ? *section : empty, 0);
}

void ConfigService::commit() { fixed_ = fixed_next_; }

std::vector<std::string> ConfigService::declare(const ConfigNode* tree, const dunlin_key* keys,
                                                std::size_t n) {
  declared_ = true;
  Check check(*this);
  check.table(*tree, keys, n, "");
  if (is_reload_ && check.problems.empty() && fixed_ != fixed_next_) {
    const auto changed = [](const auto& from, const auto& to, std::vector<std::string>& out) {
      for (const auto& [path, hash] : from) {
        const auto other = to.find(path);
        if (other != to.end() && other->second == hash) continue;
        auto text = fmt::format("\"{}\" changed; that takes a restart", path);
        if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
      }
    };
    changed(fixed_, fixed_next_, check.problems);
    changed(fixed_next_, fixed_, check.problems);
  }
  return std::move(check.problems);
}

const ConfigNode* ConfigService::get(const ConfigNode* table, std::string_view name) {
  if (table == nullptr || table->type() != NodeType::table) return nullptr;
  const auto known = keys_of_.find(table);
  const auto* key = known == keys_of_.end()
                        ? nullptr
                        : find_key(known->second.data, known->second.size, name);
  if (key == nullptr) {
    for (std::size_t i = 0; i < table->size(); ++i) {
      if (same_key(table->key(i), name)) return table->at(i);
    }
    return nullptr;
  }
  if (const auto* written = find_entry(*table, *key)) return written;
  const auto [place, fresh] = defaults_.try_emplace({table, key}, nullptr);
  if (fresh) place->second = make_default(*key);
  return place->second;
}

const ConfigNode* ConfigService::make_default(const dunlin_key& key) {
  std::unique_ptr<ConfigNode> made;
  if (key.type == DUNLIN_KEY_TABLE && key.child_count > 0) {
    made = std::make_unique<DefaultNode>(NodeType::table);
    keys_of_[made.get()] = {key.children, key.child_count};
  } else if (key.fallback != nullptr) {
    made = DefaultNode::parse(key.type, key.element, key.fallback);
    if (made == nullptr) log_error("plugin misbehaves: the default of key {} is wrong", key.name);
  }
  if (made == nullptr) return nullptr;
  made_.push_back(std::move(made));
  return made_.back().get();
}

result<std::int64_t> ConfigService::duration_ns(const ConfigNode& node) const {
  if (node.type() == NodeType::integer) {
    std::int64_t out = 0;
    if (__builtin_mul_overflow(node.integer(), second_ns, &out)) return fail("it is too long");
    return out;
  }
  if (node.type() != NodeType::text || helpers_.duration_ns == nullptr) return fail("no duration");
  return helpers_.duration_ns(node.text());
}

result<std::uint64_t> ConfigService::size_bytes(const ConfigNode& node) const {
  std::int64_t size = 0;
  if (node.type() == NodeType::integer) {
    size = node.integer();
  } else {
    if (node.type() != NodeType::text || helpers_.size_bytes == nullptr) return fail("no size");
    const auto parsed = helpers_.size_bytes(node.text());
    if (!parsed) return parsed.error();
    size = *parsed;
  }
  if (size < 0) return fail("a size is not negative");
  return static_cast<std::uint64_t>(size);
}

}  // namespace dunlin::plugin
