// The page that links to the endpoints.

#include "plugins/monitoring/index.hpp"

#include <gmock/gmock.h>

namespace dunlin::monitoring {
namespace {

TEST(Index, links_lead_below_the_base_path) {
  const IndexEntry entries[] = {{"/varz", "General"}};
  EXPECT_THAT(index_text("product", "/mon", entries),
              testing::HasSubstr("<a href=\"/mon/varz\">General</a>"));
}

TEST(Index, what_plugins_register_is_text_and_no_html) {
  const IndexEntry entries[] = {{"/a\"b", "<script>&"}};
  EXPECT_THAT(index_text("<p>", "", entries),
              testing::AllOf(testing::HasSubstr("<a href=\"/a&#34;b\">&lt;script&gt;&amp;</a>"),
                             testing::HasSubstr("<h1>&lt;p&gt;</h1>")));
}

}  // namespace
}  // namespace dunlin::monitoring
