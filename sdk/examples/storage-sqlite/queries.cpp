// Questions to a log. Each stands in the queue behind the changes made before it, and is answered
// on the log's thread.
#include <algorithm>

#include "log.hpp"

namespace example {
namespace {

constexpr std::uint64_t rows_of_chunk = 256;

std::int64_t clamped(std::uint64_t seq) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(seq, INT64_MAX));
}

dunlin_span span_of(Statement& row, int column) {
  return {static_cast<std::uint64_t>(row.number(column)),
          static_cast<std::uint64_t>(row.number(column + 1)),
          static_cast<std::uint64_t>(row.number(column + 2))};
}

}  // namespace

// A read on its way: rows are fetched by the worker, a chunk at a time, and visited here.
struct Log::Reading {
  dunlin_read query;
  std::string filters;
  std::vector<std::uint64_t> seqs;
  std::size_t seqs_done = 0;
  bool by_seqs = false, backward = false;
  std::uint64_t from, to;  // what is left
  std::uint64_t bytes = 0;
  std::vector<Row> rows;
  bool more = false;
  dunlin_read_end end{};

  [[nodiscard]] bool enough() const {
    return (query.records_max != 0 && end.visits >= query.records_max) ||
           (query.bytes_max != 0 && bytes >= query.bytes_max);
  }
};

template <class Work, class End>
void Log::ask(Work work, End end) {
  core_->enqueue([this, work = std::move(work), end = std::move(end)](Database& database) {
    using Value = decltype(work(database));
    auto value = std::make_shared<Value>();
    std::shared_ptr<dunlin::Error> error;
    try {
      *value = work(database);
    } catch (const dunlin::Error& thrown) {
      error = std::make_shared<dunlin::Error>(thrown);
    }
    post([end, value, error] { end(error.get(), *value); });
  });
}

namespace {

// Calls a completion of the C table with what `error` says.
template <class Call>
void complete(const dunlin::Error* error, Call&& call) {
  if (error == nullptr) return call(DUNLIN_OK, nullptr);
  auto raw = dunlin::detail::fresh_error();
  const auto status = dunlin::detail::put(&raw, *error);
  call(status, &raw);
}

template <class Reading, class Row>
void fetch(Database& database, std::int64_t log, Reading& reading, std::vector<Row>& rows) {
  const auto take = [&](Statement& found) {
    Row row;
    row.record.seq = static_cast<std::uint64_t>(found.number(0));
    row.record.time_ns = found.number(1);
    row.record.expires_ns = found.number(2);
    row.record.due_ns = found.number(3);
    row.subject = found.bytes(4);
    row.header = found.bytes(5);
    row.payload = found.bytes(6);
    rows.push_back(std::move(row));
  };
  const std::string_view filters = reading.filters;
  if (reading.by_seqs) {
    const auto end = std::min(reading.seqs.size(), reading.seqs_done + rows_of_chunk);
    for (; reading.seqs_done < end; ++reading.seqs_done) {
      auto found = database.sql(
          "SELECT seq, time, expires, due, s.subject, header, payload FROM records r "
          "LEFT JOIN subjects s ON s.id = r.subject "
          "WHERE r.log = ?1 AND seq = ?2 AND matches(?3, s.subject)")
                       .with(log, reading.seqs[reading.seqs_done], filters);
      if (found.step()) take(found);
    }
    reading.more = end < reading.seqs.size();
    return;
  }
  static constexpr const char* texts[] = {
      "SELECT seq, time, expires, due, s.subject, header, payload FROM records r "
      "LEFT JOIN subjects s ON s.id = r.subject "
      "WHERE r.log = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq LIMIT ?4",
      "SELECT seq, time, expires, due, s.subject, header, payload FROM records r "
      "LEFT JOIN subjects s ON s.id = r.subject "
      "WHERE r.log = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC LIMIT ?4",
      "SELECT seq, time, expires, due, s.subject, header, payload FROM records r "
      "JOIN subjects s ON s.id = r.subject "
      "WHERE r.log = ?1 AND seq BETWEEN ?2 AND ?3 AND r.subject IN (SELECT id FROM subjects "
      "WHERE log = ?1 AND matches(?5, subject)) ORDER BY seq LIMIT ?4",
      "SELECT seq, time, expires, due, s.subject, header, payload FROM records r "
      "JOIN subjects s ON s.id = r.subject "
      "WHERE r.log = ?1 AND seq BETWEEN ?2 AND ?3 AND r.subject IN (SELECT id FROM subjects "
      "WHERE log = ?1 AND matches(?5, subject)) ORDER BY seq DESC LIMIT ?4"};
  std::uint64_t limit = rows_of_chunk;
  if (reading.query.records_max != 0) {
    limit = std::min(limit, reading.query.records_max - reading.end.visits);
  }
  const int which = (filters.empty() ? 0 : 2) + (reading.backward ? 1 : 0);
  auto statement = database.sql(texts[which]);
  auto found = filters.empty()
                   ? std::move(statement).with(log, clamped(reading.from), clamped(reading.to),
                                               limit)
                   : std::move(statement).with(log, clamped(reading.from), clamped(reading.to),
                                               limit, filters);
  while (found.step()) take(found);
  reading.more = rows.size() == limit;
}

}  // namespace

