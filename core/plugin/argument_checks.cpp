#include "core/plugin/argument_checks.hpp"

#include <dunlin/ext/router.h>

#include <algorithm>

#include "core/subject/subject.hpp"

namespace dunlin::plugin {
namespace {

bool is_plain(std::string_view text) {
  return text.size() <= DUNLIN_SUBJECT_MAX &&
         std::none_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte <= 0x20 || byte == 0x7f;
         });
}

}  // namespace

bool is_publishable(std::string_view subject) noexcept {
  return is_plain(subject) && subject::is_valid_literal_subject(subject);
}

bool is_reply(std::string_view reply) noexcept { return reply.empty() || is_publishable(reply); }

bool is_subscribable(std::string_view subject) noexcept {
  return is_plain(subject) && subject::is_valid_subject(subject);
}

bool is_queue(std::string_view queue) noexcept { return is_plain(queue); }

bool is_header(dunlin_bytes header) noexcept {
  if (header.size == 0) return true;
  if (header.data == nullptr) return false;
  const std::string_view text(reinterpret_cast<const char*>(header.data), header.size);
  return text.starts_with("NATS/1.0") && text.ends_with("\r\n\r\n");
}

}  // namespace dunlin::plugin
