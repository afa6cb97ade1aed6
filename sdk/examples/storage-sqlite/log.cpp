// Changes of a log; its questions are in queries.cpp.
#include "log.hpp"

#include <algorithm>

namespace example {
namespace {

constexpr std::size_t queued_bytes_max = 8u << 20;

std::size_t size_of(const dunlin_record& record) {
  return record.subject.size + record.header.size + record.payload.size;
}

std::uint64_t counted_size(const dunlin_record& record) {
  return size_of(record) + record_cost + (record.header.size != 0 ? header_cost : 0);
}

}  // namespace

std::string joined(const dunlin_str* filters, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out.append(filters[i].data, filters[i].size).push_back('\0');
  return out;
}

void Summary::add_gap(std::uint64_t from, std::uint64_t to) {
  auto at = gaps.upper_bound(from);
  if (at != gaps.begin() && std::prev(at)->second + 1 >= from) {
    --at;
    from = at->first;
    to = std::max(to, at->second);
    at = gaps.erase(at);
  }
  while (at != gaps.end() && at->first <= to + 1) {
    to = std::max(to, at->second);
    at = gaps.erase(at);
  }
  gaps[from] = to;
}

bool Summary::is_live(std::uint64_t seq) const {
  return seq >= first && seq <= last && live_from(seq) == seq;
}

std::uint64_t Summary::live_from(std::uint64_t seq) const {
  seq = std::max(seq, first);
  const auto at = gaps.upper_bound(seq);
  if (at == gaps.begin() || std::prev(at)->second < seq) return std::min(seq, last + 1);
  return std::min(std::prev(at)->second + 1, last + 1);
}

Log::Log(std::shared_ptr<Core> core, std::string name, const dunlin_log_options& options)
    : core_(std::move(core)), name_(std::move(name)), options_(options) {
  core_->run_all();
  core_->with_database([&](Database& database) {
    auto found = database.sql("SELECT id FROM logs WHERE name = ?").with(std::string_view(name_));
    if (found.step()) {
      id_ = found.number(0);
    } else if ((options.flags & DUNLIN_LOG_CREATE) == 0) {
      throw dunlin::fail(DUNLIN_E_NOT_FOUND, "there is no log " + name_);
    } else {
      const auto last = options.first_seq == 0 ? 0 : options.first_seq - 1;
      database.begin();
      database.sql("INSERT INTO logs(name, first, first_time, last, last_time, records, bytes) "
                   "VALUES(?, ?, 0, ?, 0, 0, 0)")
          .with(std::string_view(name_), last + 1, last)
          .run();
      database.commit();
      auto made = database.sql("SELECT last_insert_rowid()");
      made.step();
      id_ = made.number(0);
    }
    summary_ = load(database);
    durable_ = summary_.last;
  });
  const auto failed = [this](Database& broken) {
    // What was not committed is gone from the table: the log is what it was then.
    std::optional<Summary> before;
    try {
      before = load(broken);
    } catch (const dunlin::Error&) {
      // It cannot be read either, so nothing can until the log is opened again.
    }
    post([this, before = std::move(before)] {
      if (before) summary_ = *before;
      unreadable_ = !before;
      poisoned_ = true;
      tell(DUNLIN_LOG_POISONED);
    });
  };
  core_->watch(this, {failed, [this](bool is_full) {
                        post([this, is_full] {
                          tell(is_full ? DUNLIN_LOG_FULL : DUNLIN_LOG_RESUMED);
                        });
                      }});
}

Log::~Log() { core_->unwatch(this); }

Summary Log::load(Database& database) const {
  Summary out;
  auto row = database.sql("SELECT first, first_time, last, last_time, records, bytes FROM logs "
                          "WHERE id = ?").with(id_);
  row.step();
  out.first = static_cast<std::uint64_t>(row.number(0));
  out.first_time = row.number(1);
  out.last = static_cast<std::uint64_t>(row.number(2));
  out.last_time = row.number(3);
  out.records = static_cast<std::uint64_t>(row.number(4));
  out.bytes = static_cast<std::uint64_t>(row.number(5));
  auto gap = database.sql("SELECT first, last FROM gaps WHERE log = ?").with(id_);
  while (gap.step()) {
    out.add_gap(static_cast<std::uint64_t>(gap.number(0)),
                     static_cast<std::uint64_t>(gap.number(1)));
  }
  if (out.records == 0) out.gaps.clear();
  auto subject = database.sql("SELECT subject, count FROM subjects WHERE log = ?").with(id_);
  while (subject.step()) {
    out.subjects[std::string(subject.bytes(0))] =
        static_cast<std::uint64_t>(subject.number(1));
  }
  return out;
}

void Log::tell(std::uint32_t kind) {
  const dunlin_log_event event{sizeof event, kind, 0, 0, {}};
  if (options_.event != nullptr) options_.event(options_.user, &event);
}

std::optional<dunlin::Error> Log::refused() const {
  if (poisoned_) return dunlin::fail(DUNLIN_E_IO, "the log failed; close and open it");
  if ((options_.flags & DUNLIN_LOG_READ_ONLY) != 0) {
    return dunlin::fail(DUNLIN_E_DENIED, "the log is open to be read only");
  }
  return std::nullopt;
}

void Log::change(std::function<void(Database&)> write) {
  core_->enqueue([this, write = std::move(write)](Database& database) {
    if (core_->failed()) return;
    try {
      database.begin();
      write(database);
    } catch (const dunlin::Error&) {
      core_->fail(database);
    }
  });
}

std::size_t Log::count_good(std::span<const dunlin_record> records,
                            dunlin::result<>& outcome) const {
  auto last = summary_.last;
  auto last_time = summary_.last_time;
  std::size_t good = 0;
  for (const auto& record : records) {
    if (record.seq != last + 1 || record.time_ns < last_time ||
        size_of(record) > DUNLIN_RECORD_MAX) {
      outcome = dunlin::fail(DUNLIN_E_INVALID, "a sequence, time or size breaks the rules");
      return good;
    }
    last = record.seq;
    last_time = record.time_ns;
    ++good;
  }
  return good;
}

// The records of one call are one job inside a transaction: all of them come to be, or none.
dunlin::result<> Log::append(std::span<const dunlin_record> records, std::uint32_t flags,
                             std::size_t& accepted, std::span<dunlin_span> spans) {
  if (auto why = refused()) return *why;
  if (core_->is_full()) return dunlin::fail(DUNLIN_E_NO_SPACE, "the disk is nearly full");
  if (end_moves_ > 0 || queued_bytes_ > queued_bytes_max) {
    room_wanted_ = true;
    return dunlin::later();
  }
  std::vector<Row> rows;
  std::size_t bytes = 0;
  dunlin::result<> outcome;
  const auto good = count_good(records, outcome);
  if (!outcome && (flags & DUNLIN_APPEND_ATOMIC) != 0) return outcome;
  for (const auto& record : records.first(good)) {
    rows.push_back({record, std::string(record.subject.data, record.subject.size),
                    std::string(dunlin::detail::view(record.header)),
                    std::string(dunlin::detail::view(record.payload))});
    bytes += size_of(record) + sizeof(Row);
    if ((record.flags & DUNLIN_RECORD_GAP) != 0) {
      note_gap(record.seq, record.seq, record.time_ns);
      continue;
    }
    if (summary_.records++ == 0) {
      summary_.first = record.seq;
      summary_.first_time = record.time_ns;
      summary_.gaps.clear();
    }
    summary_.last = record.seq;
    summary_.last_time = record.time_ns;
    summary_.bytes += counted_size(record);
    if (record.subject.size != 0) ++summary_.subjects[rows.back().subject];
    if (removals_ > 0) recent_[record.seq] = record.time_ns;
  }
  accepted = rows.size();
  std::fill(spans.begin(), spans.end(), dunlin_span{});
  if (rows.empty()) return outcome;
  queued_bytes_ += bytes;
  core_->enqueue([this, bytes, rows = std::move(rows)](Database& database) {
    try {
      if (!core_->failed()) insert(database, rows);
    } catch (const dunlin::Error&) {
      core_->fail(database);
    }
    const auto before = queued_bytes_.fetch_sub(bytes);
    if (before <= queued_bytes_max / 2 || before - bytes > queued_bytes_max / 2) return;
    post([this] {
      if (std::exchange(room_wanted_, false)) tell(DUNLIN_LOG_ROOM);
    });
  });
  return outcome;
}

// Records and gaps, in runs of one or the other.
void Log::insert(Database& database, std::span<const Row> rows) {
  database.begin();
  const auto is_gap = [](const Row& row) { return (row.record.flags & DUNLIN_RECORD_GAP) != 0; };
  while (!rows.empty()) {
    const auto& first = rows.front().record;
    if (is_gap(rows.front())) {
      insert_gap(database, first.seq, first.seq, first.time_ns);
      rows = rows.subspan(1);
      continue;
    }
    const auto end = std::find_if(rows.begin(), rows.end(), is_gap);
    const auto run = static_cast<std::size_t>(end - rows.begin());
    insert_records(database, rows.first(run));
    rows = rows.subspan(run);
  }
}

void Log::insert_records(Database& database, std::span<const Row> rows) {
  std::uint64_t bytes = 0;
  for (const auto& row : rows) {
    std::int64_t subject = 0;
    if (!row.subject.empty()) {
      auto counted = database.sql("INSERT INTO subjects(log, subject, count) VALUES(?, ?, 1) "
                                  "ON CONFLICT(log, subject) DO UPDATE SET count = count + 1 "
                                  "RETURNING id").with(id_, std::string_view(row.subject));
      counted.step();
      subject = counted.number(0);
      counted.run();
    }
    const auto& record = row.record;
    const auto size = counted_size(record);
    database.sql("INSERT INTO records(log, seq, time, expires, due, subject, size, header, "
                 "payload) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .with(id_, record.seq, record.time_ns, record.expires_ns, record.due_ns, subject, size,
              std::string_view(row.header), std::string_view(row.payload))
        .run();
    bytes += size;
  }
  const auto& first = rows.front().record;
  const auto& last = rows.back().record;
  database.sql("UPDATE logs SET first = CASE records WHEN 0 THEN ?2 ELSE first END, "
               "first_time = CASE records WHEN 0 THEN ?3 ELSE first_time END, last = ?4, "
               "last_time = ?5, records = records + ?6, bytes = bytes + ?7 WHERE id = ?1")
      .with(id_, first.seq, first.time_ns, last.seq, last.time_ns,
            static_cast<std::uint64_t>(rows.size()), bytes)
      .run();
}

dunlin::result<> Log::skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) {
  if (auto why = refused()) return *why;
  if (end_moves_ > 0) return dunlin::later();
  if (first != summary_.last + 1 || count == 0 ||
      (time_ns != 0 && time_ns < summary_.last_time)) {
    return dunlin::fail(DUNLIN_E_INVALID, "that is not where the log ends");
  }
  const auto last = summary_.last + count;
  note_gap(first, last, time_ns);
  change([this, first, last, time_ns](Database& database) {
    insert_gap(database, first, last, time_ns);
  });
  return {};
}

