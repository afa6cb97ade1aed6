// store inspect: what is there, without reading records.

#include "plugins/store-tools/command.hpp"
#include "plugins/store-tools/record_text.hpp"

namespace dunlin::store_tools {
namespace {

void show(const Context& context, const char* what, const std::string& value) {
  std::string line = "    ";
  line += what;
  line.resize(24, ' ');
  context.output.result(line + value);
}

int inspect_log(const Context& context, const Store& store, const std::string& name) {
  const auto log = open_to_read(context, store, name);
  if (log == nullptr) return DUNLIN_COMMAND_USAGE;
  auto state = log->state();
  if (!state) {
    context.output.message(state.error().text);
    return DUNLIN_COMMAND_USAGE;
  }
  const dunlin_log_state& now = *state;
  context.output.result(name);
  show(context, "records", std::to_string(now.records));
  show(context, "bytes", std::to_string(now.bytes));
  show(context, "subjects", std::to_string(now.subjects));
  show(context, "first sequence", std::to_string(now.first_seq));
  show(context, "last sequence", std::to_string(now.last_seq));
  if (now.records != 0) show(context, "first time", time_text(now.first_time_ns));
  if (now.last_time_ns != 0) show(context, "last time", time_text(now.last_time_ns));
  show(context, "deleted between", std::to_string(now.deleted));
  show(context, "known to be damaged", std::to_string(now.damaged));
  show(context, "bytes on the disk", std::to_string(now.disk_bytes));
  return now.damaged == 0 ? DUNLIN_COMMAND_DONE : DUNLIN_COMMAND_FAULT;
}

int inspect_store(const Context& context, const Store& store) {
  auto logs = store.logs();
  auto items = store.meta("");
  if (!logs || !items) {
    context.output.message((logs ? items.error() : logs.error()).text);
    return DUNLIN_COMMAND_USAGE;
  }
  int code = DUNLIN_COMMAND_DONE;
  for (const std::string& name : *logs) code = std::max(code, inspect_log(context, store, name));
  if (!(*items).empty()) context.output.result("metadata");
  for (const Store::Item& item : *items)
    context.output.result("    " + item.path + ": " + std::to_string(item.blob.size()) + " bytes");
  if ((*logs).empty() && (*items).empty()) context.output.result("the store is empty");
  return code;
}

// Text as it is, other bytes in base64.
int show_meta(const Context& context, const Store& store, const std::string& prefix) {
  auto items = store.meta(prefix);
  if (!items) {
    context.output.message(items.error().text);
    return DUNLIN_COMMAND_USAGE;
  }
  for (const Store::Item& item : *items) {
    const bool is_text = is_plain_text(item.blob);
    context.output.result(item.path + (is_text ? " " : " base64 ") +
                          (is_text ? item.blob : base64(item.blob)));
  }
  return DUNLIN_COMMAND_DONE;
}

}  // namespace

int inspect(const Context& context, const Arguments& arguments) {
  const auto store =
      open_store(context, arguments, absolute_path(arguments.places[0]), DUNLIN_LOG_READ_ONLY);
  if (store == nullptr) return DUNLIN_COMMAND_USAGE;
  if (arguments.options.contains("meta"))
    return show_meta(context, *store, arguments.option("meta", ""));
  if (arguments.places.size() == 2) return inspect_log(context, *store, arguments.places[1]);
  return inspect_store(context, *store);
}

}  // namespace dunlin::store_tools
