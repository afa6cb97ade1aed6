// Every bound of the monitoring listener, with its reason.
//
// The endpoints have no authentication, so a stranger's cost must be small: the connections are
// few, their input is bounded, and who is slow makes room for others.

#pragma once

#include <cstddef>
#include <cstdint>

namespace dunlin::monitoring::limits {

// Probes and scrapers are a handful; each costs about 5 KB while it lasts.
inline constexpr std::size_t connections_max = 32;
// Nothing that asks for monitoring sends more; the reference allows 1 MiB.
inline constexpr std::size_t header_bytes_max = 64 * 1024;
// A body has no meaning to our own endpoints; those of other plugins may want one.
inline constexpr std::size_t body_bytes_max = 1024 * 1024;
inline constexpr std::size_t read_bytes = 4096;

inline constexpr std::uint64_t second_ns = 1'000'000'000;
// From the first byte of a request to its last, and for a TLS handshake; as the reference.
inline constexpr std::uint64_t request_ns = 5 * second_ns;
// Longer than the usual scrape interval, so that scrapers keep their connection.
inline constexpr std::uint64_t idle_ns = 75 * second_ns;
// Without any byte taken by a slow reader.
inline constexpr std::uint64_t write_ns = 30 * second_ns;
// For the other end to close after the last answer.
inline constexpr std::uint64_t ending_ns = second_ns;
// For an endpoint to answer.
inline constexpr std::uint64_t answer_ns = 60 * second_ns;

}  // namespace dunlin::monitoring::limits
