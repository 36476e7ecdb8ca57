#include "download.h"

#include <algorithm>
#include <fstream>

namespace tether::bench {
namespace {

constexpr const char* kCurl = "/usr/bin/curl";

/// One section of curl's configuration file.
std::string section(const Bench& bench, const peers::RestCall& call, std::size_t number) {
  const std::string query = call.query.empty() ? "" : "?" + call.query;
  std::string text = "url = \"https://localhost:" + std::to_string(bench.control_plane->port()) + call.path + query +
                     "\"\nfail\nhttp1.1\ncacert = \"" + bench.ca.ca_file +
                     "\"\nheader = \"api-key: " + bench.control_plane->token() + "\"\noutput = \"/dev/null\"\n";
  if (call.method != "POST") return text;
  const std::string body = bench.folder.write("body-" + std::to_string(number), call.body);
  text += "data = \"@" + body + "\"\nheader = \"Content-Type: application/json\"\n";
  if (call.call == "fetch-batch") text += "header = \"Accept: application/x-tar+gzip\"\n";
  return text;
}

}  // namespace

Result<std::chrono::nanoseconds> download_with_curl(const Bench& bench, std::size_t asked) {
  const std::string file = bench.folder.file("curl.conf");
  std::ofstream config(file);
  config << "silent\nshow-error\nparallel\nparallel-max = 2\n";
  std::size_t number = 0;
  const auto calls = bench.control_plane->observed().rest;
  for (std::size_t i = 0; i < std::min(asked, calls.size()); ++i) {
    const auto& call = calls[i];
    if (call.call == "manifest") continue;
    config << (number > 0 ? "next\n" : "") << section(bench, call, number);
    ++number;
  }
  config.close();
  const auto answered = [&bench] {
    std::size_t good = 0;
    for (const auto& call : bench.control_plane->observed().rest) good += call.status == 200 ? 1 : 0;
    return good;
  };
  const std::size_t before = answered();
  const TimePoint began = Clock::now();
  auto curl = peers::DaemonProcess::start({kCurl, {"--config", file}, {}});
  if (!curl) return wrap("curl", curl.error());
  const auto status = (*curl)->wait_for_exit(kLimit);
  const std::chrono::nanoseconds took = Clock::now() - began;
  if (status != 0) return fail(ErrorKind::Retry, "curl did not end well: " + (*curl)->all_output());
  const std::size_t downloads = answered() - before;
  if (downloads < number) {
    return fail(ErrorKind::Retry,
                "curl got " + std::to_string(downloads) + " of " + std::to_string(number) + " answers");
  }
  return took;
}

}  // namespace tether::bench
