// Applies a configuration tree to Options through the option table.
//
// Collects every finding instead of stopping at the first. Used only inside this room; one reading,
// one thread.

#pragma once

#include <functional>
#include <set>

#include "core/config/diagnostics.hpp"
#include "core/config/option_table.hpp"

namespace dunlin::config {

enum class Dialect { conf, toml };

// Whether a plugin for the section or group of options is available: `jetstream`, `monitoring`.
using SectionProvided = std::function<bool(std::string_view section)>;

class OptionReader {
 public:
  OptionReader(Dialect dialect, Options& options, Diagnostics& diagnostics,
               const SectionProvided& provided)
      : dialect_(dialect), options_(options), diagnostics_(diagnostics), provided_(provided) {}

  void read(const Map& tree);

  // Handles a key that no row names.
  using Unknown = void (*)(OptionReader&, const Entry&, std::span<const OptionRow>);
  void read_block(std::span<const OptionRow> rows, void* target, const Map& map,
                  Unknown unknown = unknown_field);
  static void unknown_field(OptionReader& reader, const Entry& entry,
                            std::span<const OptionRow> rows);

  // Stores a value of the row's type; a mismatch is an error and changes nothing.
  void store(const OptionRow& row, const Entry& entry, bool& out);
  void store(const OptionRow& row, const Entry& entry, int& out);
  void store(const OptionRow& row, const Entry& entry, std::int64_t& out);
  void store(const OptionRow& row, const Entry& entry, double& out);
  void store(const OptionRow& row, const Entry& entry, std::string& out);
  void store(const OptionRow& row, const Entry& entry, Duration& out);
  void store(const OptionRow& row, const Entry& entry, std::vector<std::string>& out);
  // One string or a list of strings; `what` names them in errors.
  bool texts(std::string_view what, const Value& value, std::vector<std::string>& out);
  // Host and port of `port` or `host:port`; false after reporting what is wrong.
  bool address(const Entry& entry, std::string& host, int& port);

  // The value if it is a T, otherwise an error as Go's type assertions word it.
  template <class T>
  const T* expect(const Value& value) {
    const auto* wanted = value.as<T>();
    if (wanted == nullptr) mismatch(value, type_name(Value{T{}, {}}));
    return wanted;
  }
  void mismatch(const Value& value, std::string_view wanted);

  void error(const Position& at, std::string reason) {
    diagnostics_.error(at, std::move(reason));
  }
  void warn_use(const Position& at, std::string_view field, std::string_view reason);
  // Refuses an option of a feature that is not there, in words.
  void refuse_feature(const Entry& entry, std::string_view feature);
  void refuse_plugin(const Entry& entry, std::string_view plugin);

  [[nodiscard]] bool provided(std::string_view section) const {
    return provided_ && provided_(section);
  }
  [[nodiscard]] Dialect dialect() const noexcept { return dialect_; }
  [[nodiscard]] Options& options() noexcept { return options_; }
  [[nodiscard]] std::size_t error_count() const noexcept { return diagnostics_.errors.size(); }

 private:
  void apply(const OptionRow& row, void* target, const Entry& entry);

  Dialect dialect_;
  Options& options_;
  Diagnostics& diagnostics_;
  const SectionProvided& provided_;
};

[[nodiscard]] std::string lower_case(std::string_view text);

// How many letters have to be added, removed or replaced to make `b` of `a`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The row's name nearest to `name`, empty when none is near.
[[nodiscard]] std::string_view nearest_option(std::span<const OptionRow> rows,
                                              std::string_view name);

// ---- binding rows to members -------------------------------------------------------------------

template <class T>
struct MemberOf;
template <class C, class M>
struct MemberOf<M C::*> {
  using Class = C;
};

template <auto First, auto... Rest>
auto& member(auto& object) {
  if constexpr (sizeof...(Rest) == 0) {
    return object.*First;
  } else {
    return member<Rest...>(object.*First);
  }
}

[[nodiscard]] std::string print_value(bool value);
[[nodiscard]] std::string print_value(std::int64_t value);
[[nodiscard]] inline std::string print_value(int value) { return print_value(std::int64_t{value}); }
[[nodiscard]] std::string print_value(double value);
[[nodiscard]] inline std::string print_value(const std::string& value) { return value; }
[[nodiscard]] std::string print_value(Duration value);
[[nodiscard]] std::string print_value(const std::vector<std::string>& value);

// bound<&Options::logging, &Logging::file>(): the row stores into and prints that member.
template <auto First, auto... Rest>
constexpr OptionAccess bound() {
  using Target = typename MemberOf<decltype(First)>::Class;
  return {[](OptionReader& reader, const OptionRow& row, void* target, const Entry& entry) {
            reader.store(row, entry, member<First, Rest...>(*static_cast<Target*>(target)));
          },
          [](const void* target) {
            return print_value(member<First, Rest...>(*static_cast<const Target*>(target)));
          }};
}

// The same for storing alone: what a restart or reload compares elsewhere.
template <auto First, auto... Rest>
constexpr OptionAccess stored() {
  return {bound<First, Rest...>().apply, nullptr};
}

}  // namespace dunlin::config
