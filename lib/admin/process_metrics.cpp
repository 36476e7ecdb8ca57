#include "tether/admin/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace tether {

namespace {

prometheus::MetricFamily family(std::string name, std::string help, prometheus::MetricType type, double value) {
  prometheus::MetricFamily out;
  out.name = std::move(name);
  out.help = std::move(help);
  out.type = type;
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  metric.counter.value = value;
  out.metric.push_back(metric);
  return out;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::vector<prometheus::MetricFamily> read_process_metrics(double start_time_s) {
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> out;
  out.push_back(family("process_start_time_seconds", "When the process started, in seconds since 1970.",
                       MetricType::Gauge, start_time_s));
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    out.push_back(family("process_cpu_seconds_total", "CPU time used, user and system.", MetricType::Counter,
                         seconds(usage.ru_utime) + seconds(usage.ru_stime)));
  }
  std::ifstream statm("/proc/self/statm");
  double pages_all = 0;
  double pages_resident = 0;
  if (statm >> pages_all >> pages_resident) {
    out.push_back(family("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
                         pages_resident * static_cast<double>(::sysconf(_SC_PAGESIZE))));
  }
  std::error_code error;
  double open_files = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end; it.increment(error)) {
    ++open_files;
  }
  if (!error) out.push_back(family("process_open_fds", "Open file descriptors.", MetricType::Gauge, open_files));
  return out;
}

}  // namespace tether
