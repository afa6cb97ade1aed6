// Text as the reference prints it: Go's %q, and strings inside server-produced JSON.
//
// Clients and tools compare these bytes: `-ERR 'Permissions Violation for Publish to "a\"b"'` and
// INFO must come out exactly as a Go server writes them.  [any thread]

#pragma once

#include <string>
#include <string_view>

namespace dunlin::protocol {

// `text` in double quotes, with what is not printable written as an escape sequence: what Go's
// strconv.Quote returns.
[[nodiscard]] std::string go_quote(std::string_view text);

// Appends `text` as a JSON string, quotes included, escaped as Go's encoding/json does it: besides
// what JSON demands also < > & and the two Unicode line separators; invalid UTF-8 becomes \ufffd.
void append_json_string(std::string& out, std::string_view text);

}  // namespace dunlin::protocol