dunlin::result<> Log::read(const dunlin_read& query, dunlin_read_end&) {
  if (query.snapshot != 0) return dunlin::unsupported("snapshots");
  if (unreadable_) return dunlin::fail(DUNLIN_E_IO, "the database failed; open the log again");
  const auto reading = std::make_shared<Reading>();
  reading->query = query;
  reading->filters = joined(query.filters, query.filter_count);
  reading->by_seqs = query.seqs != nullptr;
  reading->seqs.assign(query.seqs, query.seqs + (query.seqs == nullptr ? 0 : query.seq_count));
  reading->backward = (query.flags & DUNLIN_READ_BACKWARD) != 0;
  reading->from = query.from;
  reading->to = query.to;
  reading->end.struct_size = sizeof reading->end;
  go_on(reading);
  return dunlin::later();
}

void Log::go_on(std::shared_ptr<Reading> reading) {
  ask(
      [this, reading](Database& database) {
        reading->rows.clear();
        fetch(database, id_, *reading, reading->rows);
        return 0;
      },
      [this, reading](const dunlin::Error* error, int) { deliver(reading, error); });
}

// Visits what was fetched, with the gaps between when they are wanted, and goes on or ends.
void Log::deliver(const std::shared_ptr<Reading>& reading, const dunlin::Error* error) {
  auto& self = *reading;
  auto& end = self.end;
  const auto& query = self.query;
  const auto finish = [&](const dunlin::Error* why) {
    complete(why, [&](dunlin_status status, const dunlin_error* err) {
      query.done(query.user, status, &end, err);
    });
  };
  const bool has_end = !self.more || error != nullptr;
  const auto edge = self.rows.empty() ? 0 : self.rows.back().record.seq;
  if ((query.flags & DUNLIN_READ_GAPS) != 0) {
    const auto low = self.backward && !has_end ? edge : self.from;
    const auto high = !self.backward && !has_end ? edge : self.to;
    const auto between = [](void* rows, const dunlin_range* gap) {
      Row row;
      row.record.seq = gap->first;
      row.record.time_ns = static_cast<std::int64_t>(gap->count);
      row.record.flags = DUNLIN_RECORD_GAP;
      static_cast<std::vector<Row>*>(rows)->push_back(std::move(row));
      return true;
    };
    static_cast<void>(gaps(low, high, between, &self.rows));
    std::sort(self.rows.begin(), self.rows.end(), [&](const Row& a, const Row& b) {
      return self.backward ? a.record.seq > b.record.seq : a.record.seq < b.record.seq;
    });
  }
  const bool bare = (query.flags & DUNLIN_READ_BARE) != 0;
  for (auto& row : self.rows) {
    row.record.subject = dunlin::detail::str(row.subject);
    row.record.header = dunlin::detail::bytes(std::string_view(row.header).substr(
        0, bare ? 0 : row.header.size()));
    row.record.payload = dunlin::detail::bytes(std::string_view(row.payload).substr(
        0, bare ? 0 : row.payload.size()));
    ++end.visits;
    self.bytes += row.subject.size() + row.header.size() + row.payload.size();
    end.next = self.backward ? row.record.seq - 1 : row.record.seq + 1;
    end.why = DUNLIN_READ_STOPPED;
    if (!query.visit(query.user, &row.record)) return finish(nullptr);
    end.why = DUNLIN_READ_LIMIT;
    if (self.enough()) return finish(nullptr);
  }
  if (error != nullptr) {
    // The next live one is what could not be read.
    const auto behind = end.visits == 0 ? self.from : end.next;
    end.next = summary_.live_from(behind);
    // Behind the last of them nothing is lost.
    if (self.backward || end.next <= summary_.last) return finish(error);
  } else if (self.more) {
    (self.backward ? self.to : self.from) = end.next;
    return go_on(reading);
  }
  end.why = DUNLIN_READ_END;
  if (!self.backward) {
    end.next = query.to <= summary_.last ? query.to + 1 : std::max(query.from, summary_.last + 1);
  }
  finish(nullptr);
}

