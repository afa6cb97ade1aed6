// What hashing a subject costs, by its length.

#include <benchmark/benchmark.h>

#include <string>

#include "core/base/hash.hpp"

namespace {

void hash_subject(benchmark::State& state) {
  const std::string subject(static_cast<std::size_t>(state.range(0)), 's');
  for (auto _ : state) benchmark::DoNotOptimize(dunlin::hash_bytes(subject));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

BENCHMARK(hash_subject)->Arg(8)->Arg(16)->Arg(32)->Arg(64)->Arg(256);

}  // namespace
