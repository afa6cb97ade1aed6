// The values published with the algorithm: key 0, 1, 2, ..., input of n bytes 0, 1, 2, ...

#include <gtest/gtest.h>

#include <vector>

#include "plugins/store-tools/go/highway_hash.hpp"

namespace dunlin::store_tools {
namespace {

constexpr std::uint64_t published[] = {
    0x907a56de22c26e53U, 0x7eab43aac7cddd78U, 0xb8d0569ab0b53d62U, 0x5c6befab8a463d80U,
    0xf205a46893007edaU, 0x2b8a1668e4a94541U, 0xbd4ccc325befca6fU, 0x4d02ae1738f59482U,
    0xe1205108e55f3171U, 0x32d2644ec77a1584U, 0xf6e10acdb103a90bU, 0xc3bbf4615b415c15U,
    0x243cc2040063fa9cU, 0xa89a58ce65e641ffU, 0x24b031a348455a23U, 0x40793f86a449f33bU,
    0xcfab3489f97eb832U, 0x19fe67d2c8c5c0e2U, 0x04dd90a69c565cc2U, 0x75d9518e2371c504U,
    0x38ad9b1141d3dd16U, 0x0264432ccd8a70e0U, 0xa9db5a6288683390U, 0xd7b05492003f028cU,
    0x205f615aea59e51eU, 0xeee0c89621052884U, 0x1bfc1a93a7284f4fU, 0x512175b5b70da91dU,
    0xf71f8976a0a2c639U, 0xae093fef1f84e3e7U, 0x22ca92b01161860fU, 0x9fc7007ccf035a68U,
    0xa0c964d9ecd580fcU, 0x2c90f73ca03181fcU, 0x185cf84e5691eb9eU, 0x4fc1f5ef2752aa9bU,
    0xf5b7391a5e0a33ebU, 0xb9b84b83b4e96c9cU, 0x5e42fe712a5cd9b4U, 0xa150f2f90c3f97dcU,
    0x7fa522d75e2d637dU, 0x181ad0cc0dffd32bU, 0x3889ed981e854028U, 0xfb4297e8c586ee2dU,
    0x6d064a45bb28059cU, 0x90563609b3ec860cU, 0x7aa4fce94097c666U, 0x1326bac06b911e08U,
    0xb926168d2b154f34U, 0x9919848945b1948dU, 0xa2a98fc534825ebeU, 0xe9809095213ef0b6U,
    0x582e5483707bc0e9U, 0x086e9414a88a6af5U, 0xee86b98d20f6743dU, 0xf89b7ff609b1c0a7U,
    0x4c7d9cc19e22c3e8U, 0x9a97005024562a6fU, 0x5dd41cf423e6ebefU, 0xdf13609c0468e227U,
    0x6e0da4f64188155aU, 0xb755ba4b50d7d4a1U, 0x887a3484647479bdU, 0xab8eebe9bf2139a0U,
    0x75542c5d4cd2a6ffU,
};

HighwayHash::Key counting_key() {
  HighwayHash::Key key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  return key;
}

std::vector<std::uint8_t> counting(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}

TEST(HighwayHash, gives_the_published_values) {
  for (std::size_t size = 0; size < std::size(published); ++size) {
    HighwayHash hash(counting_key());
    hash.update(counting(size));
    EXPECT_EQ(hash.finish(), published[size]) << size << " bytes";
  }
}

TEST(HighwayHash, does_not_depend_on_how_the_input_is_cut) {
  const auto bytes = counting(200);
  HighwayHash whole(counting_key());
  whole.update(bytes);
  const auto expected = whole.finish();
  for (std::size_t step = 1; step < 70; ++step) {
    HighwayHash hash(counting_key());
    for (std::size_t at = 0; at < bytes.size(); at += step)
      hash.update(std::span(bytes).subspan(at, std::min(step, bytes.size() - at)));
    EXPECT_EQ(hash.finish(), expected) << step;
  }
}

}  // namespace
}  // namespace dunlin::store_tools