dunlin::result<dunlin_span> Log::count(const dunlin_count& query) {
  const bool last_only = (query.flags & DUNLIN_COUNT_LAST) != 0;
  ask(
      [this, last_only, from = clamped(query.from),
       filters = joined(query.filters, query.filter_count)](Database& database) {
        static constexpr const char* texts[] = {
            "SELECT count(*), min(seq), max(seq) FROM records WHERE log = ?1 AND seq >= ?2 AND "
            "(?3 = x'' OR subject IN (SELECT id FROM subjects WHERE log = ?1 AND "
            "matches(?3, subject)))",
            "SELECT count(*), min(top), max(top) FROM (SELECT (SELECT max(seq) FROM records r "
            "WHERE r.log = ?1 AND r.subject = s.id) AS top FROM subjects s WHERE log = ?1 AND "
            "matches(?3, subject)) WHERE top >= ?2"};
        auto row = database.sql(texts[last_only ? 1 : 0])
                       .with(id_, from, std::string_view(filters));
        row.step();
        return span_of(row, 0);
      },
      [query](const dunlin::Error* error, const dunlin_span& span) {
        complete(error, [&](dunlin_status status, const dunlin_error* err) {
          query.done(query.user, status, &span, err);
        });
      });
  return dunlin::later();
}

namespace {

using NamedSpans = std::vector<std::pair<std::string, dunlin_span>>;

constexpr const char* spans_text =
    "SELECT subject, count, (SELECT min(seq) FROM records r WHERE r.log = ?1 AND r.subject = s.id),"
    " (SELECT max(seq) FROM records r WHERE r.log = ?1 AND r.subject = s.id) FROM subjects s "
    "WHERE log = ?1 AND subject > ?2 AND matches(?3, subject) ORDER BY subject LIMIT ?4";
constexpr const char* span_text =
    "SELECT subject, count, (SELECT min(seq) FROM records r WHERE r.log = ?1 AND r.subject = s.id),"
    " (SELECT max(seq) FROM records r WHERE r.log = ?1 AND r.subject = s.id) FROM subjects s "
    "WHERE log = ?1 AND subject = ?2";

}  // namespace

dunlin::result<> Log::subjects(const dunlin_subjects& query) {
  std::string filter = joined(&query.filter, query.filter.size == 0 ? 0 : 1);
  ask(
      [this, filter = std::move(filter), after = std::string(dunlin::detail::view(query.after)),
       limit = query.max == 0 ? INT64_MAX : clamped(query.max)](Database& database) {
        NamedSpans out;
        auto row = database.sql(spans_text).with(id_, std::string_view(after),
                                                 std::string_view(filter), limit);
        while (row.step()) out.emplace_back(row.bytes(0), span_of(row, 1));
        return out;
      },
      [query](const dunlin::Error* error, const NamedSpans& found) {
        for (const auto& [subject, span] : found) {
          if (!query.visit(query.user, dunlin::detail::str(subject), &span)) break;
        }
        complete(error, [&](dunlin_status status, const dunlin_error* err) {
          query.done(query.user, status, err);
        });
      });
  return dunlin::later();
}

dunlin::result<> Log::spans(const dunlin_spans& query) {
  std::vector<std::string> wanted;
  for (std::size_t i = 0; i < query.count; ++i) {
    wanted.emplace_back(dunlin::detail::view(query.subjects[i]));
  }
  ask(
      [this, wanted = std::move(wanted)](Database& database) {
        std::vector<dunlin_span> out;
        for (const auto& subject : wanted) {
          auto row = database.sql(span_text).with(id_, std::string_view(subject));
          out.push_back(row.step() ? span_of(row, 1) : dunlin_span{});
        }
        return out;
      },
      [query](const dunlin::Error* error, const std::vector<dunlin_span>& found) {
        std::copy(found.begin(), found.end(), query.out);
        complete(error, [&](dunlin_status status, const dunlin_error* err) {
          query.done(query.user, status, err);
        });
      });
  return dunlin::later();
}

dunlin::result<> Log::last_each(const dunlin_last_each& query) {
  ask(
      [this, below = clamped(query.below), max = query.max,
       filters = joined(query.filters, query.filter_count)](Database& database) {
        std::vector<std::uint64_t> out;
        auto row = database.sql(
            "SELECT top FROM (SELECT (SELECT max(seq) FROM records r WHERE r.log = ?1 AND "
            "r.subject = s.id AND seq <= ?2) AS top FROM subjects s WHERE log = ?1 AND "
            "matches(?3, subject)) WHERE top IS NOT NULL ORDER BY top")
                       .with(id_, below, std::string_view(filters));
        while (row.step()) out.push_back(static_cast<std::uint64_t>(row.number(0)));
        if (max != 0 && out.size() > max) {
          throw dunlin::fail(DUNLIN_E_LIMIT, "more subjects match than were asked for");
        }
        return out;
      },
      [query](const dunlin::Error* error, const std::vector<std::uint64_t>& found) {
        for (const auto seq : found) {
          if (!query.visit(query.user, seq)) break;
        }
        complete(error, [&](dunlin_status status, const dunlin_error* err) {
          query.done(query.user, status, err);
        });
      });
  return dunlin::later();
}

