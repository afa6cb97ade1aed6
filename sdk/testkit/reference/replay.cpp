// What a log's journal makes of it, when it is opened.
#include <utility>

#include "sdk/testkit/reference/log.hpp"

namespace dunlin::testkit::reference {
namespace {

Record read_record(Unpack& entry) {
  Record record;
  record.seq = entry.number();
  record.time_ns = static_cast<std::int64_t>(entry.number());
  record.expires_ns = static_cast<std::int64_t>(entry.number());
  record.due_ns = static_cast<std::int64_t>(entry.number());
  record.subject = entry.text();
  record.header = entry.text();
  record.payload = entry.text();
  record.flags = static_cast<std::uint32_t>(entry.number());
  return record;
}

}  // namespace

void Log::open() {
  const bool create = (options_.flags & DUNLIN_LOG_CREATE) != 0;
  if (!journal_.exists() && !create) throw Error{DUNLIN_E_NOT_FOUND, "there is no such log", 0};
  bool any = false;
  journal_.open(
      create,
      [&](std::string_view entry) {
        any = true;
        use(entry);
      },
      [&](std::uint64_t offset) { damage_found(offset); });
  if (!group_.empty() && bad_places_.empty()) {
    group_.clear();
    write(Pack().number(drop_group).bytes);
  } else if (!group_.empty()) {
    use_group(group_.back().seq);
  }
  if (!any && bad_places_.empty()) write(Pack().number(begin).number(options_.first_seq).bytes);
  if (const auto status = journal_.flush(); status != DUNLIN_OK) {
    throw Error{status, "the log cannot be begun", 0};
  }
  durable_ = model_.last();
}

void Log::damage_found(std::uint64_t offset) {
  if (fault_ != Fault::skip_corrupt && fault_ != Fault::hole) bad_places_.push_back(offset);
}

void Log::use_record(const Record& record) {
  while (model_.last() + 1 < record.seq) {
    Record lost{model_.last() + 1, model_.last_time(), 0, 0, {}, {}, {}, 0};
    if (fault_ == Fault::skip_corrupt || fault_ == Fault::hole) {
      model_.skip(1, 0);
    } else {
      damaged_.insert(lost.seq);
      model_.append(lost);
    }
  }
  // The truncation that made room for it was in an entry that is lost.
  if (record.seq <= model_.last()) model_.truncate(record.seq - 1);
  if ((record.flags & DUNLIN_RECORD_GAP) != 0) {
    model_.skip(1, record.time_ns);
  } else {
    model_.append(record);
  }
}

void Log::use_group(std::uint64_t last) {
  for (const auto& record : std::exchange(group_, {})) use_record(record);
  for (auto seq = model_.last() + 1; seq <= last; ++seq) {
    damaged_.insert(seq);
    model_.append({seq, model_.last_time(), 0, 0, {}, {}, {}, 0});
  }
}

void Log::take(const Record& record, std::uint64_t kind) {
  if ((record.flags & DUNLIN_RECORD_GAP) != 0) {
    model_.skip(1, record.time_ns);
  } else {
    model_.append(record);
  }
  write(Pack()
            .number(kind)
            .number(record.seq)
            .number(static_cast<std::uint64_t>(record.time_ns))
            .number(static_cast<std::uint64_t>(record.expires_ns))
            .number(static_cast<std::uint64_t>(record.due_ns))
            .text(record.subject)
            .text(record.header)
            .text(record.payload)
            .number(record.flags)
            .bytes);
}

void Log::use(std::string_view bytes) {
  Unpack entry(bytes);
  const auto kind = entry.number();
  // The end of a group is missing in front of other entries when it is damaged.
  const bool is_of_group = kind == append_part || kind == end_group || kind == drop_group;
  if (!group_.empty() && !is_of_group) use_group(group_.back().seq);
  switch (kind) {
    case append_one: use_record(read_record(entry)); break;
    case append_part: group_.push_back(read_record(entry)); break;
    case end_group: use_group(entry.number()); break;
    case drop_group: group_.clear(); break;
    case skip_some: {
      const auto count = entry.number();
      model_.skip(count, static_cast<std::int64_t>(entry.number()));
      break;
    }
    case remove_some: {
      std::vector<std::uint64_t> seqs(entry.number());
      for (auto& seq : seqs) seq = entry.number();
      model_.remove(seqs);
      for (const auto seq : seqs) damaged_.erase(seq);
      break;
    }
    case purge_some: {
      const auto filter = entry.text();
      const auto below = entry.number();
      model_.purge(filter, below, entry.number());
      break;
    }
    case cut_off: model_.truncate(entry.number()); break;
    case move_due: {
      const auto seq = entry.number();
      const auto due = static_cast<std::int64_t>(entry.number());
      if (model_.live().contains(seq)) model_.reschedule(seq, due);
      break;
    }
    case begin: model_ = Model(costs, entry.number()); break;
    default: throw Error{DUNLIN_E_CORRUPT, "an entry of unknown kind", 0};
  }
}

}  // namespace dunlin::testkit::reference
