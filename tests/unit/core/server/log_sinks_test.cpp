// The log file's rotation and the system log, each on its own.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "core/server/log_file_sink.hpp"
#include "core/server/syslog_sink.hpp"
#include "tests/server/harness/temp_dir.hpp"

namespace dunlin::server {
namespace {

using dunlin::testing::TempDir;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class LogFile : public ::testing::Test {
 protected:
  std::shared_ptr<LogFileSink> open(std::int64_t size_limit = 0, int files_max = 0) {
    auto sink = LogFileSink::open({path, size_limit, files_max, true});
    EXPECT_TRUE(sink.has_value());
    return *sink;
  }
  static void log(const std::shared_ptr<LogFileSink>& sink, const std::string& text) {
    sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    spdlog::logger("test", sink).info(text);
  }
  // The names of rotated files, oldest first.
  [[nodiscard]] std::vector<std::string> backups() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
      if (entry.path() != path) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TempDir dir;
  const std::string path = dir.file("server.log");
};

TEST_F(LogFile, is_appended_to) {
  log(open(), "one");
  log(open(), "two");
  EXPECT_EQ(TempDir::read(path), "one\ntwo\n");
}

TEST_F(LogFile, that_cannot_be_opened_is_told_in_the_words_of_the_reference) {
  const auto sink = LogFileSink::open({dir.file("no/such.log"), 0, 0, true});
  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().text,
            "error opening file: open " + dir.file("no/such.log") + ": no such file or directory");
}

// TestFileLoggerSizeLimit
TEST_F(LogFile, is_rotated_by_the_line_that_goes_past_the_limit) {
  const auto sink = open(20);
  log(sink, "this is the first");
  EXPECT_TRUE(backups().empty());
  log(sink, "second");
  ASSERT_EQ(backups().size(), 1u);
  EXPECT_THAT(backups()[0],
              MatchesRegex("server\\.log\\.[0-9]{4}(\\.[0-9]{2}){5}\\.[0-9]{9}"));
  EXPECT_EQ(TempDir::read(dir.file(backups()[0])), "this is the first\nsecond\n");
  EXPECT_THAT(TempDir::read(path),
              ContainsRegex("^\\[[0-9]+\\] [0-9/]{10} [0-9:]{8}\\.[0-9]{6} \\[INF\\] Rotated log, "
                            "backup saved as \"" + dir.file(backups()[0]) + "\"\r\n$"));
}

TEST_F(LogFile, that_is_too_large_at_the_start_is_rotated_by_the_first_line) {
  dir.write("server.log", std::string(30, 'x'));
  const auto sink = open(20);
  EXPECT_TRUE(sink->is_oversized());
  log(sink, "Rotating logfile...");
  EXPECT_EQ(backups().size(), 1u);
  EXPECT_FALSE(open(2000)->is_oversized());
}

// TestFileLoggerSizeLimitAndNumFiles
TEST_F(LogFile, keeps_the_newest_files_only) {
  dir.write("server.log.2024.02.30.00.00.00.000000000", "no such day");
  dir.write("server.log.old", "somebody's own");
  dir.write("server.log.2001.01.01.00.00.00.000000001", "the oldest");
  const auto sink = open(300, 3);
  for (int i = 0; i < 4; ++i) log(sink, std::string(400, 'x'));
  const auto left = backups();
  ASSERT_EQ(left.size(), 4u);
  EXPECT_EQ(left[0], "server.log.2024.02.30.00.00.00.000000000");
  EXPECT_EQ(left[3], "server.log.old");
  EXPECT_THAT(TempDir::read(path), HasSubstr("[INF] Purged log file \"server.log.2"));
}

TEST_F(LogFile, grows_on_when_it_cannot_be_rotated) {
  const auto sink = open(20);
  std::filesystem::remove(path);
  log(sink, "this is longer than twenty bytes");
  EXPECT_TRUE(backups().empty());
  log(sink, "and more");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(LogFile, loses_lines_when_the_disk_is_full_and_no_more) {
  auto full = LogFileSink::open({"/dev/full", 0, 0, true});
  ASSERT_TRUE(full.has_value());
  ::testing::internal::CaptureStderr();
  log(*full, "one");
  log(*full, "two");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "dunlin-server: cannot write the log file /dev/full: no space left on device; lines "
            "are lost\n");
}

// ---- the system log ----------------------------------------------------------------------------

// A socket that a system log would listen on.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] std::string read() const {
    char text[512];
    const ssize_t size = ::recv(descriptor_, text, sizeof text, 0);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
  }
  [[nodiscard]] std::string port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
    return std::to_string(ntohs(address.sin_port));
  }

  static Socket on_loopback(int type) {
    const int made = ::socket(AF_INET, type, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(made, 4), 0);
    }
    return Socket(made);
  }
  static Socket at(const std::string& path, int type) {
    return Socket(listening_at(path, type));
  }
  // The bare descriptor.
  static int listening_at(const std::string& path, int type) {
    const int made = ::socket(AF_UNIX, type, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(made, 4), 0);
    }
    return made;
  }

 private:
  const int descriptor_;
};

void log_all(const std::shared_ptr<SyslogSink>& sink) {
  spdlog::logger logger("test", sink);
  logger.set_level(spdlog::level::trace);
  logger.info("notice");
}

std::string tag() { return std::string(program_invocation_short_name) + "\\[[0-9]+\\]: "; }

