#include "plugins/storage-mem/log_queries.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace dunlin::storage_mem {
namespace {

Error no_subjects() { return fail(DUNLIN_E_UNSUPPORTED, "the log keeps no subjects"); }

std::string_view text(dunlin_str value) noexcept { return {value.data, value.size}; }

// Each subject that matches any of the filters, or all when there is none.
template <class Visit>
void each_subject(const LogData& log, std::span<const dunlin_str> filters, Visit&& visit) {
  const auto visit_live = [&](SubjectTable::Id subject) {
    const auto& entry = log.table()[subject];
    if (entry.count != 0) visit(entry);
    return true;
  };
  if (filters.empty()) {
    log.table().each({}, {}, visit_live);
  } else {
    log.table().each(filters, visit_live);
  }
}

void widen(dunlin_span& span, std::uint64_t count, std::uint64_t first, std::uint64_t last) {
  if (span.count == 0 || first < span.first) span.first = first;
  if (span.count == 0 || last > span.last) span.last = last;
  span.count += count;
}

}  // namespace

result<dunlin_span> count(const LogData& log, const dunlin_count& query) {
  const bool is_last_only = (query.flags & DUNLIN_COUNT_LAST) != 0;
  dunlin_span span{};
  if (query.filter_count == 0 && !is_last_only) {
    const auto& records = log.records();
    span.count = records.count_from(query.from);
    if (span.count == 0) return span;
    span.first = records.at(*records.at_or_above(query.from)).seq;
    span.last = records.at(*records.at_or_below(log.last_seq())).seq;
    return span;
  }
  if (!log.has_subjects()) return no_subjects();
  each_subject(log, {query.filters, query.filter_count}, [&](const SubjectTable::Entry& entry) {
    if (entry.last < query.from) return;
    if (is_last_only) {
      widen(span, 1, entry.last, entry.last);
    } else {
      widen(span, log.lists().count_from(entry, query.from),
            log.lists().at_or_above(entry, query.from), entry.last);
    }
  });
  return span;
}

result<> subjects(const LogData& log, const dunlin_subjects& query) {
  if (!log.has_subjects()) return no_subjects();
  std::uint64_t visits = 0;
  log.table().each(text(query.filter), text(query.after), [&](SubjectTable::Id subject) {
    const auto span = log.table().span(subject);
    if (span.count == 0) return true;
    const auto name = log.table().name(subject);
    return query.visit(query.user, {name.data(), name.size()}, &span) && ++visits != query.max;
  });
  return {};
}

result<> spans(const LogData& log, const dunlin_spans& query) {
  if (!log.has_subjects()) return no_subjects();
  for (std::size_t i = 0; i < query.count; ++i) {
    const auto subject = log.table().find(text(query.subjects[i]));
    query.out[i] = subject == SubjectTable::none ? dunlin_span{} : log.table().span(subject);
  }
  return {};
}

result<> last_each(const LogData& log, const dunlin_last_each& query) {
  if (!log.has_subjects()) return no_subjects();
  std::vector<std::uint64_t> found;
  bool is_too_many = false;
  each_subject(log, {query.filters, query.filter_count}, [&](const SubjectTable::Entry& entry) {
    const auto seq = log.lists().at_or_below(entry, query.below);
    if (seq == SequenceLists::none) return;
    is_too_many = is_too_many || (query.max != 0 && found.size() == query.max);
    if (!is_too_many) found.push_back(seq);
  });
  if (is_too_many) return fail(DUNLIN_E_LIMIT, "more subjects match than were asked for");
  std::sort(found.begin(), found.end());
  for (const auto seq : found) {
    if (!query.visit(query.user, seq)) break;
  }
  return {};
}

std::uint64_t seq_at(const LogData& log, std::int64_t time_ns) {
  const auto position = log.records().at_time(time_ns);
  return position ? log.records().at(*position).seq : log.last_seq() + 1;
}

result<std::int64_t> due(const LogData& log, const dunlin_due& query) {
  if (query.index != DUNLIN_DUE_EXPIRY && query.index != DUNLIN_DUE_SCHEDULE) {
    return fail(DUNLIN_E_INVALID, "there is no such index");
  }
  const auto& index = log.due_index(query.index == DUNLIN_DUE_EXPIRY);
  std::uint64_t visits = 0;
  std::int64_t next = index.next_ns(query.now_ns);
  index.each_due(query.now_ns, [&](const DueIndex::Item& item) {
    if (query.max != 0 && visits == query.max) {
      next = item.at_ns;
      return false;
    }
    dunlin_due_item out{item.seq, item.at_ns, {}};
    if (log.has_subjects()) {
      const auto position = log.records().find(item.seq);
      const auto name = log.table().name(log.records().at(*position).head->subject);
      out.subject = {name.data(), name.size()};
    }
    ++visits;
    if (query.visit(query.user, &out)) return true;
    next = item.at_ns;
    return false;
  });
  return next;
}

void gaps(const LogData& log, std::uint64_t from, std::uint64_t to,
          bool (*visit)(void* user, const dunlin_range* gap), void* user) {
  if (log.records().size() == 0) return;
  log.records().each_gap(std::max(from, log.first_seq()), std::min(to, log.last_seq()),
                         [&](std::uint64_t first, std::uint64_t last) {
                           const dunlin_range gap{first, last - first + 1};
                           return visit(user, &gap);
                         });
}

}  // namespace dunlin::storage_mem
