// /debug/vars: the command line, and of Go's memory statistics what has a meaning here.

#include "debug_vars.hpp"

#include <malloc.h>

namespace dunlin::monitoring {
namespace {

HeapNumbers heap_now() {
  const auto now = ::mallinfo2();
  return {now.uordblks + now.hblkhd, now.arena + now.hblkhd};
}

}  // namespace

// Laid out as Go's expvar does: a line for each variable, each compact.
std::string debug_vars_text(std::span<const dunlin_str> cmdline, const HeapNumbers& heap) {
  JsonWriter arguments(JsonWriter::Layout::compact);
  arguments.begin_array();
  for (const auto& argument : cmdline) arguments.value(text_of(argument));
  arguments.end_array();
  JsonWriter memory(JsonWriter::Layout::compact);
  memory.begin_object();
  memory.field("Alloc", heap.used_bytes);
  memory.field("Sys", heap.held_bytes);
  memory.field("HeapAlloc", heap.used_bytes);
  memory.field("HeapSys", heap.held_bytes);
  memory.field("HeapIdle", heap.held_bytes - heap.used_bytes);
  memory.field("HeapInuse", heap.used_bytes);
  memory.field("NumGC", 0);
  memory.end_object();
  return "{\n\"cmdline\": " + arguments.take() + ",\n\"memstats\": " + memory.take() + "\n}\n";
}

void serve_debug_vars(Context& context, const Query&, Exchange exchange) {
  const auto asked = context.observe.server(
      [to = std::move(exchange)](dunlin_status status, dunlin::Snapshot snapshot) mutable {
        if (status != DUNLIN_OK || snapshot.server() == nullptr) return;
        const auto& server = *snapshot.server();
        std::span<const dunlin_str> cmdline;
        if (tells_all(server)) cmdline = {server.cmdline, server.cmdline_count};
        to.respond(200, "application/json; charset=utf-8", debug_vars_text(cmdline, heap_now()));
      });
  if (!asked) context.log.error("/debug/vars: {}", asked.error());
}

}  // namespace dunlin::monitoring
