// What a record occupies on the disk beside its subject, header and payload: in its segment, in the
// segment's index, and as its share of everything else the log keeps.

#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

constexpr std::uint64_t records = 100'000;
constexpr std::uint64_t mib = std::uint64_t{1} << 20;

struct Shape {
  const char* name;
  std::size_t payload_bytes, subjects, in_flight;
  bool has_header;
  double beside_max;  // bytes a record
};

class SizeTest : public LogFixture, public ::testing::WithParamInterface<Shape> {
 protected:
  // What was written to all files; the last segments are zeros for later behind that.
  [[nodiscard]] std::uint64_t bytes_on_disk() const {
    std::uint64_t out = 0;
    for (const auto& path : files(".seg")) {
      out += host->content(path).find_last_not_of('\0') + 1;
    }
    for (const char* other : {".idx", ".ckp", ".sub"}) {
      for (const auto& path : files(other)) out += host->content(path).size();
    }
    return out;
  }
};

TEST_P(SizeTest, a_record_costs_little_beside_its_content) {
  const auto& shape = GetParam();
  // So that most of the records are in segments that have an index, of the usual size.
  store.settings.segment_bytes = (shape.payload_bytes < 1000 ? 4 : 16) * mib;
  open();
  std::uint64_t content = 0;
  for (std::uint64_t i = 1; i <= records; ++i) {
    Message message;
    message.seq = i;
    message.time_ns = static_cast<std::int64_t>(i) * 1'000'000;
    message.subject = "orders." + std::to_string(i % shape.subjects);
    if (shape.has_header) message.header = "NATS/1.0\r\nA: b\r\n\r\n";
    message.payload.assign(shape.payload_bytes, static_cast<char>('a' + i % 26));
    content += message.subject.size() + message.header.size() + message.payload.size();
    append(message);
    if (i % shape.in_flight == 0) {
      ASSERT_EQ(sync(), DUNLIN_OK);
    }
  }
  EXPECT_EQ(close(), DUNLIN_OK);
  ASSERT_GE(files(".seg").size(), 2u);
  const auto beside = static_cast<double>(bytes_on_disk() - content) / double{records};
  std::printf("%s: %.1f bytes a record\n", shape.name, beside);
  EXPECT_LE(beside, shape.beside_max);
}

// A subject of its own stands a second time in the index of its segment and a third time in the
// log's subjects.
INSTANTIATE_TEST_SUITE_P(
    Shapes, SizeTest,
    ::testing::Values(Shape{"few_subjects", 128, 10, 512, false, 40},
                      Shape{"thousand_subjects", 128, 1000, 512, false, 40},
                      Shape{"small_payloads", 16, 1000, 512, false, 40},
                      Shape{"large_payloads", 1000, 1000, 64, false, 40},
                      Shape{"with_headers", 128, 1000, 512, true, 40},
                      Shape{"own_subjects", 128, records, 512, false, 41},
                      Shape{"one_in_flight", 128, 1000, 1, false, 40}),
    [](const auto& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
