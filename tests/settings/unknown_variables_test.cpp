#include "tether/settings/unknown_variables.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tether/settings/names.h"

using namespace tether;
using Catch::Contains;

TEST_CASE("a mistyped variable is told with the closest name there is, and without its value") {
  const auto unknown = unknown_variables({"TETHER_LOG_LEVLE", "TETHER_POLL_INTERVAL", "TETHER_REGISTRATION_TOKN"});

  REQUIRE(unknown.size() == 3);
  CHECK(unknown[0].sentence() == "TETHER_LOG_LEVLE: no such setting, TETHER_LOG_LEVEL is the closest");
  CHECK(unknown[1].closest == "TETHER_POLL_INTERVAL_S");
  CHECK(unknown[2].closest == "TETHER_REGISTRATION_TOKEN");
}

TEST_CASE("what is a setting, or does not begin like one, is no mistake") {
  std::vector<std::string> names{
      "TETHER_REGISTRATION_TOKEN", "TETHER_CONFIG", "GATEWAY_REGISTRATION_TOKEN", "PATH", "TETHERED",
      "tether_log_level"};
  for (const setting::Name& name : setting::kAll) names.emplace_back(name.variable);

  CHECK(unknown_variables(names).empty());
}

TEST_CASE("a name of any length and content stays a short line") {
  const auto unknown = unknown_variables({"TETHER_" + std::string(10'000, 'x'), "TETHER_LOG\nLEVEL"});

  REQUIRE(unknown.size() == 2);
  CHECK(unknown[0].name.size() == 80);
  CHECK(unknown[1].name == "TETHER_LOG?LEVEL");
}

TEST_CASE("the process's own variables are looked at by name") {
  const auto names = process_variable_names();

  CHECK(std::is_sorted(names.begin(), names.end()));
  for (const auto& name : names) CHECK(name.find('=') == std::string::npos);
}
