// /healthz: the verdict of a server without JetStream, in the reference's words.

#include "plugins/monitoring/healthz.hpp"

#include <gtest/gtest.h>

namespace dunlin::monitoring {
namespace {

struct Answer {
  std::uint32_t status;
  std::string body;
  bool operator==(const Answer&) const = default;
};
void PrintTo(const Answer& answer, std::ostream* out) { *out << answer.status << answer.body; }

Answer answer(std::string_view query, bool is_leaving = false,
              const std::vector<FailedComponent>& failed = {}) {
  const auto options = healthz_options(Query(query));
  if (!options) return {400, options.error()};
  const auto verdict = judge_health(*options, is_leaving, failed);
  return {verdict.status, healthz_text(verdict, (*options).details)};
}

TEST(Healthz, a_running_server_is_ok) {
  EXPECT_EQ(answer(""), (Answer{200, R"({"status":"ok"})"}));
  EXPECT_EQ(answer("details=1"), (Answer{200, R"({"status":"ok"})"}));
  for (const char* flag : {"js-enabled", "js-enabled-only", "js-server-only", "js-meta-only"}) {
    EXPECT_EQ(answer(std::string(flag) + "=true").status, 200u) << flag;
  }
  EXPECT_EQ(answer("account=A&stream=S&consumer=C").status, 200u);
}

TEST(Healthz, a_question_without_its_context_is_refused) {
  EXPECT_EQ(answer("stream=NOPE"),
            (Answer{400, "{\"status\":\"error\",\"error\":\"\\\"account\\\" must not be empty when "
                         "checking stream health\"}"}));
  EXPECT_EQ(answer("consumer=x&details=1"),
            (Answer{400, "{\"status\":\"error\",\"errors\":[{\"type\":\"BAD_REQUEST\",\"error\":"
                         "\"\\\"stream\\\" must not be empty when checking consumer health\"}]}"}));
}

TEST(Healthz, a_flag_that_is_no_boolean_is_refused) {
  EXPECT_EQ(answer("js-meta-only=x"),
            (Answer{400, "Error decoding boolean for 'js-meta-only': strconv.ParseBool: parsing "
                         "\"x\": invalid syntax"}));
}

TEST(Healthz, a_leaving_server_is_not_ready_even_for_the_shallowest_probe) {
  const std::string error = "failed to be ready for connections after 1ms: server";
  EXPECT_EQ(answer("js-server-only=true", true),
            (Answer{500, R"({"status":"error","error":")" + error + "\"}"}));
  EXPECT_EQ(answer("details=true", true),
            (Answer{500, R"({"status":"error","errors":[{"type":"CONNECTION","error":")" + error +
                             "\"}]}"}));
}

TEST(Healthz, what_a_plugin_reports_as_failed_makes_the_server_unavailable) {
  const std::vector<FailedComponent> failed = {{"store disk", "no space"}, {"other", ""}};
  EXPECT_EQ(answer("", false, failed),
            (Answer{503, R"({"status":"unavailable","error":"store disk: no space"})"}));
  EXPECT_EQ(answer("details=1", false, failed),
            (Answer{503, "{\"status\":\"error\",\"errors\":[{\"type\":\"CONNECTION\",\"error\":"
                         "\"store disk: no space\"},{\"type\":\"CONNECTION\",\"error\":\"other: "
                         "failed\"}]}"}));
  EXPECT_EQ(answer("js-server-only=1", false, failed).status, 200u);
}

}  // namespace
}  // namespace dunlin::monitoring
