#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace tether {

/// `process_*`, read from the kernel at the time of the call: start, CPU time, resident memory, open files. What cannot
/// be read is left out.
std::vector<prometheus::MetricFamily> read_process_metrics(double start_time_s);

}  // namespace tether