constexpr const char* rfc_3339 =
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(Z|[+-][0-9]{2}:[0-9]{2}) ";
constexpr const char* stamp = "[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} ";

TEST(RemoteSyslog, takes_datagrams) {
  const auto log = Socket::on_loopback(SOCK_DGRAM);
  const auto sink = SyslogSink::remote("udp://127.0.0.1:" + log.port());
  ASSERT_TRUE(sink.has_value());
  log_all(*sink);
  EXPECT_THAT(log.read(), MatchesRegex("<5>" + std::string(rfc_3339) + "[^ ]+ " + tag() +
                                       "notice\n"));
}

TEST(RemoteSyslog, takes_a_stream) {
  const auto log = Socket::on_loopback(SOCK_STREAM);
  const auto sink = SyslogSink::remote("tcp://127.0.0.1:" + log.port());
  ASSERT_TRUE(sink.has_value());
  log_all(*sink);
  const Socket peer(::accept(log.get(), nullptr, nullptr));
  EXPECT_THAT(peer.read(), MatchesRegex("<5>" + std::string(rfc_3339) + "[^ ]+ " + tag() +
                                        "notice\n"));
}

TEST(RemoteSyslog, on_this_machine_needs_no_host_name) {
  const TempDir dir;
  const auto log = Socket::at(dir.file("log"), SOCK_STREAM);
  const auto sink = SyslogSink::remote("unix://" + dir.file("log"));
  ASSERT_TRUE(sink.has_value());
  log_all(*sink);
  const Socket peer(::accept(log.get(), nullptr, nullptr));
  EXPECT_THAT(peer.read(), MatchesRegex("<5>" + std::string(stamp) + tag() + "notice\n"));
}

TEST(RemoteSyslog, severities_are_the_references) {
  const auto log = Socket::on_loopback(SOCK_DGRAM);
  const auto sink = SyslogSink::remote("udp://127.0.0.1:" + log.port());
  ASSERT_TRUE(sink.has_value());
  spdlog::logger logger("test", *sink);
  logger.set_level(spdlog::level::trace);
  const std::pair<spdlog::level::level_enum, const char*> cases[] = {
      {spdlog::level::critical, "<2>"}, {spdlog::level::err, "<3>"}, {spdlog::level::warn, "<4>"},
      {spdlog::level::info, "<5>"},     {spdlog::level::debug, "<7>"},
      {spdlog::level::trace, "<5>"}};
  for (const auto& [level, priority] : cases) {
    logger.log(level, "x");
    EXPECT_THAT(log.read(), ::testing::StartsWith(priority));
  }
}

TEST(RemoteSyslog, that_goes_away_is_found_again) {
  const TempDir dir;
  std::optional<Socket> first;
  first.emplace(Socket::listening_at(dir.file("log"), SOCK_STREAM));
  const auto sink = SyslogSink::remote("unix://" + dir.file("log"));
  ASSERT_TRUE(sink.has_value());
  { const Socket peer(::accept(first->get(), nullptr, nullptr)); }
  first.reset();
  std::filesystem::remove(dir.file("log"));
  const auto second = Socket::at(dir.file("log"), SOCK_STREAM);
  log_all(*sink);
  const Socket peer(::accept(second.get(), nullptr, nullptr));
  EXPECT_THAT(peer.read(), HasSubstr("notice\n"));
}

// TestSysLogger..., getNetworkAndAddr
TEST(RemoteSyslog, that_cannot_be_reached_is_told_in_the_words_of_the_reference) {
  const auto refusal = [](std::string_view url) {
    const auto sink = SyslogSink::remote(url);
    return sink ? std::string() : sink.error().text;
  };
  EXPECT_EQ(refusal("foo://localhost:1"), "error invalid network type: \"foo\"");
  EXPECT_EQ(refusal("localhost"), "error invalid network type: \"\"");
  const TempDir dir;
  EXPECT_EQ(refusal("unix://" + dir.file("absent")),
            "error connecting to syslog: \"dial unix " + dir.file("absent") +
                ": connect: no such file or directory\"");
  EXPECT_EQ(refusal("tcp://localhost"),
            "error connecting to syslog: \"dial tcp: address localhost: missing port in address\"");
  std::string port;
  {
    const auto closed = Socket::on_loopback(SOCK_STREAM);
    port = closed.port();
  }
  EXPECT_EQ(refusal("tcp://127.0.0.1:" + port),
            "error connecting to syslog: \"dial tcp 127.0.0.1:" + port +
                ": connect: connection refused\"");
}

TEST(LocalSyslog, is_the_datagram_socket_of_this_machine) {
  const std::string path = "/dev/log";
  if (std::filesystem::exists(path)) GTEST_SKIP() << "a system log listens there";
  if (::access("/dev", W_OK) != 0) GTEST_SKIP() << "no socket can be made there";
  const auto refused = SyslogSink::local();
  if (!refused) {
    EXPECT_EQ(refused.error().text, "error connecting to syslog: \"Unix syslog delivery error\"");
  }
  {
    const auto log = Socket::at(path, SOCK_DGRAM);
    const auto sink = SyslogSink::local();
    ASSERT_TRUE(sink.has_value());
    log_all(*sink);
    EXPECT_THAT(log.read(), MatchesRegex("<29>" + std::string(stamp) + tag() + "notice\n"));
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace dunlin::server
