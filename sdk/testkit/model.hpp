// What a log should be: the contract of ext/storage.h written down in the most obvious way, over
// plain maps, with every answer found by looking at everything.
//
// Pure; one thread. The backend under test and a model are asked the same, and must say the same.

#pragma once

#include <dunlin/ext/storage.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sdk/testkit/base.hpp"

namespace dunlin::testkit {

struct Record {
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0, expires_ns = 0, due_ns = 0;
  std::string subject, header, payload;
  std::uint32_t flags = 0;

  // Of everything but `due_ns`, which `reschedule` moves.
  [[nodiscard]] std::uint64_t hash() const;
  [[nodiscard]] std::string text() const;
};

struct Costs {
  std::uint32_t record = 0, header = 0;
};

struct Span {
  std::uint64_t count = 0, first = 0, last = 0;
  bool operator==(const Span&) const = default;
};

struct Removed {
  std::uint64_t records = 0, bytes = 0;
  bool operator==(const Removed&) const = default;
};

using Filters = std::vector<std::string>;

class Model {
 public:
  explicit Model(Costs costs = {}, std::uint64_t first_seq = 1);

  // ---- changes ----
  void append(const Record& record);
  void skip(std::uint64_t count, std::int64_t time_ns);
  Removed remove(const std::vector<std::uint64_t>& seqs);
  Removed purge(const std::string& filter, std::uint64_t below, std::uint64_t keep);
  Removed truncate(std::uint64_t last);
  void reschedule(std::uint64_t seq, std::int64_t due_ns);

  // ---- questions ----
  [[nodiscard]] std::uint64_t first() const;
  [[nodiscard]] std::uint64_t last() const { return last_; }
  [[nodiscard]] std::int64_t last_time() const { return last_time_; }
  // False after a truncation took the newest record: the contract does not say what time is left.
  [[nodiscard]] bool last_time_known() const { return last_time_known_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t deleted() const;
  [[nodiscard]] std::uint64_t subjects() const;
  [[nodiscard]] const std::map<std::uint64_t, Record>& live() const { return live_; }
  [[nodiscard]] std::vector<const Record*> matching(std::uint64_t from, std::uint64_t to,
                                                    const Filters& filters) const;
  [[nodiscard]] Span count(std::uint64_t from, const Filters& filters, bool last_only) const;
  [[nodiscard]] std::map<std::string, Span> spans(const std::string& filter) const;
  [[nodiscard]] Span span(const std::string& subject) const;
  [[nodiscard]] std::vector<std::uint64_t> last_each(const Filters& filters,
                                                     std::uint64_t below) const;
  [[nodiscard]] std::uint64_t seq_at(std::int64_t time_ns) const;
  // (time, sequence), earliest first.
  [[nodiscard]] std::vector<std::pair<std::int64_t, std::uint64_t>> due(std::uint32_t index) const;
  [[nodiscard]] std::vector<Span> gaps(std::uint64_t from, std::uint64_t to) const;

  // Of all that must survive: first, last, records, and the schedule.
  [[nodiscard]] std::uint64_t digest() const;

 private:
  void erase(std::map<std::uint64_t, Record>::iterator at, Removed& removed);
  [[nodiscard]] std::uint64_t size_of(const Record& record) const;

  Costs costs_;
  std::map<std::uint64_t, Record> live_;
  std::map<std::uint64_t, std::uint64_t> hashes_;
  std::uint64_t last_;
  std::int64_t last_time_ = 0;
  bool last_time_known_ = true;
  std::uint64_t bytes_ = 0;
};

bool matches_any(const Filters& filters, const std::string& subject);
// The digest of what a backend holds.
std::uint64_t digest_of(std::uint64_t first, std::uint64_t last,
                        const std::vector<std::pair<std::uint64_t, std::uint64_t>>& seq_hashes,
                        const std::vector<std::pair<std::int64_t, std::uint64_t>>& schedule);

}  // namespace dunlin::testkit