void Log::note_gap(std::uint64_t first, std::uint64_t last, std::int64_t time_ns) {
  summary_.last = last;
  if (time_ns != 0) summary_.last_time = time_ns;
  if (summary_.records == 0) {
    summary_.first = last + 1;
  } else {
    summary_.add_gap(first, last);
  }
}

void Log::insert_gap(Database& database, std::uint64_t first, std::uint64_t last,
                     std::int64_t time_ns) {
  database.sql("UPDATE logs SET last = ?2, first = CASE records WHEN 0 THEN ?2 + 1 ELSE first "
               "END, last_time = CASE ?3 WHEN 0 THEN last_time ELSE ?3 END WHERE id = ?1")
      .with(id_, last, time_ns)
      .run();
  database.sql("INSERT INTO gaps(log, first, last) SELECT ?1, ?2, ?3 FROM logs "
               "WHERE id = ?1 AND records > 0").with(id_, first, last).run();
}

dunlin::result<> Log::sync(dunlin::Completion& done) {
  if (poisoned_) return dunlin::fail(DUNLIN_E_IO, "the log failed; close and open it");
  const auto last = summary_.last;
  const auto shared = std::make_shared<dunlin::Completion>(std::move(done));
  core_->enqueue([this, last, shared](Database& database) {
    try {
      if (!core_->failed()) database.commit();
    } catch (const dunlin::Error&) {
      core_->fail(database);
    }
    post([this, last, shared, ok = !core_->failed()] {
      if (!ok) return shared->fail(dunlin::fail(DUNLIN_E_IO, "the database could not commit"));
      durable_ = std::max(durable_, std::min(last, summary_.last));
      shared->succeed();
    });
  });
  return {};
}

