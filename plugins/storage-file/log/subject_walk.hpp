// SubjectWalk: the subjects that match filters, in byte order, from runs and from what memory knew
// when the walk began: exact as of that moment, whatever changes meanwhile.
//
//     SubjectWalk walk(subjects, filters, after, max);   // on the log's thread
//     walk.run([&](std::string_view name, const SubjectSpan& span) { ... });   // on a worker

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/storage-file/log/segment_index.hpp"
#include "plugins/storage-file/log/subjects.hpp"

namespace dunlin::storage_file::engine {

class SubjectWalk {
 public:
  // False ends the walk.
  using Visit = std::function<bool(std::string_view name, const SubjectSpan& span)>;

  // Of one filter, at most, may there be an `after`: the walk begins behind it. With `max` not 0
  // no more than so many subjects are wanted.
  SubjectWalk(const Subjects& subjects, const Filters& filters, std::string_view after,
              std::uint64_t max);

  // Each subject once, with its whole span; those without records are passed over. It can be run
  // once: the runs are let go of.
  result<> run(const Visit& visit);
  // Where a walk with `max` had to end although memory knows of more: the next one begins there.
  // Empty when it went to the end.
  [[nodiscard]] std::string_view cut_at() const noexcept {
    const auto& part = parts_.front();
    return part.is_cut ? std::string_view(part.known.back().name) : std::string_view();
  }
  // What was known is not right any more when this differs from Subjects::version().
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

 private:
  struct Known {
    std::string name;
    SubjectSpan span;
  };
  struct Part {
    std::string filter;
    std::vector<Known> known;
    bool is_cut = false;  // there are more in memory, behind the last of them
  };
  result<bool> run_part(std::size_t place, const Visit& visit);
  // To the next subject of the runs that matches; false at the end.
  static result<bool> find_match(RunsReader& reader, const std::string& filter);

  std::uint64_t version_;
  std::string after_;
  Filters filters_;
  std::vector<Part> parts_;
  SubjectRuns runs_;
};

}  // namespace dunlin::storage_file::engine
