// store verify: reads everything, and tells an operator what is damaged and what to do.

#include "plugins/store-tools/command.hpp"

namespace dunlin::store_tools {
namespace {

constexpr const char* lost_advice =
    "Lost records cannot be brought back from this directory; the server serves the others, and\n"
    "reports the lost ones. What to do:\n"
    "    a stream with replicas: remove this server's copy, and it is fetched from the others\n"
    "    else: restore the stream from a backup, or keep what is left (store export)\n"
    "    look for the cause: the system log for errors of the disk, a file system check, memory";

struct Tally {
  std::size_t logs = 0, damaged = 0;
  std::uint64_t lost = 0;
};

std::string described(const Damage& damage) {
  std::string text = damage.first == 0
                         ? std::string("    no record is lost: ")
                         : "    lost: " + range_text(damage.first, damage.last) + ": ";
  return text + damage.file + " at byte " + std::to_string(damage.offset) + ": " + damage.text;
}

void verify_log(const Context& context, const Store& store, const std::string& name,
                Tally& tally) {
  ++tally.logs;
  const auto log = open_to_read(context, store, name);
  if (log == nullptr) {
    ++tally.damaged;
    context.output.result(name + ": DAMAGED: it cannot be opened");
    return;
  }
  const auto state = log->state();
  const auto damages = log->verify();
  if (!state || !damages) {
    ++tally.damaged;
    const auto& error = state ? damages.error() : state.error();
    context.output.result(name + ": DAMAGED: it cannot be read through: " + error.text);
    return;
  }
  auto copy = state;
  auto found = damages;
  const auto contents = std::to_string((*copy).records) + " records, last sequence " +
                        std::to_string((*copy).last_seq);
  if ((*found).empty()) {
    context.output.result(name + ": healthy, " + contents);
    return;
  }
  ++tally.damaged;
  context.output.result(name + ": DAMAGED, " + contents);
  for (const Damage& damage : *found) {
    context.output.result(described(damage));
    if (damage.first != 0) tally.lost += damage.last - damage.first + 1;
  }
}

}  // namespace

int verify(const Context& context, const Arguments& arguments) {
  const auto dir = absolute_path(arguments.places[0]);
  const auto store = open_store(context, arguments, dir, DUNLIN_LOG_READ_ONLY);
  if (store == nullptr) return DUNLIN_COMMAND_USAGE;
  auto logs = store->logs();
  auto items = store->meta("");
  if (!logs || !items) {
    context.output.message("cannot read what is in " + dir + ": " +
                           (logs ? items.error() : logs.error()).text);
    return DUNLIN_COMMAND_USAGE;
  }
  Tally tally;
  for (const std::string& name : *logs) verify_log(context, *store, name, tally);
  context.output.result(dir + ": " + std::to_string(tally.logs) + " logs, " +
                        std::to_string((*items).size()) + " items of metadata; " +
                        (tally.damaged == 0 ? std::string("all healthy")
                                            : std::to_string(tally.damaged) + " logs damaged, " +
                                                  std::to_string(tally.lost) + " records lost"));
  if (tally.damaged == 0) return DUNLIN_COMMAND_DONE;
  if (tally.lost != 0) context.output.message(lost_advice);
  return DUNLIN_COMMAND_FAULT;
}

}  // namespace dunlin::store_tools