dunlin_log_state Log::state() {
  dunlin_log_state out{};
  const auto& is = summary_;
  out.first_seq = is.first;
  out.last_seq = is.last;
  out.first_time_ns = is.records == 0 ? 0 : is.first_time;
  out.last_time_ns = is.last_time;
  out.records = is.records;
  out.bytes = is.bytes;
  out.deleted = is.records == 0 ? 0 : is.last - is.first + 1 - is.records;
  out.subjects = is.subjects.size();
  out.durable_seq = durable_;
  out.memory_bytes = queued_bytes_ + is.gaps.size() * 64 + is.subjects.size() * 100;
  return out;
}

dunlin::result<dunlin_removed> Log::take_out(Removal removal, bool moves_end,
                                             dunlin_removed_done done, void* user) {
  if (auto why = refused()) return *why;
  ++removals_;
  if (moves_end) ++end_moves_;
  core_->enqueue([this, moves_end, done, user, removal = std::move(removal)](Database& database) {
    auto effect = std::make_shared<Effect>();
    bool ok = !core_->failed();
    std::int64_t first_time = 0;
    try {
      if (ok) {
        database.begin();
        *effect = removal(database);
        auto found = database.sql("SELECT first_time FROM logs WHERE id = ?").with(id_);
        if (found.step()) first_time = found.number(0);
      }
    } catch (const dunlin::Error&) {
      core_->fail(database);
      ok = false;
    }
    post([this, effect, ok, moves_end, done, user, first_time] {
      const auto removed = ok ? apply(*effect) : dunlin_removed{};
      if (ok && summary_.records > 0) {
        const auto recent = recent_.find(summary_.first);
        summary_.first_time = recent == recent_.end() ? first_time : recent->second;
      }
      if (--removals_ == 0) recent_.clear();
      if (moves_end && --end_moves_ == 0 && std::exchange(room_wanted_, false)) {
        tell(DUNLIN_LOG_ROOM);
      }
      auto err = dunlin::detail::fresh_error();
      if (!ok) dunlin::detail::put(&err, DUNLIN_E_IO, "the database refused the removal");
      done(user, ok ? DUNLIN_OK : DUNLIN_E_IO, &removed, ok ? nullptr : &err);
    });
  });
  return dunlin::later();
}

