// Question: what is asked of a log and may need the disk: queries, and changes that must fetch
// something first. `step` runs on the log's thread until it says `done`; in between a worker
// fetches what it asked for.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plugins/storage-file/log/state.hpp"

namespace dunlin::storage_file::engine {

class Log;

class Question {
 public:
  enum class Next {
    done,   // finished, successfully or not
    index,  // needs the index of the segment `wanted`
    subjects,  // needs to know of the subjects `unknown`, which become whole
    work,   // needs `work` to run on a worker
    room,   // waits until the journal takes changes again
    durable,  // waits until everything accepted is durable
    turn,   // wants to be called again, outside of the call that asked
    quiet,  // waits until the files of segments stay as they are (Log::is_quiet)
  };
  Question() = default;
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  virtual ~Question() = default;

  virtual Next step(Log& log) = 0;
  virtual void work() {}
  // Calls the completion; only for a question that was answered with DUNLIN_E_AGAIN.
  virtual void complete() noexcept = 0;

  Next fail_with(Error error) {
    failure = std::move(error);
    return Next::done;
  }
  Next want(std::uint64_t segment) {
    wanted = segment;
    return Next::index;
  }
  Next want_subject(std::string name) {
    unknown.assign(1, std::move(name));
    return Next::subjects;
  }
  // Indexes of segments that were looked at need not stay in memory.
  void hold_last() {
    if (held.size() > 1) held.erase(held.begin(), held.end() - 1);
  }
  [[nodiscard]] dunlin_status status() const { return failure ? failure->status : DUNLIN_OK; }

  bool is_now = true;        // still inside the call: nothing was visited and AGAIN is possible
  std::uint64_t wanted = 0;  // a segment
  std::vector<std::string> unknown;  // subjects
  std::uint64_t snapshot = 0;
  bool owns_snapshot = false;  // it was opened for this question, and is closed with it
  std::optional<Error> failure;
  std::vector<std::shared_ptr<SegmentIndex>> held;  // fetched for it: they stay in memory
};

}  // namespace dunlin::storage_file::engine
