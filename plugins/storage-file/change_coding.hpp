// Changes of the catalogue as bytes: what the metadata journal holds (journal.hpp).
//
// One change is a byte for its kind and its fields, little endian, texts with their length in four
// bytes in front. Kinds and fields never change their meaning: new ones get new kinds.

#pragma once

#include "bytes.hpp"
#include "catalogue.hpp"

namespace dunlin::storage_file {

void encode_change(const Change& change, Bytes& out);

// The next change of `in`; DUNLIN_E_CORRUPT for what is none.
[[nodiscard]] result<Change> decode_change(Reader& in);

// The parts of a segment's row the catalogue keeps as one value.
void encode_indexes(const std::vector<FileSum>& indexes, Bytes& out);
[[nodiscard]] result<std::vector<FileSum>> decode_indexes(BytesView in);

}  // namespace dunlin::storage_file
