// Checkpoint: a State as bytes, and where in the journal it stands, so that only what was written
// behind it is read again at the next start. Subjects are in runs of their own (subject_run.hpp),
// which the checkpoint names.
//
// The file is written and synced before the catalogue is told of it: what the catalogue names is
// whole, or was damaged since. Pure functions, any thread.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/storage-file/log/state.hpp"

namespace dunlin::storage_file::engine {

// What the catalogue keeps of a checkpoint.
struct CheckpointNote {
  std::uint64_t number = 0;  // of the file
  std::uint64_t bytes = 0;
  std::uint32_t sum = 0;
  Position position;  // everything in front is in it, and durable
  std::uint64_t last_seq = 0;
  std::uint64_t next_number = first_segment_number;
  bool is_clean = false;          // nothing was written behind it
};

inline constexpr std::string_view checkpoint_suffix = ".ckp";
[[nodiscard]] std::string checkpoint_file_name(std::uint64_t number);
[[nodiscard]] std::string encode_note(const CheckpointNote& note);
[[nodiscard]] std::optional<CheckpointNote> decode_note(std::string_view blob);

// All but the subjects. Changes `state` in nothing but taking dead items out of its due indexes.
[[nodiscard]] std::vector<std::uint8_t> encode_state(State& state);
// Behind that: which runs have the subjects, and how many of them there are.
void put_runs(const std::vector<RunNote>& runs, std::uint64_t live,
              std::vector<std::uint8_t>& bytes);

struct DecodedState {
  std::unique_ptr<State> state;  // segments come without index and file; subjects are not there
  std::uint64_t live = 0;
  std::vector<RunNote> runs;     // newest first
};
[[nodiscard]] result<DecodedState> decode_state(std::span<const std::uint8_t> bytes,
                                                bool has_subjects, std::uint64_t seed);

}  // namespace dunlin::storage_file::engine
