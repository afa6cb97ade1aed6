// A cursor-free reader: every structure is copied out of the file by read_at(), which checks
// bounds; tables are walked with limits on their element counts.

#include "core/plugin/elf_reader.hpp"

#include <dunlin/abi.h>
#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <optional>

namespace dunlin::plugin {
namespace {

// Far above what a plugin has; they bound the work a hostile file can cause.
constexpr std::uint64_t sections_max = 65'536;
constexpr std::uint64_t segments_max = 1'024;
constexpr std::uint64_t dynamic_max = 4'096;
constexpr std::uint64_t symbols_max = 1'000'000;
constexpr std::uint64_t text_max = 4'096;
constexpr std::uint64_t note_max = 65'536;

using Bytes = std::span<const std::uint8_t>;

template <class T>
std::optional<T> read_at(Bytes file, std::uint64_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

// offset + index * size without overflow; a result outside of the file is refused by read_at.
std::uint64_t element(std::uint64_t offset, std::uint64_t index, std::uint64_t size) {
  std::uint64_t distance = 0;
  std::uint64_t sum = 0;
  if (__builtin_mul_overflow(index, size, &distance) ||
      __builtin_add_overflow(offset, distance, &sum)) {
    return ~std::uint64_t{0};
  }
  return sum;
}

// The text at `offset`, ended by NUL within the file and within text_max.
std::optional<std::string> text_at(Bytes file, std::uint64_t offset) {
  if (offset >= file.size()) return std::nullopt;
  const auto rest = file.subspan(offset);
  const auto limit = rest.size() < text_max ? rest.size() : text_max;
  const void* end = std::memchr(rest.data(), 0, limit);
  if (end == nullptr) return std::nullopt;
  const auto size = static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - rest.data());
  return std::string(reinterpret_cast<const char*>(rest.data()), size);
}

class Reader {
 public:
  explicit Reader(Bytes file) : file_(file) {}

  result<ElfFacts> read() {
    if (auto ok = read_header(); !ok) return ok.error();
    // A file for another machine is reported as such, before its contents are judged.
    if (facts_.machine != own_machine()) return std::move(facts_);
    if (auto ok = read_segments(); !ok) return ok.error();
    if (auto ok = read_sections(); !ok) return ok.error();
    return std::move(facts_);
  }

 private:
  result<> read_header() {
    if (file_.size() < SELFMAG || std::memcmp(file_.data(), ELFMAG, SELFMAG) != 0) {
      return fail("it is not an ELF file");
    }
    if (file_.size() < sizeof(Elf64_Ehdr)) return fail("it is truncated in its ELF header");
    header_ = *read_at<Elf64_Ehdr>(file_, 0);
    if (header_.e_ident[EI_DATA] != ELFDATA2LSB) {
      facts_.machine = static_cast<std::uint16_t>(header_.e_machine << 8 | header_.e_machine >> 8);
      return facts_.machine == own_machine() ? result<>(fail("it has another byte order"))
                                             : result<>();
    }
    facts_.machine = header_.e_machine;
    if (facts_.machine != own_machine()) return {};
    if (header_.e_ident[EI_CLASS] != ELFCLASS64) return fail("it is not a 64-bit ELF file");
    if (header_.e_type != ET_DYN) return fail("it is not a shared object");
    return {};
  }

  result<> read_segments() {
    if (header_.e_phnum > segments_max) return fail("it has too many program headers");
    std::optional<Elf64_Phdr> dynamic;
    for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
      const auto at = element(header_.e_phoff, i, sizeof(Elf64_Phdr));
      const auto segment = read_at<Elf64_Phdr>(file_, at);
      if (!segment) return fail("it is truncated in its program headers");
      if (segment->p_type == PT_DYNAMIC) dynamic = *segment;
      if (segment->p_type != PT_LOAD) continue;
      if (segment->p_offset > file_.size() ||
          file_.size() - segment->p_offset < segment->p_filesz) {
        return fail("it is truncated: a segment reaches behind the end of the file");
      }
      loads_.push_back(*segment);
    }
    if (!dynamic) return fail("it has no dynamic section");
    return read_dynamic(dynamic->p_offset);
  }

  // The file offset of what is loaded at `address`.
  std::optional<std::uint64_t> offset_of(std::uint64_t address) const {
    for (const auto& load : loads_) {
      if (address >= load.p_vaddr && address - load.p_vaddr < load.p_filesz) {
        return load.p_offset + (address - load.p_vaddr);
      }
    }
    return std::nullopt;
  }