dunlin_removed Log::apply(const Effect& effect) {
  dunlin_removed out{};
  for (const auto& one : effect.gone) {
    ++out.records;
    out.bytes += one.size;
    summary_.add_gap(one.seq, one.seq);
    const auto subject = summary_.subjects.find(one.subject);
    if (subject != summary_.subjects.end() && --subject->second == 0) {
      summary_.subjects.erase(subject);
    }
  }
  summary_.records -= out.records;
  summary_.bytes -= out.bytes;
  if (effect.jump != 0) summary_.last = effect.jump - 1;
  if (effect.above < summary_.last) {
    summary_.last = effect.above;
    durable_ = std::min(durable_, effect.above);
    summary_.gaps.erase(summary_.gaps.upper_bound(effect.above), summary_.gaps.end());
    if (!summary_.gaps.empty()) {
      auto& end = summary_.gaps.rbegin()->second;
      end = std::min(end, effect.above);
    }
  }
  if (summary_.records == 0) {
    summary_.gaps.clear();
    summary_.first = summary_.last + 1;
    return out;
  }
  summary_.first = summary_.live_from(summary_.first);
  while (!summary_.gaps.empty() && summary_.gaps.begin()->first < summary_.first) {
    summary_.gaps.erase(summary_.gaps.begin());
  }
  return out;
}

// Takes each deleted row out of everything that counts it.
void Log::note_gone(Database& database, Statement& deleted, Effect& effect) {
  while (deleted.step()) {
    const auto seq = static_cast<std::uint64_t>(deleted.number(0));
    const auto subject = deleted.number(2);
    Effect::Gone gone{seq, static_cast<std::uint64_t>(deleted.number(1)), {}};
    database.sql("INSERT INTO gaps(log, first, last) VALUES(?1, ?2, ?2)").with(id_, seq).run();
    if (subject != 0) {
      auto counted = database.sql("UPDATE subjects SET count = count - 1 WHERE id = ? "
                                  "RETURNING subject, count").with(subject);
      counted.step();
      gone.subject = counted.bytes(0);
      const bool last = counted.number(1) == 0;
      counted.run();
      if (last) database.sql("DELETE FROM subjects WHERE id = ?").with(subject).run();
    }
    database.sql("UPDATE logs SET records = records - 1, bytes = bytes - ?2 WHERE id = ?1")
        .with(id_, gone.size)
        .run();
    effect.gone.push_back(std::move(gone));
  }
}

// Where the log begins after a removal; gaps before that are no gaps any more.
void Log::check_first(Database& database) {
  auto first = database.sql("SELECT seq, time FROM records WHERE log = ? ORDER BY seq LIMIT 1")
                   .with(id_);
  if (first.step()) {
    database.sql("UPDATE logs SET first = ?2, first_time = ?3 WHERE id = ?1")
        .with(id_, first.number(0), first.number(1))
        .run();
  } else {
    database.sql("UPDATE logs SET first = last + 1, first_time = 0 WHERE id = ?").with(id_).run();
  }
  database.sql("DELETE FROM gaps WHERE log = ?1 AND first < (SELECT first FROM logs "
               "WHERE id = ?1)").with(id_).run();
}

