// Opens the catalogue of a store, whatever state its files are in.
//
// There are three sources: the database, the metadata journal (everything again), and the labels
// of the store and its logs. What is damaged, lost or out of date is made again from the others; a
// file in question is moved to quarantine/, never overwritten or deleted. Only when no source has
// all of it is something lost: what remains is kept, the loss is written into METADATA-DAMAGED, and
// every log is to be opened from its segments. A catalogue is never silently made anew.
//
//     database       journal               then
//     at commit s    at commit s           go on
//     at s           at j > s              the database gets what it lost (or: never had) from it
//     at s           before s, or damaged  the journal is written again
//     damaged        whole                 the database is made again from it
//     damaged        damaged               what can be read of both; METADATA-DAMAGED
//
// A store that was opened to read only is recovered in memory, and its directory stays untouched.
//
// Control or a worker. Errors other than damage (no permission, no space, failing disk, a key that
// is missing) end the attempt and leave everything as it was.

#pragma once

#include <memory>

#include "catalogue_rows.hpp"
#include "codec.hpp"
#include "label.hpp"

namespace dunlin::storage_file {

struct CatalogueSite {
  Files files;
  Clock clock;
  Random random;
  std::string dir;
  bool is_read_only = false;
  bool may_create = false;
  const KeyRing* keys = nullptr;
};

struct Finding {
  bool is_damage = false;  // something was not as it should be; otherwise an ordinary repair
  std::string text;
};

struct OpenCatalogue {
  std::unique_ptr<SqliteVfs> vfs;
  std::unique_ptr<Database> database;
  std::unique_ptr<CatalogueRows> rows;
  std::unique_ptr<Journal> journal;  // none when read only
  StoreLabel label;
  std::uint64_t commit = 0;
  std::vector<Finding> findings;
  std::string loss;  // what METADATA-DAMAGED says; empty when nothing is lost
};

[[nodiscard]] result<OpenCatalogue> open_catalogue(const CatalogueSite& site);

}  // namespace dunlin::storage_file
