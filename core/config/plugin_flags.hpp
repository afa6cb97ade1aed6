// Flags of features that plugins bring: -js, --cluster and their like.
//
// They become keys of the feature's section, as if they stood in the file, and win over it. The
// plugin then reads them there. Where no plugin provides the section they are refused in words.

#pragma once

#include "core/base/result.hpp"
#include "core/config/command_line.hpp"
#include "core/config/option_reader.hpp"

namespace dunlin::config {

[[nodiscard]] result<> apply_plugin_flags(const CommandLine& command, Options& options,
                                          const SectionProvided& provided);

}  // namespace dunlin::config
