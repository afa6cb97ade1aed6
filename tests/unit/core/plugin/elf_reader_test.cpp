// Facts of real shared objects, and refusal of everything that is not one.

#include "core/plugin/elf_reader.hpp"

#include <elf.h>
#include <gmock/gmock.h>

#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

result<ElfFacts> facts_of(const std::string& bytes) {
  return read_elf({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}
std::string plugin_file(const std::string& name) {
  return read_file(std::string(TEST_PLUGINS) + "/" + name + ".so");
}

TEST(ElfReader, a_plugins_facts_are_read) {
  const auto facts = facts_of(plugin_file("good"));
  ASSERT_TRUE(facts.has_value()) << facts.error().text;
  EXPECT_EQ(facts->machine, own_machine());
  EXPECT_THAT(facts->needed, Contains("libc.so.6"));
  EXPECT_TRUE(facts->rpath.empty());
  EXPECT_THAT(facts->defined, ElementsAre("dunlin_plugin_v1"));
  EXPECT_THAT(facts->note, HasSubstr("id good\n"));
}

TEST(ElfReader, a_search_path_is_seen) {
  EXPECT_THAT(facts_of(plugin_file("rpath"))->rpath, ElementsAre("/opt/elsewhere"));
}

TEST(ElfReader, what_is_not_a_shared_object_is_refused) {
  EXPECT_FALSE(facts_of("").has_value());
  EXPECT_FALSE(facts_of("\x7f" "EL").has_value());
  EXPECT_FALSE(facts_of(std::string("\x7f" "ELF")).has_value());
  auto bytes = plugin_file("good");
  bytes[offsetof(Elf64_Ehdr, e_type)] = ET_REL;
  EXPECT_THAT(facts_of(bytes).error().text, HasSubstr("not a shared object"));
}

TEST(ElfReader, offsets_that_overflow_are_refused) {
  for (const auto field : {offsetof(Elf64_Ehdr, e_phoff), offsetof(Elf64_Ehdr, e_shoff)}) {
    auto bytes = plugin_file("good");
    bytes.replace(field, 8, std::string(8, '\xff'));
    EXPECT_FALSE(facts_of(bytes).has_value()) << field;
  }
}

}  // namespace
}  // namespace dunlin::plugin::test
