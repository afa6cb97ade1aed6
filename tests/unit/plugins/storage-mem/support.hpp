// Questions to a LogData with their answers as plain containers.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "plugins/storage-mem/log_queries.hpp"
#include "tests/unit/plugins/storage-mem/naive_log.hpp"

namespace dunlin::storage_mem::test {

inline std::vector<dunlin_str> strs(const Filters& filters) {
  std::vector<dunlin_str> out;
  for (const auto& filter : filters) out.push_back(detail::str(filter));
  return out;
}

inline dunlin_record raw(std::uint64_t seq, const NaiveRecord& record) {
  return {seq,
          record.time_ns,
          record.expires_ns,
          record.due_ns,
          detail::str(record.subject),
          detail::bytes(record.header),
          detail::bytes(record.payload),
          0,
          0};
}

inline result<> append(LogData& log, std::uint64_t seq, const NaiveRecord& record) {
  const auto one = raw(seq, record);
  std::size_t accepted = 0;
  return log.append({&one, 1}, accepted, {});
}

struct ReadBack {
  std::vector<std::pair<std::uint64_t, NaiveRecord>> records;
  Runs gaps;
  dunlin_read_end end{};
  [[nodiscard]] std::vector<std::uint64_t> seqs() const {
    std::vector<std::uint64_t> out;
    for (const auto& [seq, record] : records) out.push_back(seq);
    return out;
  }
};

struct Ask {
  std::uint64_t from = 0, to = UINT64_MAX;
  Filters filters = {};
  std::uint32_t flags = 0;
  std::uint64_t records_max = 0, bytes_max = 0, snapshot = 0;
  std::vector<std::uint64_t> seqs = {};
};

inline ReadBack read_back(const LogData& log, const Ask& ask) {
  ReadBack out;
  const auto filters = strs(ask.filters);
  dunlin_read query{};
  query.struct_size = sizeof query;
  query.flags = ask.flags;
  query.from = ask.from;
  query.to = ask.to;
  query.filters = filters.data();
  query.filter_count = filters.size();
  query.seqs = ask.seqs.empty() ? nullptr : ask.seqs.data();
  query.seq_count = ask.seqs.size();
  query.records_max = ask.records_max;
  query.bytes_max = ask.bytes_max;
  query.snapshot = ask.snapshot;
  query.user = &out;
  query.visit = [](void* user, const dunlin_record* record) {
    auto& back = *static_cast<ReadBack*>(user);
    if ((record->flags & DUNLIN_RECORD_GAP) != 0) {
      const auto length = static_cast<std::uint64_t>(record->time_ns);
      back.gaps.emplace_back(record->seq, record->seq + length - 1);
      return true;
    }
    back.records.emplace_back(
        record->seq, NaiveRecord{record->time_ns, record->expires_ns, record->due_ns,
                                 std::string(detail::view(record->subject)),
                                 std::string(detail::view(record->header)),
                                 std::string(detail::view(record->payload))});
    return true;
  };
  const auto outcome = read(log, query, out.end);
  EXPECT_TRUE(outcome) << outcome.error().text;
  return out;
}

}  // namespace dunlin::storage_mem::test