dunlin::result<std::uint64_t> Log::seq_at(const dunlin_seq_at& query) {
  ask(
      [this, time = query.time_ns](Database& database) {
        auto row = database.sql("SELECT seq FROM records WHERE log = ? AND time >= ? "
                                "ORDER BY time, seq LIMIT 1").with(id_, time);
        return row.step() ? static_cast<std::uint64_t>(row.number(0)) : std::uint64_t{0};
      },
      [this, query](const dunlin::Error* error, std::uint64_t seq) {
        complete(error, [&](dunlin_status status, const dunlin_error* err) {
          query.done(query.user, status, seq == 0 ? summary_.last + 1 : seq, err);
        });
      });
  return dunlin::later();
}

namespace {

struct DueFound {
  struct Item {
    std::uint64_t seq;
    std::int64_t at;
    std::string subject;
  };
  std::vector<Item> items;
  std::int64_t next = INT64_MAX;
};

}  // namespace

dunlin::result<std::int64_t> Log::due(const dunlin_due& query) {
  ask(
      [this, expiry = query.index == DUNLIN_DUE_EXPIRY, now = query.now_ns,
       max = query.max](Database& database) {
        DueFound out;
        auto row = database.sql(
            expiry ? "SELECT seq, expires, s.subject FROM records r LEFT JOIN subjects s "
                     "ON s.id = r.subject WHERE r.log = ? AND expires <> 0 ORDER BY expires"
                   : "SELECT seq, due, s.subject FROM records r LEFT JOIN subjects s "
                     "ON s.id = r.subject WHERE r.log = ? AND due <> 0 ORDER BY due").with(id_);
        while (row.step()) {
          if (row.number(1) > now || (max != 0 && out.items.size() == max)) {
            out.next = row.number(1);
            break;
          }
          out.items.push_back({static_cast<std::uint64_t>(row.number(0)), row.number(1),
                               std::string(row.bytes(2))});
        }
        return out;
      },
      [query](const dunlin::Error* error, const DueFound& found) {
        for (const auto& one : found.items) {
          const dunlin_due_item item{one.seq, one.at, dunlin::detail::str(one.subject)};
          if (!query.visit(query.user, &item)) break;
        }
        complete(error, [&](dunlin_status status, const dunlin_error* err) {
          query.done(query.user, status, found.next, err);
        });
      });
  return dunlin::later();
}

dunlin::result<> Log::gaps(std::uint64_t from, std::uint64_t to,
                           bool (*visit)(void* user, const dunlin_range* gap), void* user) {
  from = std::max(from, summary_.first);
  to = std::min(to, summary_.last);
  for (const auto& [first, last] : summary_.gaps) {
    if (last < from) continue;
    if (first > to) break;
    const auto begin = std::max(first, from);
    const dunlin_range range{begin, std::min(last, to) - begin + 1};
    if (!visit(user, &range)) break;
  }
  return {};
}

// Reads every live record, and the indexes; a record is damaged when its page is.
dunlin::result<> Log::verify(bool (*visit)(void* user, const dunlin_damage* damage), void* user,
                             dunlin::Completion& done) {
  const auto shared = std::make_shared<dunlin::Completion>(std::move(done));
  ask(
      [this, is = summary_](Database& database) {
        std::vector<std::pair<std::uint64_t, std::uint64_t>> bad;
        auto next = is.first;
        while (next <= is.last) {
          try {
            auto row = database.sql("SELECT seq, length(header) + length(payload) FROM records "
                                    "WHERE log = ? AND seq >= ? ORDER BY seq").with(id_, next);
            while (row.step()) {
              static_cast<void>(row.number(1));
              next = is.live_from(static_cast<std::uint64_t>(row.number(0)) + 1);
            }
            break;
          } catch (const dunlin::Error&) {
            if (bad.empty() || bad.back().second + 1 != next) bad.emplace_back(next, next);
            bad.back().second = next;
            next = is.live_from(next + 1);
          }
        }
        try {
          database.sql("PRAGMA quick_check").run();
        } catch (const dunlin::Error&) {
          if (bad.empty()) bad.emplace_back(0, 0);
        }
        return bad;
      },
      [this, visit, user, shared](
          const dunlin::Error*,
          const std::vector<std::pair<std::uint64_t, std::uint64_t>>& bad) {
        for (const auto& [first, last] : bad) {
          const dunlin_damage damage{first, last, dunlin::detail::str(core_->path()), 0,
                                     dunlin::detail::str("a page of the database is damaged")};
          if (!visit(user, &damage)) break;
        }
        shared->succeed();
      });
  return {};
}

}  // namespace example
