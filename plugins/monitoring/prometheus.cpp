#include "prometheus.hpp"

#include <cmath>

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [a-zA-Z_][a-zA-Z0-9_]*; a metric's name may have ":" too.
void append_name(std::string& out, std::string_view name, bool allow_colon) {
  if (name.empty() || is_digit(name[0])) out += '_';
  for (const char c : name) {
    out += is_letter(c) || is_digit(c) || (allow_colon && c == ':') ? c : '_';
  }
}

void append_escaped(std::string& out, std::string_view text, bool escape_quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && escape_quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return json_number(value);
}

}  // namespace

void PrometheusText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_.clear();
  append_name(name_, name, true);
  text_.append("# HELP ").append(name_).append(" ");
  append_escaped(text_, help, false);
  text_.append("\n# TYPE ").append(name_).append(" ").append(type).append("\n");
}

void PrometheusText::sample(Labels labels, double value) { line(name_, labels, {}, number(value)); }

void PrometheusText::sample(Labels labels, const Histogram& histogram) {
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < histogram.bounds.size() && i < histogram.counts.size(); ++i) {
    cumulative += histogram.counts[i];
    line(name_ + "_bucket", labels, number(histogram.bounds[i]), std::to_string(cumulative));
  }
  const auto count = std::to_string(histogram.count);
  line(name_ + "_bucket", labels, "+Inf", count);
  line(name_ + "_sum", labels, {}, number(histogram.sum));
  line(name_ + "_count", labels, {}, count);
}

void PrometheusText::line(std::string_view name, Labels labels, std::string_view bound,
                          std::string_view value) {
  text_ += name;
  char before = '{';
  const auto add = [&](std::string_view label, std::string_view content) {
    text_ += before;
    before = ',';
    append_name(text_, label, false);
    text_ += "=\"";
    append_escaped(text_, content, true);
    text_ += '"';
  };
  for (const auto& label : labels) add(label.name, label.value);
  if (!bound.empty()) add("le", bound);
  if (before == ',') text_ += '}';
  text_.append(" ").append(value).append("\n");
}

}  // namespace dunlin::monitoring
