#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "latency.h"
#include "tether/base/result.h"

/// What this machine can do at best, measured in the same run as what is held against it.
namespace tether::bench {

/// From one end of a TCP connection over loopback to the other, the size of an event's frame: half of a round trip.
Result<Percentiles> measure_hop(std::size_t times);
/// Over a Unix socket and back, the size of a push of one line.
Result<Percentiles> measure_round_trip(std::size_t times);
/// One row, committed with `synchronous=FULL` in WAL mode, in a database of this folder.
Result<Percentiles> measure_transaction(const std::string& folder, std::size_t times);

struct Upserts {
  std::size_t rows = 0;
  double took_s = 0;
};
/// Every row of this database put into a new one of the same tables, so many in each transaction.
Result<Upserts> measure_upserts_of(const std::string& source, const std::string& target, std::size_t in_transaction);

/// So many bytes through a Unix socket.
Result<std::chrono::nanoseconds> measure_transfer(std::uint64_t bytes);

}  // namespace tether::bench
