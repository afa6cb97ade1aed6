// Config: the plugin's section. Valid from configure() to the end of start(), and from
// reload_prepare() to the end of reload_finish().
//
//     constexpr dunlin_key keys[] = {
//         dunlin::key("port", DUNLIN_KEY_INTEGER, "8222", "port to listen on")};
//     if (auto ok = config.declare(keys); !ok) return ok;
//     port_ = *config.integer("port");

#pragma once

#include <dunlin/ext/config.h>
#include <dunlin/host.hpp>

#include <chrono>
#include <span>
#include <vector>

namespace dunlin {
inline namespace sdk {

constexpr dunlin_key key(const char* name, std::uint32_t type, const char* fallback,
                         const char* help, std::uint32_t flags = 0) noexcept {
  dunlin_key key{};
  key.name = name;
  key.type = type;
  key.flags = flags;
  key.fallback = fallback;
  key.help = help;
  return key;
}

class ConfigApi : public Table<dunlin_config_api> {
 public:
  DUNLIN_TABLE_WRAPPER(ConfigApi, dunlin_config_api, DUNLIN_EXT_CONFIG)
};

class Config {
 public:
  Config(const ConfigApi& api, const dunlin_config* node) noexcept : api_(api), node_(node) {}

  // False for a section or value that is absent.
  explicit operator bool() const noexcept { return node_ != nullptr; }
  [[nodiscard]] const dunlin_config* raw() const noexcept { return node_; }

  result<> declare(std::span<const dunlin_key> keys) const {
    auto error = detail::fresh_error();
    return detail::take(detail::invoke(api_.raw().declare_keys, api_.raw_host(), node_,
                                       keys.data(), keys.size(), &error),
                        error);
  }

  [[nodiscard]] Config get(std::string_view key) const noexcept {
    const auto get = api_.raw().get;
    return {api_, get != nullptr ? get(api_.raw_host(), node_, detail::str(key)) : nullptr};
  }
  [[nodiscard]] bool has(std::string_view key) const noexcept {
    return static_cast<bool>(get(key));
  }
  [[nodiscard]] std::uint32_t type() const noexcept {
    return node_ != nullptr ? api_.raw().type(api_.raw_host(), node_) : 0;
  }
  // Elements of a list, or values of a table.
  [[nodiscard]] std::vector<std::pair<std::string, Config>> items() const {
    std::vector<std::pair<std::string, Config>> out;
    if (node_ == nullptr) return out;
    struct Items {
      const ConfigApi& api;
      std::vector<std::pair<std::string, Config>>& out;
    } items{api_, out};
    api_.raw().each(
        api_.raw_host(), node_,
        [](void* user, dunlin_str key, const dunlin_config* value) noexcept {
          auto& into = *static_cast<Items*>(user);
          into.out.emplace_back(detail::view(key), Config(into.api, value));
          return true;
        },
        &items);
    return out;
  }

  [[nodiscard]] result<std::string> text() const {
    dunlin_str out{};
    if (auto ok = read(api_.raw().text, &out); !ok) return ok.error();
    return std::string(detail::view(out));
  }
  [[nodiscard]] result<std::int64_t> integer() const {
    return read_value<std::int64_t>(api_.raw().integer);
  }
  [[nodiscard]] result<double> number() const { return read_value<double>(api_.raw().number); }
  [[nodiscard]] result<bool> boolean() const { return read_value<bool>(api_.raw().boolean); }
  [[nodiscard]] result<std::uint64_t> size() const {
    return read_value<std::uint64_t>(api_.raw().size_bytes);
  }
  [[nodiscard]] result<std::chrono::nanoseconds> duration() const {
    auto value = read_value<std::int64_t>(api_.raw().duration_ns);
    if (!value) return value.error();
    return std::chrono::nanoseconds(*value);
  }
  // Borrowed: copy it into memory you wipe.
  [[nodiscard]] result<dunlin_secret> secret() const {
    return read_value<dunlin_secret>(api_.raw().secret);
  }

  [[nodiscard]] result<std::string> text(std::string_view key) const { return get(key).text(); }
  [[nodiscard]] result<std::int64_t> integer(std::string_view key) const {
    return get(key).integer();
  }
  [[nodiscard]] result<double> number(std::string_view key) const { return get(key).number(); }
  [[nodiscard]] result<bool> boolean(std::string_view key) const { return get(key).boolean(); }
  [[nodiscard]] result<std::uint64_t> size(std::string_view key) const { return get(key).size(); }
  [[nodiscard]] result<std::chrono::nanoseconds> duration(std::string_view key) const {
    return get(key).duration();
  }

  // "<sentence> at file:line:column"
  [[nodiscard]] Error refuse(std::string_view sentence) const {
    auto error = detail::fresh_error();
    if (node_ == nullptr ||
        detail::invoke(api_.raw().refuse, api_.raw_host(), node_, detail::str(sentence), &error) ==
            DUNLIN_E_UNSUPPORTED) {
      return Error{DUNLIN_E_CONFIG, std::string(sentence), 0};
    }
    return Error{DUNLIN_E_CONFIG, error.text, 0};
  }

 private:
  template <class Getter, class T>
  result<> read(Getter* getter, T* out) const {
    if (node_ == nullptr) return Error{DUNLIN_E_NOT_FOUND, "no such configuration value", 0};
    const auto status = detail::invoke(getter, api_.raw_host(), node_, out);
    if (status == DUNLIN_OK) return {};
    return Error{status, refuse("this value cannot be read as the type it should have").text, 0};
  }
  template <class T, class Getter>
  result<T> read_value(Getter* getter) const {
    T out{};
    if (auto ok = read(getter, &out); !ok) return ok.error();
    return out;
  }

  ConfigApi api_;
  const dunlin_config* node_;
};

}  // namespace sdk
}  // namespace dunlin
