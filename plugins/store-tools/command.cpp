#include "plugins/store-tools/command.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

namespace dunlin::store_tools {

const char usage_text[] =
    R"(Usage: dunlin-server [-c FILE] store COMMAND ...

    store verify DIR                 Read everything in the store in DIR; tell what is damaged
    store inspect DIR [LOG]          Show what is in the store, or in one of its logs
          --meta PREFIX              Show the metadata whose paths begin so, with its content
    store export DIR LOG             Write the records of a log to standard output
          --from N, --to N           Only these sequences
          --format jsonl|raw         A JSON object a line (default), or payloads alone
    store import GODIR --into DIR    Take over the streams of a stopped nats-server: GODIR is its
                                     store_dir. What is in GODIR stays as it is
          --key-file FILE            What its jetstream.key is, when that encrypts; or the
                                     variable NATS_JETSTREAM_KEY
          --prev-key-file FILE       Its jetstream.prev_key; or NATS_JETSTREAM_PREV_KEY

Options of all:
    --storage WORD                   The storage the store is of (default: file)

Everything but import opens the store to read only. The server that uses it must be stopped. The
settings of the storage, such as its keys, are read from FILE.

Exit codes: 0 all is well; 1 something is damaged, and it is said what; 2 wrong arguments, or the
store cannot be opened.
)";

namespace {

struct Command {
  std::string_view word;
  std::size_t places_min, places_max;
  std::array<std::string_view, 4> options;  // besides --storage
  int (*run)(const Context&, const Arguments&);
};

constexpr Command commands[] = {
    {"verify", 1, 1, {}, verify},
    {"inspect", 1, 2, {"meta"}, inspect},
    {"export", 2, 2, {"from", "to", "format"}, export_log},
    {"import", 1, 1, {"into", "key-file", "prev-key-file"}, import_go_store},
};

const Command* find_command(std::string_view word) {
  const auto* found = std::find_if(std::begin(commands), std::end(commands),
                                   [word](const Command& one) { return one.word == word; });
  return found == std::end(commands) ? nullptr : found;
}

int wrong_usage(const Context& context, const std::string& why) {
  if (!why.empty()) context.output.message("dunlin-server store: " + why);
  context.output.message(usage_text);
  return DUNLIN_COMMAND_USAGE;
}

// What an operator can do about a store that does not open.
std::string advice(const Error& error) {
  if (error.status == DUNLIN_E_AGAIN)
    return "stop the server that uses it, or look at a copy of the directory";
  if (error.status == DUNLIN_E_NOT_FOUND)
    return "name the directory that the storage was given, as the server's log shows it";
  if (error.status == DUNLIN_E_DENIED)
    return "run this as the server's user, and give the server's configuration with -c if the "
           "store is encrypted";
  return {};
}

}  // namespace

std::string Arguments::option(std::string_view name, std::string_view otherwise) const {
  const auto found = options.find(name);
  return found == options.end() ? std::string(otherwise) : found->second;
}

result<Arguments> read_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  if (words.empty()) return fail(DUNLIN_E_INVALID, "");
  arguments.word = words.front();
  const Command* const command = find_command(arguments.word);
  if (command == nullptr)
    return fail(DUNLIN_E_INVALID, "there is no command \"" + arguments.word + "\"");
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with("--")) {
      arguments.places.push_back(words[i]);
      continue;
    }
    auto name = words[i].substr(2);
    const auto equals = name.find('=');
    std::string value;
    if (equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    if (name != "storage" && std::find(command->options.begin(), command->options.end(), name) ==
                                 command->options.end())
      return fail(DUNLIN_E_INVALID, command->word.data() + (" has no option --" + name));
    if (equals == std::string::npos) {
      if (++i == words.size()) return fail(DUNLIN_E_INVALID, "--" + name + " needs a value");
      value = words[i];
    }
    arguments.options[name] = value;
  }
  const auto places = arguments.places.size();
  if (places < command->places_min || places > command->places_max)
    return fail(DUNLIN_E_INVALID, "wrong number of arguments for " + arguments.word);
  return arguments;
}

result<std::uint64_t> read_number(const Arguments& arguments, std::string_view name,
                                  std::uint64_t otherwise) {
  const auto text = arguments.option(name, "");
  if (text.empty()) return otherwise;
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size())
    return fail(DUNLIN_E_INVALID, "--" + std::string(name) + " needs a sequence, not " + text);
  return number;
}

int run_store_command(const Context& context, const std::vector<std::string>& words) {
  if (words.size() == 1 && (words[0] == "--help" || words[0] == "-h" || words[0] == "help")) {
    context.output.result(usage_text);
    return DUNLIN_COMMAND_DONE;
  }
  auto arguments = read_arguments(words);
  if (!arguments) return wrong_usage(context, arguments.error().text);
  return find_command((*arguments).word)->run(context, *arguments);
}

std::string absolute_path(std::string_view path) {
  std::error_code ignored;
  auto absolute = std::filesystem::absolute(path, ignored).lexically_normal();
  if (!absolute.has_filename() && absolute.has_parent_path()) absolute = absolute.parent_path();
  return absolute.string();
}

std::string range_text(std::uint64_t first, std::uint64_t last) {
  if (first == last) return std::to_string(first);
  return std::to_string(first) + " to " + std::to_string(last);
}

std::unique_ptr<Store> open_store(const Context& context, const Arguments& arguments,
                                  const std::string& dir, std::uint32_t flags) {
  const auto kind = arguments.option("storage", "file");
  auto storage = find_storage(context.registry, kind);
  if (!storage) {
    context.output.message(storage.error().text);
    return nullptr;
  }
  if (((*storage).table->features & DUNLIN_STORE_VOLATILE) != 0) {
    context.output.message("the storage \"" + kind + "\" keeps nothing in files");
    return nullptr;
  }
  dunlin_store_options options{};
  options.flags = flags;
  options.dir = {dir.data(), dir.size()};
  auto store = Store::open(*storage, options);
  if (store) return std::move(*store);
  context.output.message("cannot open the store in " + dir + ": " + store.error().text);
  if (const auto what = advice(store.error()); !what.empty())
    context.output.message("    " + what);
  return nullptr;
}

std::unique_ptr<Log> open_to_read(const Context& context, const Store& store,
                                  std::string_view name) {
  dunlin_log_options options{};
  options.flags = DUNLIN_LOG_READ_ONLY;
  auto log = store.open_log(name, options);
  if (log) return std::move(*log);
  context.output.message("cannot open the log " + std::string(name) + ": " + log.error().text);
  return nullptr;
}

}  // namespace dunlin::store_tools
