// JSON is laid out and escaped as nats-server does it.

#include "plugins/monitoring/json_writer.hpp"

#include <gtest/gtest.h>

namespace dunlin::monitoring {
namespace {

std::string string_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, fields_are_indented_by_two_spaces_in_the_order_written) {
  JsonWriter json;
  json.begin_object();
  json.field("b", 1);
  json.field("a", "x");
  json.key("list");
  json.begin_array();
  json.value(true);
  json.begin_object();
  json.field("deep", 0.5);
  json.end_object();
  json.end_array();
  json.end_object();
  EXPECT_EQ(json.take(), R"({
  "b": 1,
  "a": "x",
  "list": [
    true,
    {
      "deep": 0.5
    }
  ]
})");
}

TEST(JsonWriter, empty_objects_and_arrays_stay_on_one_line) {
  JsonWriter json;
  json.begin_object();
  json.empty_object("cluster");
  json.key("connections");
  json.begin_array();
  json.end_array();
  json.key("none");
  json.null();
  json.end_object();
  EXPECT_EQ(json.take(), "{\n  \"cluster\": {},\n  \"connections\": [],\n  \"none\": null\n}");
}

TEST(JsonWriter, compact_text_has_no_white_space) {
  JsonWriter json(JsonWriter::Layout::compact);
  json.begin_object();
  json.field("status", "ok");
  json.key("errors");
  json.begin_array();
  json.value(1);
  json.value(2);
  json.end_array();
  json.end_object();
  EXPECT_EQ(json.take(), R"({"status":"ok","errors":[1,2]})");
}

TEST(JsonWriter, fields_that_say_nothing_are_left_out_when_asked) {
  JsonWriter json(JsonWriter::Layout::compact);
  json.begin_object();
  json.field_if("text", "");
  json.field_if("flag", false);
  json.field_if("number", 0);
  json.field_if("kept", std::string("x"));
  json.field_if("max", 5u);
  json.end_object();
  EXPECT_EQ(json.take(), R"({"kept":"x","max":5})");
}

TEST(JsonWriter, a_value_made_apart_fits_where_it_is_put) {
  JsonWriter part(JsonWriter::Layout::indented, 2);
  part.begin_object();
  part.field("cid", 1);
  part.end_object();
  const auto element = part.take();
  JsonWriter json;
  json.begin_object();
  json.key("connections");
  json.begin_array();
  json.element(element);
  json.element(element);
  json.end_array();
  json.end_object();
  EXPECT_EQ(json.take(), R"({
  "connections": [
    {
      "cid": 1
    },
    {
      "cid": 1
    }
  ]
})");
}

TEST(JsonWriter, strings_are_safe_inside_html_and_javascript) {
  EXPECT_EQ(string_of("svc.>"), R"("svc.\u003e")");
  EXPECT_EQ(string_of("<&"), R"("\u003c\u0026")");
  EXPECT_EQ(string_of("\u2028\u2029"), R"("\u2028\u2029")");
}

TEST(JsonWriter, controls_and_quotes_are_escaped) {
  EXPECT_EQ(string_of("a\"b\\c\n\r\t\b\f\x01"), R"("a\"b\\c\n\r\t\b\f\u0001")");
  EXPECT_EQ(string_of("\x7fµ"), "\"\x7fµ\"");
}

TEST(JsonWriter, bytes_that_are_no_utf8_become_the_replacement_character) {
  EXPECT_EQ(string_of("a\xff\xc3(b"), R"("a\ufffd\ufffd(b")");
}

}  // namespace
}  // namespace dunlin::monitoring
