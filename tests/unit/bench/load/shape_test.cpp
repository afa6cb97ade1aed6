#include "bench/load/shape.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dunlin::bench {
namespace {

Options options_for(Topology topology, std::size_t publishers, std::size_t subscribers) {
  Options options;
  options.topology = topology;
  options.publishers = publishers;
  options.subscribers = subscribers;
  return options;
}

TEST(Shape, a_publish_frame_follows_the_protocol) {
  Options options;
  options.payload_size = 3;
  EXPECT_EQ(render_publish(options, "a.b"), "PUB a.b 3\r\nabc\r\n");
  options.header_size = 25;
  EXPECT_EQ(render_publish(options, "a"),
            "HPUB a 25 28\r\nNATS/1.0\r\nKey: vvvvvv\r\n\r\nabc\r\n");
}

TEST(Shape, blocks_hold_whole_frames_of_one_size) {
  const Shape shape = make_shape(options_for(Topology::pairs, 3, 3));
  ASSERT_EQ(shape.blocks.size(), 3u);
  for (const FrameBlock& block : shape.blocks) {
    EXPECT_EQ(block.bytes.size() % block.frame_size, 0u);
    EXPECT_EQ(block.frame_size, shape.blocks.front().frame_size);
  }
}

TEST(Shape, deliveries_count_groups_not_members) {
  EXPECT_EQ(make_shape(options_for(Topology::fanout, 1, 10)).deliveries_per_message, 10u);
  EXPECT_EQ(make_shape(options_for(Topology::queue, 1, 10)).deliveries_per_message, 1u);
  EXPECT_EQ(make_shape(options_for(Topology::pairs, 10, 10)).deliveries_per_message, 1u);
  // Two queue groups and three plain subscribers.
  EXPECT_EQ(make_shape(options_for(Topology::mixed, 1, 9)).deliveries_per_message, 5u);
  EXPECT_EQ(make_shape(options_for(Topology::none, 1, 0)).deliveries_per_message, 0u);
}

TEST(Shape, every_literal_subject_is_published_once_a_round) {
  Options options = options_for(Topology::literal, 1, 1);
  options.subjects = 1000;
  options.payload_size = 16;
  const Shape shape = make_shape(options);
  const FrameBlock& block = shape.blocks.front();
  ASSERT_EQ(block.bytes.size(), block.frame_size * options.subjects);
  std::set<std::string> frames;
  for (std::size_t at = 0; at < block.bytes.size(); at += block.frame_size) {
    frames.insert(block.bytes.substr(at, block.frame_size));
  }
  EXPECT_EQ(frames.size(), options.subjects);
}

}  // namespace
}  // namespace dunlin::bench
