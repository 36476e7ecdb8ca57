#include "metrics_watch.h"

#include <poll.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

namespace tether::test {
namespace {

std::string name_of(const std::string& series) {
  return series.substr(0, series.find('{'));
}

/// `x_count` and `x_sum` of a histogram move together with its buckets, which are no metrics of their own.
std::string family_of(const std::string& series) {
  std::string name = name_of(series);
  if (name.ends_with("_bucket")) name.replace(name.size() - std::string("_bucket").size(), std::string::npos, "_count");
  return name;
}

double value_in(const Series& all, const std::string& series) {
  if (series.find('{') != std::string::npos || all.contains(series)) {
    const auto found = all.find(series);
    return found == all.end() ? 0 : found->second;
  }
  double sum = 0;
  for (const auto& [name, value] : all) sum += name_of(name) == series ? value : 0;
  return sum;
}

/// Scrapes until `holds`, which sees no scrape that was not answered; false: never. Often, since a state may last no
/// longer than a goodbye.
bool scrape_until(Scene& scene, const std::function<bool(const Series&)>& holds) {
  constexpr int kScrapeEveryMs = 5;
  const TimePoint deadline = Clock::now() + kPatience;
  while (Clock::now() < deadline) {
    const Series now = scrape(scene.admin());
    if (!now.empty() && holds(now)) return true;
    ::poll(nullptr, 0, kScrapeEveryMs);
  }
  return false;
}

}  // namespace

Series scrape(const std::string& admin) {
  Series all;
  std::istringstream lines(peers::admin_get(admin, "/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.rfind(' ');
    if (!line.starts_with('#') && space != std::string::npos)
      all[line.substr(0, space)] = std::stod(line.substr(space));
  }
  return all;
}

void MetricsWatch::moves(Scene& scene, const std::vector<std::string>& series, const std::function<void()>& action,
                         const Series& from) {
  Series before;
  const bool starts_there = scrape_until(scene, [&before, &from](const Series& now) {
    before = now;
    return std::ranges::all_of(from, [&now](const auto& item) { return value_in(now, item.first) == item.second; });
  });
  for (const auto& [name, value] : from) {
    if (!starts_there) FAIL_CHECK(name << " is " << value_in(before, name) << ", not " << value);
  }
  action();
  wait(scene, before, series);
}

void MetricsWatch::wait(Scene& scene, const Series& before, const std::vector<std::string>& series) {
  std::set<std::string> still(series.begin(), series.end());
  scrape_until(scene, [this, &before, &still](const Series& now) {
    for (const auto& [name, value] : now) served_.insert(name);
    std::erase_if(still, [&](const std::string& name) { return value_in(now, name) != value_in(before, name); });
    return still.empty();
  });
  for (const auto& name : series) {
    if (!still.contains(name)) moved_.insert(name);
  }
  for (const auto& name : still) FAIL_CHECK(name << " did not move");
}

std::set<std::string> MetricsWatch::unmoved() const {
  std::set<std::string> names;
  for (const auto& series : served_) {
    if (!moved_.contains(series) && !moved_.contains(family_of(series))) names.insert(series);
  }
  return names;
}

std::set<std::string> MetricsWatch::names() const {
  std::set<std::string> names;
  for (const auto& series : served_) {
    std::string name = name_of(series);
    for (const std::string end : {"_bucket", "_count", "_sum"}) {
      if (name.ends_with("_seconds" + end)) name.resize(name.size() - end.size());
    }
    names.insert(name);
  }
  return names;
}

}  // namespace tether::test
