// Which versions fit, and what a descriptor must hold.

#include "core/plugin/descriptor.hpp"

#include <gmock/gmock.h>

namespace dunlin::plugin::test {
namespace {

using testing::HasSubstr;

Identity made_for(std::uint32_t built, std::uint32_t needed) {
  Identity identity;
  identity.id = "x";
  identity.version = "1.0.0";
  identity.built = built;
  identity.needed = needed;
  return identity;
}

bool fits(std::uint32_t built, std::uint32_t needed, std::uint32_t host) {
  return check_version(made_for(built, needed), {host, "b"}, "/x.so").has_value();
}

TEST(Version, the_major_must_be_equal_and_the_host_new_enough) {
  const auto v = [](unsigned major, unsigned minor) { return DUNLIN_ABI_MAKE(major, minor); };
  EXPECT_TRUE(fits(v(1, 2), v(1, 0), v(1, 2)));
  EXPECT_TRUE(fits(v(1, 9), v(1, 0), v(1, 2)));  // built newer, needs older
  EXPECT_TRUE(fits(v(1, 0), v(1, 0), v(1, 7)));
  EXPECT_FALSE(fits(v(1, 4), v(1, 4), v(1, 2)));
  EXPECT_FALSE(fits(v(2, 0), v(2, 0), v(1, 2)));
  EXPECT_FALSE(fits(v(1, 0), v(1, 0), v(2, 0)));
}

TEST(Version, before_one_the_minor_must_match_exactly) {
  const auto v = [](unsigned minor) { return DUNLIN_ABI_MAKE(0, minor); };
  EXPECT_TRUE(fits(v(3), v(3), v(3)));
  EXPECT_FALSE(fits(v(2), v(2), v(3)));
  EXPECT_FALSE(fits(v(4), v(3), v(3)));
}

TEST(Version, the_older_side_is_named) {
  const auto text = [](unsigned built, unsigned host) {
    return check_version(made_for(DUNLIN_ABI_MAKE(built, 0), DUNLIN_ABI_MAKE(built, 0)),
                         {DUNLIN_ABI_MAKE(host, 0), "b"}, "/x.so")
        .error()
        .text;
  };
  EXPECT_THAT(text(1, 2), HasSubstr("the plugin is older"));
  EXPECT_THAT(text(2, 1), HasSubstr("the server is older"));
}

TEST(Descriptor, null_and_nonsense_sizes_are_refused) {
  EXPECT_FALSE(read_descriptor(nullptr, "/x.so").has_value());
  dunlin_entry entry{};
  EXPECT_FALSE(read_descriptor(&entry, "/x.so").has_value());
  entry.struct_size = 0xffffffff;
  EXPECT_FALSE(read_descriptor(&entry, "/x.so").has_value());
}

TEST(Descriptor, an_entry_too_short_for_create_is_refused) {
  const char* const provides[] = {nullptr};
  const dunlin_need needs[] = {{nullptr, 0, 0}};
  dunlin_entry entry{sizeof(dunlin_entry), DUNLIN_ABI_VERSION, DUNLIN_ABI_VERSION, 0, "x", "1",
                     "", "", provides, needs,
                     [](const dunlin_host*, const dunlin_plugin**, dunlin_error*) {
                       return dunlin_status{DUNLIN_OK};
                     }};
  EXPECT_TRUE(read_descriptor(&entry, "/x.so").has_value());
  entry.struct_size = offsetof(dunlin_entry, create);
  EXPECT_THAT(read_descriptor(&entry, "/x.so").error().text, HasSubstr("has no create"));
}

TEST(Descriptor, a_shorter_instance_of_an_older_plugin_is_taken_as_far_as_it_goes) {
  dunlin_plugin instance{};
  instance.configure = [](void*, const dunlin_config*, dunlin_error*) { return 0; };
  instance.start = [](void*, dunlin_error*) { return 0; };
  instance.drain = [](void*, std::uint64_t) {};
  instance.stop = [](void*) {};
  instance.destroy = [](void*) {};
  instance.reload_prepare = instance.configure;
  instance.struct_size = offsetof(dunlin_plugin, reload_prepare);
  const auto read = read_instance(&instance, made_for(1, 1));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->reload_prepare, nullptr);
  instance.struct_size = sizeof instance;  // now one of the pair is there and the other not
  EXPECT_FALSE(read_instance(&instance, made_for(1, 1)).has_value());
}

}  // namespace
}  // namespace dunlin::plugin::test
