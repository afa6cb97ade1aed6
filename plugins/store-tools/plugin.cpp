// The plugin store-tools: offers the command "store".

#include <dunlin/plugin.hpp>

#include "plugins/store-tools/command.hpp"

namespace dunlin::store_tools {
namespace {

class Plugin {
 public:
  explicit Plugin(Host host) : host_(host) {
    table_.struct_size = sizeof table_;
    table_.name = "store";
    table_.summary = "Verifies, shows, exports and imports stores";
    table_.usage = usage_text;
    table_.run = [](void* self, const dunlin_str* args, std::size_t n,
                    dunlin_command_output output, void* user) noexcept -> std::int32_t {
      return static_cast<Plugin*>(self)->run(args, n, Output(output, user));
    };
  }

  result<> start() {
    return host_.get<Registry>().offer(DUNLIN_EXT_COMMAND ":store", &table_, this);
  }

 private:
  std::int32_t run(const dunlin_str* args, std::size_t n, const Output& output) noexcept {
    try {
      std::vector<std::string> words;
      for (std::size_t i = 0; i < n; ++i) words.emplace_back(detail::view(args[i]));
      return run_store_command({host_.get<Registry>(), host_.get<Fs>(), output}, words);
    } catch (const std::exception& exception) {
      output.message(std::string("dunlin-server store: ") + exception.what());
      return DUNLIN_COMMAND_USAGE;
    }
  }

  Host host_;
  dunlin_command table_{};
};

}  // namespace
}  // namespace dunlin::store_tools

DUNLIN_PLUGIN(store_tools, dunlin::store_tools::Plugin,
              dunlin::Describe{.id = "store-tools",
                               .version = "0.1.0",
                               .summary = "Verifies, shows, exports and imports stores",
                               .license = "Apache-2.0",
                               .provides = {DUNLIN_EXT_COMMAND ":store"},
                               .needs = {dunlin::want(DUNLIN_EXT_STORAGE)}});
