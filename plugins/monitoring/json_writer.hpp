// JsonWriter: JSON as nats-server lays it out, in the order the fields are written.
//
// Tools compare these texts by eye and by diff, so order, indentation by two spaces and the escapes
// (<, > and & as \u003c...) are those of the reference. Nothing is kept but the text itself. Calls
// must nest properly: a key before each value of an object. One thread.

#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace dunlin::monitoring {

class JsonWriter {
 public:
  enum class Layout { indented, compact };
  explicit JsonWriter(Layout layout = Layout::indented) : indented_(layout == Layout::indented) {}
  // For a value that will stand `depth` levels deep in another text; see element().
  JsonWriter(Layout layout, unsigned depth)
      : depth_(depth), indented_(layout == Layout::indented), after_key_(true) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void key(std::string_view name);

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(double number);
  void value(bool flag) { raw(flag ? "true" : "false"); }
  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  void value(Number number) {
    raw(std::to_string(number));
  }
  void null() { raw("null"); }
  // A value that another writer made.
  void element(std::string_view text) { raw(text); }

  template <class Value>
  void field(std::string_view name, const Value& content) {
    key(name);
    value(content);
  }
  // Leaves the field out when it says nothing: an empty text, false, zero.
  template <class Value>
  void field_if(std::string_view name, const Value& content) {
    if constexpr (std::convertible_to<Value, std::string_view>) {
      if (!std::string_view(content).empty()) field(name, content);
    } else if (content != Value{}) {
      field(name, content);
    }
  }
  void empty_object(std::string_view name) {
    key(name);
    begin_object();
    end_object();
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void begin(char open);
  void end(char close);
  void raw(std::string_view text);
  void separate();
  void new_line();

  std::string text_;
  unsigned depth_ = 0;
  bool indented_;
  bool is_first_ = true;     // nothing in this object or array yet
  bool after_key_ = false;
};

// A text as a JSON string, quotes included.
void append_json_string(std::string& out, std::string_view text);

}  // namespace dunlin::monitoring
