// Reading records: by sequence, by filter, by a list of sequences.

#include <algorithm>
#include <limits>
#include <vector>

#include "plugins/storage-mem/log_queries.hpp"
#include "plugins/storage-mem/match_walk.hpp"

namespace dunlin::storage_mem {
namespace {

constexpr auto no_bound = std::numeric_limits<std::uint64_t>::max();

std::string_view text(dunlin_str value) noexcept { return {value.data, value.size}; }

class Reader {
 public:
  Reader(const Source& source, const dunlin_read& query, dunlin_read_end& end)
      : source_(source),
        query_(query),
        end_(end),
        filters_(query.filters, query.filter_count),
        low_(query.from),
        high_(std::min(query.to, source.last_seq())) {}

  void run();

 private:
  [[nodiscard]] bool has(std::uint32_t flag) const noexcept { return (query_.flags & flag) != 0; }
  [[nodiscard]] bool is_backward() const noexcept { return has(DUNLIN_READ_BACKWARD); }

  bool read_listed();
  bool read_all();
  bool read_matching();
  // Each answers whether to go on.
  bool give(Records::Position position);
  bool give_gaps(std::uint64_t low, std::uint64_t high);
  bool visit(const dunlin_record& record);
  void finish();
  [[nodiscard]] bool matches(SubjectTable::Id subject);

