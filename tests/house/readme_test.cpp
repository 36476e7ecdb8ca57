#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "tether/admin/metrics.h"
#include "tether/admin/status.h"
#include "tether/settings/names.h"
#include "tether/settings/settings.h"
#include "tree.h"

using namespace tether;
using house::matches;

namespace {

std::string first_span(const std::string& cell) {
  std::smatch span;
  return std::regex_search(cell, span, std::regex("`([^`]+)`")) ? span[1].str() : "";
}

/// The members that a cell names; `.last_error` after `gateway.state` is `gateway.last_error`.
std::vector<std::string> members_in(const std::string& cell) {
  const std::regex span("`([^`]+)`");
  std::vector<std::string> names;
  for (auto it = std::sregex_iterator(cell.begin(), cell.end(), span); it != std::sregex_iterator(); ++it) {
    const std::string name = (*it)[1];
    const bool is_short = name.front() == '.' && !names.empty();
    names.push_back(is_short ? names.back().substr(0, names.back().find('.')) + name : name);
  }
  return names;
}

}  // namespace

TEST_CASE("the README's settings table has each setting under both its names, and no other") {
  std::map<std::string, std::string> written;
  for (const auto& row : house::table("README.md", "environment")) written[row.name] = first_span(row.cells.at(1));

  std::map<std::string, std::string> known;
  for (const setting::Name& name : setting::kAll) known[std::string(name.variable)] = std::string(name.key);
  known[std::string(setting::kToken)] = "";

  CHECK(written == known);
}

TEST_CASE("the README's settings table has the defaults that the daemon has") {
  const std::string defaults = print_effective(Settings());

  for (const auto& row : house::table("README.md", "environment")) {
    const std::string key = first_span(row.cells.at(1));
    const std::string& cell = row.cells.at(2);
    if (key.empty() || cell.rfind('`', 0) != 0 || cell.rfind("`$", 0) == 0) continue;  // no fixed default
    const std::string leaf = key.substr(key.find('.') + 1);
    INFO(defaults);
    CHECK(defaults.find(leaf + ": " + first_span(cell) + "\n") != std::string::npos);
  }
}

TEST_CASE("the README's metrics table has each metric that is served, and no other") {
  MetricLabels labels;
  labels.event_types = {"api.deployed"};
  labels.kinds = {"RestApi"};
  labels.rest_calls = {"deployments"};
  Metrics metrics("1.2.3", labels);
  metrics.count_rest_request("deployments", 200);  // families without a sample are not served
  metrics.count_push("put", "applied", 1ms);
  std::set<std::string> served = matches(metrics.text(), "# TYPE (tetherd_[a-z_]+) ");

  std::set<std::string> written;
  for (const auto& row : house::table("README.md", "metric")) written.insert(row.name.substr(0, row.name.find('{')));
  written.erase("process_*");

  CHECK(written == served);
}

TEST_CASE("the README's table of /status has each member that is printed, and no other") {
  std::set<std::string> printed;
  const auto status = nlohmann::json::parse(to_json(Status(), TimePoint()));
  for (const auto& [name, value] : status.items()) {
    if (!value.is_object() || value.empty()) printed.insert(name);
    if (!value.is_object()) continue;
    for (const auto& member : value.items()) printed.insert(name + "." + member.key());
  }

  std::multiset<std::string> written;
  for (const auto& row : house::table("README.md", "member")) {
    for (const std::string& name : members_in(row.cells.front())) written.insert(name);
  }

  CHECK(written == std::multiset<std::string>(printed.begin(), printed.end()));
}

TEST_CASE("what the Markdown pages link to is there") {
  for (const std::string page :
       {"README.md", "docs/architecture.md", "docs/gateway-protocol.md", "docs/requirements.md",
        "tests/peers/README.md", "lib/protocol/PROTOCOL.md", "lib/sync/RULE.md", "CHANGELOG.md"}) {
    const auto folder = (house::source_dir() / page).parent_path();
    for (const std::string& link : matches(house::read(page), R"(\]\(([^)#:]+)\))")) {
      INFO(page << ": " << link);
      CHECK(std::filesystem::exists(folder / link));
    }
  }
}

TEST_CASE("no page puts the gateway's socket where the daemon does not speak to it") {
  for (const std::string page : {"README.md", "docs/gateway-protocol.md", "tests/peers/README.md"}) {
    INFO(page << ": every user may write to /tmp itself");
    CHECK(matches(house::read(page), R"((/tmp/[^/\s]+\.sock))").empty());
  }
}

TEST_CASE("the README's map names each folder at the top and each library") {
  std::string map;
  for (const auto& row : house::table("README.md", "folder")) map += row.cells.front() + " ";
  const auto named = matches(map, "`([^`]+)/`");

  for (const auto& entry : std::filesystem::directory_iterator(house::source_dir() / "lib")) {
    if (entry.is_directory()) CHECK(named.count("lib/" + entry.path().filename().string()) == 1);
  }
  for (const std::string& name : named) {
    INFO(name);
    CHECK(std::filesystem::is_directory(house::source_dir() / name));
  }
}