dunlin::result<dunlin_removed> Log::remove(std::span<const std::uint64_t> seqs,
                                           std::uint32_t flags, dunlin_removed_done done,
                                           void* user) {
  if ((flags & DUNLIN_REMOVE_ERASE) != 0) return dunlin::unsupported("erasure");
  return take_out(
      [this, chosen = std::vector(seqs.begin(), seqs.end())](Database& database) {
        Effect effect;
        for (const auto seq : chosen) {
          auto deleted = database.sql("DELETE FROM records WHERE log = ? AND seq = ? "
                                      "RETURNING seq, size, subject").with(id_, seq);
          note_gone(database, deleted, effect);
        }
        check_first(database);
        return effect;
      },
      false, done, user);
}

dunlin::result<dunlin_removed> Log::purge(const dunlin_purge& query) {
  std::string filter(dunlin::detail::view(query.filter));
  const auto below = std::min<std::uint64_t>(query.below, INT64_MAX);
  const bool may_jump = filter.empty() && query.below != UINT64_MAX;
  return take_out(
      [this, filter, below, keep = query.keep, may_jump](Database& database) {
        Effect effect;
        auto deleted = database.sql(
            "DELETE FROM records WHERE log = ?1 AND seq IN (SELECT seq FROM records "
            "WHERE log = ?1 AND seq < ?2 AND (?3 = x'' OR subject IN (SELECT id FROM subjects "
            "WHERE log = ?1 AND matches(?3, subject))) ORDER BY seq DESC LIMIT -1 OFFSET ?4) "
            "RETURNING seq, size, subject").with(id_, below, std::string_view(filter), keep);
        note_gone(database, deleted, effect);
        auto jumped = database.sql("UPDATE logs SET last = ?2 - 1 WHERE id = ?1 AND ?3 AND "
                                   "last + 1 < ?2 RETURNING last")
                          .with(id_, below, static_cast<std::int64_t>(may_jump));
        if (jumped.step()) effect.jump = below;
        jumped.run();
        check_first(database);
        return effect;
      },
      may_jump, query.done, query.user);
}

dunlin::result<dunlin_removed> Log::truncate(std::uint64_t last, dunlin_removed_done done,
                                             void* user) {
  last = std::min<std::uint64_t>(last, INT64_MAX);
  return take_out(
      [this, last](Database& database) {
        Effect effect;
        effect.above = last;
        auto deleted = database.sql("DELETE FROM records WHERE log = ? AND seq > ? "
                                    "RETURNING seq, size, subject").with(id_, last);
        note_gone(database, deleted, effect);
        database.sql("UPDATE logs SET last = min(last, ?2) WHERE id = ?1").with(id_, last).run();
        database.sql("DELETE FROM gaps WHERE log = ? AND first > ?").with(id_, last).run();
        database.sql("UPDATE gaps SET last = min(last, ?2) WHERE log = ?1 AND last > ?2")
            .with(id_, last)
            .run();
        check_first(database);
        return effect;
      },
      true, done, user);
}

dunlin::result<> Log::reschedule(std::uint64_t seq, std::int64_t due_ns) {
  if (auto why = refused()) return *why;
  if (!summary_.is_live(seq)) return dunlin::fail(DUNLIN_E_NOT_FOUND, "there is no such record");
  change([this, seq, due_ns](Database& database) {
    database.sql("UPDATE records SET due = ?3 WHERE log = ?1 AND seq = ?2")
        .with(id_, seq, due_ns)
        .run();
  });
  return {};
}

void Log::close(dunlin::Completion done) noexcept {
  const auto shared = std::make_shared<dunlin::Completion>(std::move(done));
  core_->enqueue([this, shared](Database& database) {
    try {
      if (!core_->failed()) database.commit();
    } catch (const dunlin::Error&) {
      core_->fail(database);
    }
    // Nothing else is to be told once it is on its way to be deleted.
    core_->unwatch(this);
    post([this, shared, core = core_, name = name_, ok = !core_->failed()] {
      delete this;
      {
        const std::lock_guard lock(core->names_mutex);
        core->open_names.erase(name);
      }
      if (ok) return shared->succeed();
      shared->fail(dunlin::fail(DUNLIN_E_IO, "not everything could be written"));
    });
  });
}

}  // namespace example
