// The questions of ext/storage.h to a log in memory. All are answered at once; `done` of a query is
// never called. Nothing here changes the log.

#pragma once

#include <dunlin/ext/storage.h>
#include <dunlin/result.hpp>

#include <cstdint>

#include "plugins/storage-mem/log_data.hpp"

namespace dunlin::storage_mem {

result<> read(const LogData& log, const dunlin_read& query, dunlin_read_end& end);
result<dunlin_span> count(const LogData& log, const dunlin_count& query);
result<> subjects(const LogData& log, const dunlin_subjects& query);
result<> spans(const LogData& log, const dunlin_spans& query);
result<> last_each(const LogData& log, const dunlin_last_each& query);
std::uint64_t seq_at(const LogData& log, std::int64_t time_ns);
result<std::int64_t> due(const LogData& log, const dunlin_due& query);
void gaps(const LogData& log, std::uint64_t from, std::uint64_t to,
          bool (*visit)(void* user, const dunlin_range* gap), void* user);

}  // namespace dunlin::storage_mem
