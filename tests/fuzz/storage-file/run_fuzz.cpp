// Runs of subjects. What their checksums let through may still be from a program that was wrong:
// fences and entries of blocks are refused, or they make sense and are written as they were read.

#include <cstdint>

#include "core/base/ensure.hpp"
#include "plugins/storage-file/log/subject_run.hpp"

namespace {

using namespace dunlin::storage_file::engine;

void check_fences(std::span<const std::uint8_t> input) {
  RunFences fences;
  if (!fences.read(input)) return;
  for (std::size_t block = 0; block < fences.size(); ++block) {
    ensure(block == 0 || fences.offset(block) > fences.offset(block - 1));
    ensure(fences.block_of(fences.name(block)) < fences.size());
  }
  if (fences.size() != 0) ensure(fences.block_of({}) < fences.size());
}

void check_entries(std::span<const std::uint8_t> input) {
  RunEntries entries;
  entries.bytes().assign(input.begin(), input.end());
  entries.begin(0);
  std::vector<std::uint8_t> out;
  std::vector<std::pair<std::string, SubjectSpan>> read;
  std::string before;
  for (auto found = entries.next(); found && *found; found = entries.next()) {
    ensure(entries.span().count >= 0 && entries.span().last >= entries.span().first);
    put_run_entry(before, entries.name(), entries.span(), out);
    before = entries.name();
    read.emplace_back(entries.name(), entries.span());
  }
  RunEntries again;
  again.bytes() = out;
  again.begin(0);
  for (const auto& [name, span] : read) {
    auto found = again.next();
    ensure(found && *found && again.name() == name && again.span() == span);
  }
  auto end = again.next();
  ensure(end && !*end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_fences({data, size});
  check_entries({data, size});
  return 0;
}
