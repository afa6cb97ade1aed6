// The small files beside nats-server's message blocks.
//
//   msgs/index.db   what each block holds and what of it was deleted, as of the last clean stop
//   msgs/sched.db   when scheduled messages are due
//   msgs/thw.db     when messages with a lifetime of their own expire
//   sources.db      how far each source was read
//   obs/*/o.dat     where a consumer stands
//
// Pure; input is untrusted. An empty answer means that the file is damaged or of another version.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/store-tools/go/encryption.hpp"
#include "plugins/store-tools/go/highway_hash.hpp"
#include "plugins/store-tools/go/little_endian.hpp"

namespace dunlin::store_tools {

struct GoBlockState {
  std::uint32_t block = 0;
  std::uint64_t first = 0, last = 0;
  std::vector<std::uint64_t> deleted;  // between the two, ascending
};

struct GoIndex {
  std::uint64_t records = 0, first = 0, last = 0;
  std::int64_t last_time_ns = 0;
  std::vector<GoBlockState> blocks;
  std::uint32_t last_block = 0;
  std::uint64_t last_hash = 0;  // the end of the last block's file: is this index of that file?
};

// How many messages of first..last were live.
[[nodiscard]] std::uint64_t live_between(const GoIndex& index, std::uint64_t first,
                                         std::uint64_t last) noexcept;

// `key` is the stream's, made from its name; `seed` what the stream is encrypted with, or null.
[[nodiscard]] std::optional<GoIndex> read_go_index(BytesView file, const HighwayHash::Key& key,
                                                   const GoSeed* seed = nullptr);

struct GoTimes {
  std::uint64_t valid_below = 0;                  // the sequence the file does not know of
  std::map<std::uint64_t, std::int64_t> by_seq;   // wall clock, ns
};

[[nodiscard]] std::optional<GoTimes> read_go_expiries(BytesView file);
[[nodiscard]] std::optional<GoTimes> read_go_schedules(BytesView file);

struct GoSource {
  std::string name;
  std::uint64_t seq = 0;
  std::string identity;  // of the stream it was read from
};

[[nodiscard]] std::optional<std::vector<GoSource>> read_go_sources(BytesView file);

struct GoPosition {
  std::uint64_t consumer = 0, stream = 0;
};
struct GoPending {
  std::uint64_t consumer = 0;
  std::int64_t time_ns = 0;
};
struct GoConsumer {
  GoPosition delivered, ack_floor;
  std::map<std::uint64_t, GoPending> pending;             // by stream sequence
  std::map<std::uint64_t, std::uint64_t> redelivered;     // stream sequence, times
};

// `seed` is what the consumer is encrypted with, or null.
[[nodiscard]] std::optional<GoConsumer> read_go_consumer(BytesView file,
                                                         const GoSeed* seed = nullptr);

}  // namespace dunlin::store_tools
