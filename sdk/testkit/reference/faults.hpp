// The ways the naive backend can be told to be wrong (`--set fault=NAME`), one for each thing the
// kit has to notice. `none` is right.

#pragma once

#include <string_view>

namespace dunlin::testkit::reference {

enum class Fault {
  none,
  ack_before_sync,    // S1: completes a sync without syncing
  ack_before_write,   // S1: completes a sync before anything of it was written
  no_directory_sync,  // S1: never syncs the directory of a new file
  forget_removals,    // S1: removals are not written
  forget_gaps,        // S1: skips are not written
  hole,               // S2: goes on behind what a power cut tore
  phantom,            // S2: keeps what was truncated
  serve_corrupt,      // S3: does not check what it reads
  skip_corrupt,       // S3: takes damaged records for removed ones
  retry_sync,         // S4: reports success after a sync that failed
  torn_meta,          // S5: writes the items of one put one by one
  torn_group,         // S9: writes the records of a group one by one
  partial_group,      // S9: accepts the good records of a bad group
  late_reads,         // S6: shows a record only when it is durable
  approximate,        // S8: claims no subject index and answers anyway
  wrong_count,        // counts one too few when the range begins inside
  wrong_filter,       // `*` takes several tokens
  wrong_keep,         // purge keeps one too few
  lost_schedule,      // reschedule is forgotten on the way to the disk
  inline_completion,  // completes from inside the call
  double_completion,
  wrong_thread,       // completes on a worker
  no_completion,
  crash,              // on the 20th record
  hang,
};

inline constexpr const char* fault_words =
    "none ack-before-sync ack-before-write no-directory-sync forget-removals forget-gaps hole "
    "phantom serve-corrupt skip-corrupt retry-sync torn-meta torn-group partial-group late-reads "
    "approximate wrong-count wrong-filter wrong-keep lost-schedule inline-completion "
    "double-completion wrong-thread no-completion crash hang";

// The fault of a word of `fault_words`; `none` for any other.
inline Fault fault_of(std::string_view word) {
  std::string_view rest = fault_words;
  for (int index = 0; !rest.empty(); ++index) {
    const auto blank = rest.find(' ');
    if (rest.substr(0, blank) == word) return static_cast<Fault>(index);
    rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
  }
  return Fault::none;
}

}  // namespace dunlin::testkit::reference
