// What the block `storage-file` says: the declared keys and the plain struct they fill.
//
// Read in configure(), on control. Key files are read later, when a store may be opened.

#pragma once

#include <dunlin/config.hpp>

#include <span>
#include <string>

#include "bytes.hpp"
#include "engine.hpp"

namespace dunlin::storage_file {

// Overwritten when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(BytesView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret();

  [[nodiscard]] BytesView reveal() const noexcept { return bytes_; }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

struct Settings {
  std::string dir;  // of stores whose opener names none; empty: it has to
  EngineSettings engine;
  std::uint32_t cipher = DUNLIN_CIPHER_NONE;
  Secret key, previous_key;
  std::string key_file, previous_key_file;
  std::uint64_t reserve_bytes = 0;    // kept for metadata and removals
  std::uint64_t keep_free_bytes = 0;  // on the disk: with less, appends are refused
  bool syncs_late = false;            // acknowledges before a sync: worth one warning
};

[[nodiscard]] dunlin::result<Settings> read_settings(dunlin::Config config);
// What may be said; docs/storage.md lists it.
[[nodiscard]] std::span<const dunlin_key> declared_keys() noexcept;

}  // namespace dunlin::storage_file
