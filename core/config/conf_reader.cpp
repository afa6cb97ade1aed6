#include "core/config/conf_reader.hpp"

#include <filesystem>

#include "core/config/conf_parser.hpp"
#include "core/config/file_text.hpp"

namespace dunlin::config {

result<Map> read_conf_text(std::string_view text, const std::string& file) {
  conf::Session session;
  session.files.insert(std::filesystem::path(file).lexically_normal().string());
  try {
    return conf::Reader(text, file, session).read();
  } catch (const conf::Failure& failure) {
    return fail(failure.text);
  }
}

result<Map> read_conf_file(const std::string& file) {
  const auto text = read_file_text(file);
  if (!text) return text.error();
  return read_conf_text(*text, file);
}

}  // namespace dunlin::config
