// The reference of every option, written from the option table as Markdown.

#pragma once

#include <string>

namespace dunlin::config {

[[nodiscard]] std::string reference_doc();

}  // namespace dunlin::config
