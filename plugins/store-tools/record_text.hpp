// Records and times as text, for export and inspect. Pure.

#pragma once

#include <dunlin/ext/storage.h>

#include <string>
#include <string_view>

namespace dunlin::store_tools {

// "2026-11-21T16:08:00.000000001Z"; nanoseconds since 1970.
[[nodiscard]] std::string time_text(std::int64_t time_ns);

// With its quotes. What is not UTF-8 is replaced.
[[nodiscard]] std::string json_string(std::string_view text);
// UTF-8 without control characters?
[[nodiscard]] bool is_plain_text(std::string_view text);
[[nodiscard]] std::string base64(std::string_view bytes);

// One line of JSON, without its end:
//   {"seq":1,"time":"...","subject":"a","headers":"<base64>","data":"<base64>"}
// "headers" is there when the record has some; "expires" and "due" when they are set.
[[nodiscard]] std::string json_line(const dunlin_record& record);

}  // namespace dunlin::store_tools
