#include "bench/load/report.hpp"

#include <array>
#include <cstdio>

namespace dunlin::bench {
namespace {

std::string number(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.10g", value);
  return text.data();
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

std::vector<std::pair<std::string, double>> measured(const Report& report) {
  const auto messages = static_cast<double>(report.messages);
  const double seconds = report.seconds > 0 ? report.seconds : 1;
  const double each = report.messages > 0 ? messages : 1;
  const auto micros = [&](double fraction) {
    return static_cast<double>(report.latency.quantile(fraction)) / 1000;
  };
  std::vector<std::pair<std::string, double>> values{
      {"size", static_cast<double>(report.payload_size)},
      {"messages", messages},
      {"seconds", report.seconds},
      {"rate", messages / seconds},
      {"cpu_ns", static_cast<double>(report.cpu.total_ns) / each},
      {"user_ns", static_cast<double>(report.cpu.user_ns) / each},
      {"system_ns", static_cast<double>(report.cpu.system_ns) / each},
      {"server_share", static_cast<double>(report.cpu.total_ns) / 1e9 / seconds},
      {"load_share", static_cast<double>(report.load_ns) / 1e9 / seconds},
      {"p50_us", micros(0.5)},
      {"p99_us", micros(0.99)},
      {"p999_us", micros(0.999)},
      {"samples", static_cast<double>(report.latency.count())},
      {"rss_bytes", static_cast<double>(report.rss_bytes)},
      {"lost", static_cast<double>(report.lost)},
      {"extra", static_cast<double>(report.extra)}};
  values.insert(values.end(), report.values.begin(), report.values.end());
  return values;
}

}  // namespace

std::string to_json(const Report& report) {
  std::string out = "{\"label\":" + quoted(report.label);
  for (const auto& [name, value] : measured(report)) {
    out += ',' + quoted(name) + ':' + number(value);
  }
  return out + ",\"error\":" + quoted(report.error) + '}';
}

std::string to_text(const Report& report) {
  std::string out = report.label + '\n';
  for (const auto& [name, value] : measured(report)) {
    out += "  " + name + std::string(name.size() < 28 ? 28 - name.size() : 1, ' ') +
           number(value) + '\n';
  }
  if (!report.error.empty()) out += "  error: " + report.error + '\n';
  return out;
}

}  // namespace dunlin::bench