  result<> read_dynamic(std::uint64_t offset) {
    std::vector<std::uint64_t> needed;
    std::vector<std::uint64_t> paths;
    std::optional<std::uint64_t> texts;
    for (std::uint64_t i = 0;; ++i) {
      if (i == dynamic_max) return fail("its dynamic section has no end");
      const auto entry = read_at<Elf64_Dyn>(file_, element(offset, i, sizeof(Elf64_Dyn)));
      if (!entry) return fail("it is truncated in its dynamic section");
      if (entry->d_tag == DT_NULL) break;
      if (entry->d_tag == DT_NEEDED) needed.push_back(entry->d_un.d_val);
      if (entry->d_tag == DT_RPATH || entry->d_tag == DT_RUNPATH) {
        paths.push_back(entry->d_un.d_val);
      }
      if (entry->d_tag == DT_STRTAB) texts = offset_of(entry->d_un.d_ptr);
    }
    if (auto ok = read_texts(needed, texts, facts_.needed); !ok) return ok;
    return read_texts(paths, texts, facts_.rpath);
  }

  result<> read_texts(const std::vector<std::uint64_t>& places, std::optional<std::uint64_t> base,
                      std::vector<std::string>& out) const {
    for (const auto place : places) {
      if (!base) return fail("its dynamic section has no string table");
      const auto text = text_at(file_, element(*base, place, 1));
      if (!text) return fail("its dynamic section names a string outside of the file");
      out.push_back(*text);
    }
    return {};
  }

  result<> read_sections() {
    if (header_.e_shoff == 0 || header_.e_shnum == 0) return {};
    if (header_.e_shnum > sections_max) return fail("it has too many sections");
    const auto names = section(header_.e_shstrndx);
    if (!names) return fail("it is truncated in its section headers");
    for (std::uint64_t i = 0; i < header_.e_shnum; ++i) {
      const auto found = section(i);
      if (!found) return fail("it is truncated in its section headers");
      if (found->sh_type == SHT_DYNSYM) {
        if (auto ok = read_symbols(*found); !ok) return ok;
      }
      if (found->sh_type != SHT_PROGBITS) continue;
      const auto name = text_at(file_, element(names->sh_offset, found->sh_name, 1));
      if (!name || *name != DUNLIN_NOTE_SECTION) continue;
      if (auto ok = read_note(*found); !ok) return ok;
    }
    return {};
  }

  std::optional<Elf64_Shdr> section(std::uint64_t index) const {
    return read_at<Elf64_Shdr>(file_, element(header_.e_shoff, index, sizeof(Elf64_Shdr)));
  }

  result<> read_note(const Elf64_Shdr& found) {
    if (!facts_.note.empty()) return fail("it has more than one plugin note");
    if (found.sh_size > note_max) return fail("its plugin note is too long");
    if (found.sh_offset > file_.size() || file_.size() - found.sh_offset < found.sh_size) {
      return fail("it is truncated in its plugin note");
    }
    facts_.note.assign(reinterpret_cast<const char*>(file_.data() + found.sh_offset),
                       found.sh_size);
    return {};
  }

  result<> read_symbols(const Elf64_Shdr& table) {
    const auto texts = section(table.sh_link);
    if (!texts) return fail("its symbol table has no names");
    const auto count = table.sh_size / sizeof(Elf64_Sym);
    if (count > symbols_max) return fail("it has too many symbols");
    for (std::uint64_t i = 1; i < count; ++i) {
      const auto symbol = read_at<Elf64_Sym>(file_, element(table.sh_offset, i, sizeof(Elf64_Sym)));
      if (!symbol) return fail("it is truncated in its symbol table");
      if (symbol->st_shndx == SHN_UNDEF) continue;
      if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL) continue;
      const auto name = text_at(file_, element(texts->sh_offset, symbol->st_name, 1));
      if (!name) return fail("its symbol table names a string outside of the file");
      facts_.defined.push_back(*name);
    }
    return {};
  }

  Bytes file_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> loads_;
  ElfFacts facts_;
};

}  // namespace

result<ElfFacts> read_elf(std::span<const std::uint8_t> file) { return Reader(file).read(); }

std::uint16_t own_machine() noexcept {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#elif defined(__riscv)
  return EM_RISCV;
#else
#error "add this machine's ELF number"
#endif
}

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "aarch64";
    case EM_386: return "x86";
    case EM_ARM: return "arm";
    case EM_RISCV: return "riscv";
    case EM_PPC64: return "ppc64";
    case EM_S390: return "s390x";
    default: return fmt::format("machine {}", machine);
  }
}

}  // namespace dunlin::plugin
