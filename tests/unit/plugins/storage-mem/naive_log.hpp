// A log that answers every question by looking at all records: what LogData is compared with.

#pragma once

#include <dunlin/ext/storage.h>
#include <dunlin/subject.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dunlin::storage_mem::test {

struct NaiveRecord {
  std::int64_t time_ns = 0, expires_ns = 0, due_ns = 0;
  std::string subject, header, payload;
  bool operator==(const NaiveRecord&) const = default;
};

using Filters = std::vector<std::string>;
using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

struct NaiveLog {
  std::map<std::uint64_t, NaiveRecord> live;
  std::uint64_t last = 0;

  static bool matches(const Filters& filters, const std::string& subject) {
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const auto& filter) {
             return subject_matches(filter, subject);
           });
  }
  [[nodiscard]] std::uint64_t first() const {
    return live.empty() ? last + 1 : live.begin()->first;
  }
  [[nodiscard]] std::vector<std::uint64_t> matching(std::uint64_t from, std::uint64_t to,
                                                    const Filters& filters) const {
    std::vector<std::uint64_t> found;
    for (const auto& [seq, record] : live) {
      if (seq >= from && seq <= to && matches(filters, record.subject)) found.push_back(seq);
    }
    return found;
  }
  [[nodiscard]] std::map<std::string, dunlin_span> spans(const Filters& filters,
                                                         std::uint64_t from,
                                                         std::uint64_t to) const {
    std::map<std::string, dunlin_span> found;
    for (const auto seq : matching(from, to, filters)) {
      auto& span = found[live.at(seq).subject];
      if (span.count++ == 0) span.first = seq;
      span.last = seq;
    }
    return found;
  }
  [[nodiscard]] Runs gaps(std::uint64_t from, std::uint64_t to) const {
    Runs runs;
    if (live.empty()) return runs;
    for (auto seq = std::max(from, first()); seq <= std::min(to, last); ++seq) {
      if (live.count(seq) != 0) continue;
      if (!runs.empty() && runs.back().second + 1 == seq) {
        runs.back().second = seq;
      } else {
        runs.emplace_back(seq, seq);
      }
    }
    return runs;
  }
  std::uint64_t purge(const std::string& filter, std::uint64_t below, std::uint64_t keep) {
    auto chosen = below == 0 ? std::vector<std::uint64_t>()
                             : matching(0, below - 1, filter.empty() ? Filters{} : Filters{filter});
    chosen.resize(chosen.size() - std::min<std::uint64_t>(keep, chosen.size()));
    for (const auto seq : chosen) live.erase(seq);
    if (filter.empty() && below != UINT64_MAX && below > last + 1) last = below - 1;
    return chosen.size();
  }
  std::uint64_t truncate(std::uint64_t to) {
    if (to >= last) return 0;
    std::uint64_t removed = 0;
    while (!live.empty() && live.rbegin()->first > to) {
      live.erase(std::prev(live.end()));
      ++removed;
    }
    last = to;
    return removed;
  }
};

}  // namespace dunlin::storage_mem::test
