// PrometheusText: metrics in the Prometheus text format 0.0.4.
//
// Samples of one family are written together: family() opens one, sample() adds to it. Names are
// made valid, label values are escaped; nothing a plugin registers can break the format. One
// thread.

#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::monitoring {

class PrometheusText {
 public:
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  struct Label {
    std::string_view name, value;
  };
  using Labels = std::span<const Label>;
  // Upper bounds with the counts of their buckets, not cumulative; one count more, for above all.
  struct Histogram {
    std::span<const double> bounds;
    std::span<const std::uint64_t> counts;
    double sum;
    std::uint64_t count;
  };

  // `type` is "counter", "gauge" or "histogram".
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, double value);
  template <std::integral Number>
  void sample(Labels labels, Number value) {
    line(name_, labels, {}, std::to_string(value));
  }
  void sample(Labels labels, const Histogram& histogram);

  // A family with a single sample.
  template <class Number>
  void single(std::string_view name, std::string_view type, std::string_view help, Number value) {
    family(name, type, help);
    sample({}, value);
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  // `bound`: value of the label "le", empty for none.
  void line(std::string_view name, Labels labels, std::string_view bound, std::string_view value);

  std::string text_;
  std::string name_;
};

}  // namespace dunlin::monitoring
