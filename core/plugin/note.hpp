// The plugin note: the descriptor repeated as text in the section .dunlin.plugin, so that a file
// can be judged before any of its code runs. Written by the declaring macros of dunlin/abi.h:
//
//     dunlin-plugin-note 1
//     id com.example.audit
//     version 1.0.0
//     built 0.1
//     needed 0.1
//     flags 0
//     build 0.1.0-5f2c...
//     provides com.example.audit/1
//     need jetstream/1
//     want com.example.geo/1
//     end

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::plugin {

struct Need {
  std::string capability;
  bool optional = false;
  bool operator==(const Need&) const = default;
};

// What a note says, and what the descriptor must say again.
struct Identity {
  std::string id, version;
  std::uint32_t built = 0, needed = 0;  // DUNLIN_ABI_MAKE(major, minor)
  std::uint32_t flags = 0;
  std::string build;
  std::vector<std::string> provides;
  std::vector<Need> needs;
};

// Fails with a fragment such as "its plugin note has no id", to be put behind a file name.
result<Identity> parse_note(std::string_view text);

// "[a-z0-9-]+" with dots between the parts of a reverse domain, at most 64 bytes.
[[nodiscard]] bool is_plugin_id(std::string_view id) noexcept;
// "name/revision" or "name/revision:word".
[[nodiscard]] bool is_capability(std::string_view capability) noexcept;

}  // namespace dunlin::plugin