  const Source source_;
  const dunlin_read& query_;
  dunlin_read_end& end_;
  const std::span<const dunlin_str> filters_;
  // What is not yet read.
  std::uint64_t low_, high_;
  std::uint64_t bytes_ = 0;
  // The last subject that was compared, and whether it matched.
  SubjectTable::Id compared_ = SubjectTable::none;
  bool compared_matches_ = false;
};

void Reader::run() {
  end_.why = DUNLIN_READ_END;
  end_.visits = 0;
  if (query_.seqs != nullptr) {
    if (read_listed()) finish();
    return;
  }
  if (low_ <= high_) {
    const bool is_all = std::any_of(filters_.begin(), filters_.end(), [](dunlin_str filter) {
      return filter.size == 0 || text(filter) == ">";
    });
    if (!(filters_.empty() || is_all ? read_all() : read_matching())) return;
    const auto& records = source_.records();
    const auto first = records.at_or_above(0);
    // Gaps lie behind the first record.
    if (has(DUNLIN_READ_GAPS) && first && low_ <= high_ && !give_gaps(low_, high_)) return;
  }
  finish();
}

void Reader::finish() {
  end_.why = DUNLIN_READ_END;
  if (query_.seqs != nullptr) {
    end_.next = query_.seq_count == 0 ? 0 : query_.seqs[query_.seq_count - 1] + 1;
  } else if (is_backward()) {
    end_.next = query_.from == 0 ? 0 : query_.from - 1;
  } else if (query_.to <= source_.last_seq()) {
    end_.next = query_.to + 1;
  } else {
    end_.next = std::max(query_.from, source_.last_seq() + 1);
  }
}

bool Reader::read_listed() {
  const std::span<const std::uint64_t> seqs(query_.seqs, query_.seq_count);
  const auto& records = source_.records();
  const auto read_one = [&](std::uint64_t seq) {
    if (seq > source_.last_seq()) return true;
    const auto position = records.find(seq);
    if (!position) return true;
    if (!filters_.empty() && !matches(records.at(*position).head->subject)) return true;
    return give(*position);
  };
  if (is_backward()) return std::all_of(seqs.rbegin(), seqs.rend(), read_one);
  return std::all_of(seqs.begin(), seqs.end(), read_one);
}

bool Reader::read_all() {
  const auto& records = source_.records();
  const auto from = low_, to = high_;
  if (is_backward()) {
    for (auto at = records.at_or_below(to); at && records.at(*at).seq >= from;
         at = records.previous(*at)) {
      if (!give(*at)) return false;
    }
    return true;
  }
  for (auto at = records.at_or_above(from); at && records.at(*at).seq <= to;
       at = records.next(*at)) {
    if (!give(*at)) return false;
  }
  return true;
}

// Filters usually match much, and looking at record after record is the cheapest way then. When
// matches are rare, which many records without one show, the subjects lead from one to the next.
bool Reader::read_matching() {
  const auto& records = source_.records();
  const bool is_one_subject = filters_.size() == 1 && is_literal_subject(text(filters_[0]));
  constexpr int patience_max = 256, patience_won = 32;
  int patience = is_one_subject ? 0 : patience_max;
  const auto from = low_, to = high_;
  auto at = is_backward() ? records.at_or_below(to) : records.at_or_above(from);
  auto rest_from = from, rest_to = to;
  while (patience > 0) {
    const auto seq = at ? records.at(*at).seq : 0;
    if (!at || seq > to || seq < from) return true;
    if (matches(records.at(*at).head->subject)) {
      if (!give(*at)) return false;
      patience = std::min(patience + patience_won, patience_max);
    } else {
      --patience;
    }
    (is_backward() ? rest_to : rest_from) = is_backward() ? seq - 1 : seq + 1;
    at = is_backward() ? records.previous(*at) : records.next(*at);
  }
  MatchWalk walk(source_, filters_, rest_from, rest_to, is_backward());
  while (const auto match = walk.next()) {
    if (!give(*match)) return false;
  }
  return true;
}

bool Reader::matches(SubjectTable::Id subject) {
  if (subject == compared_) return compared_matches_;
  const auto name = source_.log.table().name(subject);
  compared_ = subject;
  compared_matches_ = std::any_of(filters_.begin(), filters_.end(), [&](dunlin_str filter) {
    return filter.size == 0 || subject_matches(text(filter), name);
  });
  return compared_matches_;
}

bool Reader::give(Records::Position position) {
  const auto stored = source_.records().at(position);
  if (has(DUNLIN_READ_GAPS) && query_.seqs == nullptr) {
    const bool has_room = is_backward() ? stored.seq < high_ : stored.seq > low_;
    if (has_room && !(is_backward() ? give_gaps(stored.seq + 1, high_)
                                    : give_gaps(low_, stored.seq - 1))) {
      return false;
    }
  }
  (is_backward() ? high_ : low_) = is_backward() ? stored.seq - 1 : stored.seq + 1;
  dunlin_record record{};
  record.seq = stored.seq;
  record.time_ns = stored.head->time_ns;
  record.expires_ns = stored.expires_ns();
  record.due_ns = source_.log.due_of(stored);
  if (source_.log.has_subjects()) {
    const auto subject = source_.log.table().name(stored.head->subject);
    record.subject = {subject.data(), subject.size()};
  }
  if (!has(DUNLIN_READ_BARE)) {
    record.header = {stored.content(), stored.head->header_bytes};
    record.payload = {stored.content() + stored.head->header_bytes, stored.head->payload_bytes};
  }
  bytes_ += record.subject.size + stored.content_bytes();
  return visit(record);
}

// Gaps between two records that are given, in the order of the read.
bool Reader::give_gaps(std::uint64_t low, std::uint64_t high) {
  const auto first = source_.records().at_or_above(0);
  low = std::max(low, first ? source_.records().at(*first).seq : no_bound);
  std::vector<dunlin_range> found;
  source_.records().each_gap(low, high, [&](std::uint64_t begin, std::uint64_t end) {
    found.push_back({begin, end - begin + 1});
    return true;
  });
  if (is_backward()) std::reverse(found.begin(), found.end());
  for (const auto& gap : found) {
    dunlin_record record{};
    record.seq = gap.first;
    record.time_ns = static_cast<std::int64_t>(gap.count);
    record.flags = DUNLIN_RECORD_GAP;
    if (!visit(record)) {
      end_.next = is_backward() ? gap.first - 1 : gap.first + gap.count;
      return false;
    }
  }
  return true;
}

bool Reader::visit(const dunlin_record& record) {
  ++end_.visits;
  end_.next = is_backward() ? record.seq - 1 : record.seq + 1;
  end_.why = DUNLIN_READ_STOPPED;
  if (!query_.visit(query_.user, &record)) return false;
  end_.why = DUNLIN_READ_LIMIT;
  if (query_.records_max != 0 && end_.visits >= query_.records_max) return false;
  return query_.bytes_max == 0 || bytes_ < query_.bytes_max;
}

}  // namespace

result<> read(const LogData& log, const dunlin_read& query, dunlin_read_end& end) {
  if (query.visit == nullptr) return fail(DUNLIN_E_INVALID, "a read needs a visitor");
  if (query.filter_count != 0 && !log.has_subjects()) {
    return fail(DUNLIN_E_UNSUPPORTED, "the log keeps no subjects");
  }
  const Source source{log, query.snapshot != 0 ? log.snapshot(query.snapshot) : nullptr};
  if (query.snapshot != 0 && source.snapshot == nullptr) {
    return fail(DUNLIN_E_NOT_FOUND, "there is no such snapshot");
  }
  Reader(source, query, end).run();
  return {};
}

}  // namespace dunlin::storage_mem
