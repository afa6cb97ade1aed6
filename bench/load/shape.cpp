#include "bench/load/shape.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <random>

#include "bench/load/frame_counter.hpp"

namespace dunlin::bench {
namespace {

// A block that stays in the nearest cache and still makes few vectors of a large write.
constexpr std::size_t block_bytes = 16 * 1024;

// Equal widths keep all frames of a run equal in size.
constexpr std::size_t first_sid = 1'000'000;

std::string numbered(const char* format, std::size_t number) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

std::string subject_of(std::size_t publisher) { return numbered("bench.%04zu", publisher); }
std::string spread_subject(std::size_t index) { return numbered("many.%07zu.x", index); }

std::string subscribe(std::string_view subject, std::string_view queue, std::size_t sid) {
  std::string line = "SUB ";
  line += subject;
  if (!queue.empty()) line.append(" ").append(queue);
  return line + ' ' + std::to_string(sid) + "\r\n";
}

FrameBlock repeated_block(const Options& options, std::string_view subject) {
  const std::string frame = render_publish(options, subject);
  FrameBlock block{.bytes = {}, .frame_size = frame.size()};
  do {
    block.bytes += frame;
  } while (block.bytes.size() + frame.size() <= block_bytes);
  return block;
}

FrameBlock shuffled_block(const Options& options) {
  std::vector<std::size_t> order(options.subjects);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64{42});
  FrameBlock block{.bytes = {}, .frame_size = render_publish(options, spread_subject(0)).size()};
  block.bytes.reserve(block.frame_size * order.size());
  for (const std::size_t index : order) {
    block.bytes += render_publish(options, spread_subject(index));
  }
  return block;
}

void add_group(Shape& shape, std::size_t members, std::string_view subject,
               std::string_view queue) {
  for (std::size_t i = 0; i < members; ++i) {
    const std::string line = subscribe(subject, queue, first_sid + shape.subscribers.size());
    shape.subscribers.push_back({line, shape.groups.size()});
  }
  shape.groups.push_back({});
}

void add_spread_subscriptions(Shape& shape, const Options& options) {
  std::vector<std::string> lines(options.subscribers);
  for (std::size_t i = 0; i < options.subjects; ++i) {
    const bool is_wildcard = options.topology == Topology::tenth && i % 10 == 0;
    const std::string subject = is_wildcard ? numbered("many.%07zu.*", i) : spread_subject(i);
    lines[i % lines.size()] += subscribe(subject, {}, first_sid + i);
  }
  for (std::string& line : lines) shape.subscribers.push_back({std::move(line), 0});
  shape.groups.push_back({});
}

void add_subscribers(Shape& shape, const Options& options) {
  const std::string subject = subject_of(0);
  const std::size_t count = options.subscribers;
  switch (options.topology) {
    case Topology::none:
      break;
    case Topology::fanout:
      for (std::size_t i = 0; i < count; ++i) add_group(shape, 1, subject, {});
      break;
    case Topology::pairs:
      for (std::size_t i = 0; i < count; ++i) {
        add_group(shape, 1, subject_of(i), {});
        shape.groups.back().publisher = i;
      }
      break;
    case Topology::queue:
      add_group(shape, count, subject, "workers");
      break;
    case Topology::mixed:
      add_group(shape, count / 3, subject, "first");
      add_group(shape, count / 3, subject, "second");
      for (std::size_t i = count / 3 * 2; i < count; ++i) add_group(shape, 1, subject, {});
      break;
    case Topology::literal:
    case Topology::tenth:
      add_spread_subscriptions(shape, options);
      break;
    case Topology::wildcard:
      add_group(shape, 1, "many.>", {});
      break;
  }
}

}  // namespace

std::string render_publish(const Options& options, std::string_view subject) {
  const std::string total = std::to_string(options.header_size + options.payload_size);
  std::string frame;
  if (options.target.is_relay) {
    frame = "MSG " + std::string(subject) + " 1 ";
  } else {
    frame = (options.header_size > 0 ? "HPUB " : "PUB ") + std::string(subject) + ' ';
  }
  if (options.header_size > 0) {
    constexpr std::string_view opening = "NATS/1.0\r\nKey: ";
    constexpr std::string_view closing = "\r\n\r\n";
    frame += std::to_string(options.header_size) + ' ' + total + "\r\n";
    frame += opening;
    frame.append(options.header_size - opening.size() - closing.size(), 'v');
    frame += closing;
  } else {
    frame += total + "\r\n";
  }
  for (std::size_t i = 0; i < options.payload_size; ++i) frame += payload_byte(i);
  return frame + "\r\n";
}

Shape make_shape(const Options& options) {
  Shape shape;
  const bool is_spread = options.topology == Topology::literal ||
                         options.topology == Topology::tenth ||
                         options.topology == Topology::wildcard;
  if (is_spread) {
    shape.blocks.push_back(shuffled_block(options));
  } else {
    const std::size_t count = options.topology == Topology::pairs ? options.publishers : 1;
    for (std::size_t i = 0; i < count; ++i) {
      shape.blocks.push_back(repeated_block(options, subject_of(i)));
    }
  }
  add_subscribers(shape, options);
  shape.deliveries_per_message =
      options.topology == Topology::pairs ? 1 : shape.groups.size();
  shape.slow_subscription = subscribe(subject_of(0), {}, 1);
  return shape;
}

}  // namespace dunlin::bench
