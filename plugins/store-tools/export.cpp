// store export: the records of a log, a page at a time. Unreadable ones are told, and passed over.

#include "plugins/store-tools/command.hpp"
#include "plugins/store-tools/record_text.hpp"

namespace dunlin::store_tools {
namespace {

enum class Format { jsonl, raw };

int export_pages(const Context& context, const Log& log, PageQuery query, Format format) {
  int code = DUNLIN_COMMAND_DONE;
  std::string page;
  while (query.from <= query.to) {
    page.clear();
    auto end = log.read(query, [&](const dunlin_record& record) {
      if (format == Format::raw) {
        page += detail::view(record.payload);
      } else {
        page += json_line(record);
        page += '\n';
      }
    });
    context.output.bytes(page);
    if (!end) {
      context.output.message("cannot go on at " + std::to_string(query.from) + ": " +
                             end.error().text);
      return DUNLIN_COMMAND_FAULT;
    }
    if ((*end).is_last) break;
    query.from = (*end).next;
    if ((*end).damage) {
      context.output.message("passed over " + std::to_string((*end).next) + ": " +
                             (*end).damage->text);
      code = DUNLIN_COMMAND_FAULT;
      if (++query.from == 0) break;
    }
  }
  return code;
}

}  // namespace

int export_log(const Context& context, const Arguments& arguments) {
  const auto format = arguments.option("format", "jsonl");
  auto from = read_number(arguments, "from", 1);
  auto to = read_number(arguments, "to", UINT64_MAX);
  if (!from || !to || (format != "jsonl" && format != "raw")) {
    context.output.message(!from  ? from.error().text
                           : !to ? to.error().text
                                  : "--format is jsonl or raw, not " + format);
    return DUNLIN_COMMAND_USAGE;
  }
  const auto store =
      open_store(context, arguments, absolute_path(arguments.places[0]), DUNLIN_LOG_READ_ONLY);
  if (store == nullptr) return DUNLIN_COMMAND_USAGE;
  const auto log = open_to_read(context, *store, arguments.places[1]);
  if (log == nullptr) return DUNLIN_COMMAND_USAGE;
  PageQuery query;
  query.from = *from;
  query.to = *to;
  return export_pages(context, *log, query, format == "raw" ? Format::raw : Format::jsonl);
}

}  // namespace dunlin::store_tools
