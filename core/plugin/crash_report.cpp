#include "core/plugin/crash_report.hpp"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dunlin::plugin {
namespace {

constexpr std::size_t ranges_max = 64;
constexpr std::size_t name_max = 64;
constexpr std::size_t handler_stack_size = 64 * 1024;

struct Range {
  std::uintptr_t begin, end;
  char id[name_max + 1];
};

// Entries below the count are complete and never change again.
Range ranges[ranges_max];
std::atomic<std::size_t> range_count{0};
std::atomic<const char*> current_plugin{nullptr};
alignas(16) char handler_stack[handler_stack_size];

std::uintptr_t program_counter(const void* context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<std::uintptr_t>(machine.pc);
#elif defined(__riscv)
  return static_cast<std::uintptr_t>(machine.__gregs[REG_PC]);
#endif
}

const char* plugin_at(std::uintptr_t address) noexcept {
  const auto count = range_count.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    if (address >= ranges[i].begin && address < ranges[i].end) return ranges[i].id;
  }
  return nullptr;
}

void put(const char* text) noexcept {
  auto rest = std::strlen(text);
  while (rest > 0) {
    const auto written = ::write(STDERR_FILENO, text, rest);
    if (written <= 0) return;
    text += written;
    rest -= static_cast<std::size_t>(written);
  }
}

void put_hexadecimal(std::uintptr_t value) noexcept {
  char text[2 + 2 * sizeof value + 1];
  auto* at = text + sizeof text;
  *--at = '\0';
  do {
    *--at = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value != 0);
  *--at = 'x';
  *--at = '0';
  put(at);
}

const char* name_of(int signal) noexcept {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGFPE: return "SIGFPE";
    default: return "SIGABRT";
  }
}

void handle(int signal, siginfo_t*, void* context) {
  const auto address = program_counter(context);
  const char* plugin = plugin_at(address);
  put("fatal: ");
  put(name_of(signal));
  put(" at ");
  put_hexadecimal(address);
  if (plugin != nullptr) {
    put(" in the code of plugin ");
    put(plugin);
  } else if (const char* running = current_plugin.load()) {
    put(" while plugin ");
    put(running);
    put(" was running");
  }
  put("\n");
  // SA_RESETHAND put the default back: the signal kills the process once this returns.
  ::raise(signal);
}

struct Search {
  std::uintptr_t inside;
  std::uintptr_t begin = 0, end = 0;
};

// Finds the library one of whose segments holds the address, and that library's whole extent.
int find_library(dl_phdr_info* info, std::size_t, void* opaque) {
  auto& search = *static_cast<Search*>(opaque);
  std::uintptr_t begin = UINTPTR_MAX;
  std::uintptr_t end = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const auto from = info->dlpi_addr + segment.p_vaddr;
    begin = begin < from ? begin : from;
    end = end > from + segment.p_memsz ? end : from + segment.p_memsz;
  }
  if (search.inside < begin || search.inside >= end) return 0;
  search.begin = begin;
  search.end = end;
  return 1;
}

}  // namespace

void install_crash_report() noexcept {
  stack_t stack{};
  stack.ss_sp = handler_stack;
  stack.ss_size = sizeof handler_stack;
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
    ::sigaction(signal, &action, nullptr);
  }
}

void add_code_range(const std::string& id, const void* inside) {
  Search search{reinterpret_cast<std::uintptr_t>(inside)};
  const auto count = range_count.load();
  if (count == ranges_max || ::dl_iterate_phdr(find_library, &search) == 0) return;
  auto& range = ranges[count];
  range.begin = search.begin;
  range.end = search.end;
  id.copy(range.id, name_max);
  range_count.store(count + 1, std::memory_order_release);
}

void set_current_plugin(const char* id) noexcept { current_plugin.store(id); }

}  // namespace dunlin::plugin
