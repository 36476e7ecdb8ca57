#include "fixture.h"
#include "tether/peers/test_ca.h"
#include "tether/settings/names.h"

namespace tether {

using Catch::Matchers::Contains;

namespace {

/// What `check-config` prints, loaded again with nothing else around.
Settings again(const Settings& settings) {
  const Folder folder;
  const std::string text = print_effective(settings);
  CAPTURE(text);
  return load_good({}, folder.write("effective.yaml", text));
}

bool names(const std::string& yaml, std::string_view key) {
  const auto dot = key.find('.');
  const std::string last(dot == std::string_view::npos ? key : key.substr(dot + 1));
  return yaml.find((dot == std::string_view::npos ? "\n" : "\n  ") + last + ":") != std::string::npos;
}

std::string read(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("what is printed as effective loads as the same settings") {
  const Folder folder;
  const std::string file = folder.write("token: file", "x\n");
  const Settings defaults;
  const Settings others = load_good({
      {"TETHER_CONTROL_PLANE_URL", "ws://[::1]:80/ws/gateways/connect"},
      {"TETHER_REGISTRATION_TOKEN_FILE", file},
      {"TETHER_CONTROL_PLANE_CA_FILE", folder.write("ca.pem", peers::TestCa().certificate())},
      {"TETHER_ON_REJECTION", "stop"},
      {"TETHER_REPORT_FAILURES", "false"},
      {"TETHER_DELETION_RELEASE_AFTER_S", "0"},
      {"TETHER_STALE_AFTER_S", "61"},
      {"TETHER_GATEWAY_USER", "0"},
      {"TETHER_GATEWAY_GROUP", "root"},
      {"TETHER_GATEWAY_SOCKET", "true # \"it's\""},
      {"TETHER_GATEWAY_VERSION", "1.10"},
      {"TETHER_GATEWAY_POLICIES_FILE", folder.write("p.json", "[1]")},
      {"TETHER_ADMIN_LISTEN", "[::1]:0"},
      {"TETHER_LOG_LEVEL", "error"},
      {"TETHER_LOG_FORMAT", "text"},
      {"TETHER_MAX_LISTING_BYTES", "1024"},
  });

  CHECK(again(defaults) == defaults);
  CHECK(again(others) == others);
}

TEST_CASE("what is printed names every setting, and of the token only where it comes from (R3)") {
  const std::string text = "\n" + print_effective(load_good({{"TETHER_REGISTRATION_TOKEN", "s3cret-token"}}));

  for (const setting::Name& name : setting::kAll) {
    CAPTURE(name.key, text);
    CHECK(names(text, name.key));
  }
  CHECK_THAT(text, Contains("variable TETHER_REGISTRATION_TOKEN"));
  CHECK_THAT(text, !Contains("s3cret"));
  CHECK_THAT(print_effective(Settings{}), Contains("standalone"));
}

TEST_CASE("config/tetherd.yaml names every setting with its variable, and holds the defaults") {
  const std::string text = "\n" + read(TETHER_CONFIG_FILE);

  CHECK(load_good({}, TETHER_CONFIG_FILE) == Settings{});
  for (const setting::Name& name : setting::kAll) {
    CAPTURE(name.key);
    CHECK(names(text, name.key));
    CHECK_THAT(text, Contains(std::string(name.variable)));
  }
}

}  // namespace tether
