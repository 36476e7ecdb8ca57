#include "fixture.h"

namespace tether {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

std::vector<std::string> mistakes_in(const std::string& yaml) {
  const Folder folder;
  const std::string path = folder.write("t.yaml", yaml);
  LoadedSettings loaded = load({}, path);
  // The folder's name is another one each time.
  for (std::string& mistake : loaded.mistakes) {
    for (auto at = mistake.find(path); at != std::string::npos; at = mistake.find(path)) {
      mistake.replace(at, path.size(), "t.yaml");
    }
  }
  return loaded.mistakes;
}

}  // namespace

TEST_CASE("settings come from a file, and the environment wins over it (R1)") {
  const Folder folder;
  const std::string file =
      folder.write("t.yaml", "control_plane:\n  poll_interval_s: 30\n  full_list_every: 7\nstate_dir: /srv\n");

  const Settings settings = load_good({{"TETHER_POLL_INTERVAL_S", "60"}}, file);

  CHECK(settings.control_plane.poll_interval == std::chrono::seconds(60));
  CHECK(settings.control_plane.full_list_every == 7);
  CHECK(settings.state_dir == "/srv");
}

TEST_CASE("the file is the one of the command line, else of TETHER_CONFIG") {
  const Folder folder;
  const std::string first = folder.write("first.yaml", "state_dir: /first\n");
  const std::string second = folder.write("second.yaml", "state_dir: /second\n");

  CHECK(load_good({{"TETHER_CONFIG", second}}).state_dir == "/second");
  CHECK(load_good({{"TETHER_CONFIG", second}}, first).state_dir == "/first");
}

TEST_CASE("a file that was asked for has to be there") {
  const Folder folder;

  CHECK_THAT(load_bad({}, folder.path("none.yaml")), StartsWith("--config: ") && EndsWith("No such file or directory"));
  CHECK_THAT(load_bad({{"TETHER_CONFIG", folder.path("none.yaml")}}), StartsWith("TETHER_CONFIG: "));
  CHECK_THAT(load_bad({}, folder.path("")), StartsWith("--config: "));
}

TEST_CASE("an unknown key is a mistake with its line") {
  CHECK(mistakes_in("log:\n  level: info\n  colour: red\n") ==
        std::vector<std::string>{"log.colour (t.yaml:3): unknown setting"});
  CHECK(mistakes_in("\nlogs: 1\n") == std::vector<std::string>{"logs (t.yaml:2): unknown setting"});
  CHECK(mistakes_in("state_dir:\n  x: 1\n").size() == 1);
  CHECK(mistakes_in("\"control_plane.url\": 5\n").size() == 1);
}

TEST_CASE("a token in the file is a mistake that does not repeat it (R3)") {
  const auto mistakes = mistakes_in("control_plane:\n  token: s3cret-token\n");

  REQUIRE(mistakes.size() == 1);
  CHECK_THAT(mistakes[0], StartsWith("control_plane.token (t.yaml:2): ") && Contains("token_file"));
  CHECK_THAT(mistakes[0], !Contains("s3cret"));
}

TEST_CASE("a key that is given twice is a mistake") {
  CHECK(mistakes_in("log:\n  level: info\n  level: warn\n") ==
        std::vector<std::string>{"log.level (t.yaml:3): is given twice"});
  CHECK(mistakes_in("log:\n  level: info\nlog:\n  format: text\n") ==
        std::vector<std::string>{"log (t.yaml:3): is given twice"});
}

TEST_CASE("values and sections are what they should be") {
  CHECK(mistakes_in("log:\n  level: [info]\n") ==
        std::vector<std::string>{"log.level (t.yaml:2): holds a list or a map, should hold one plain value"});
  CHECK(mistakes_in("log: info\n") == std::vector<std::string>{"log (t.yaml:1): should hold `key: value` lines"});
  CHECK(mistakes_in("- log\n") == std::vector<std::string>{"t.yaml:1: should hold sections of `key: value`"});
  CHECK(mistakes_in("? [a, b]\n: 1\n").size() == 1);
  CHECK_THAT(mistakes_in("log:\n  level: verbose\n").at(0), StartsWith("log.level (t.yaml:2): holds \"verbose\""));
}

TEST_CASE("an empty file, section or value is unset") {
  CHECK(mistakes_in("").empty());
  CHECK(mistakes_in("# nothing\n").empty());
  CHECK(mistakes_in("log:\ngateway:\n  user: \"\"\n  policies_file: null\n").empty());
}

TEST_CASE("an alias stands for what its anchor names, also for itself") {
  const Folder folder;
  const Settings settings = load_good({}, folder.write("t.yaml", "state_dir: &d /srv\ngateway:\n  socket: *d\n"));
  CHECK(settings.gateway.socket == "/srv");

  CHECK(mistakes_in("log: &l\n  colour: red\nadmin: *l\n") ==
        std::vector<std::string>{"log.colour (t.yaml:2): unknown setting", "admin.colour (t.yaml:2): unknown setting"});
  CHECK(mistakes_in("log: &l\n  level: *l\n") ==
        std::vector<std::string>{"log.level (t.yaml:2): holds a list or a map, should hold one plain value"});
}

TEST_CASE("what is not YAML is a mistake with its line") {
  CHECK_THAT(mistakes_in("log:\n  level: a: b\n").at(0), StartsWith("t.yaml:2: ") && Contains("not YAML"));
  CHECK_THAT(mistakes_in("log: *nowhere\n").at(0), StartsWith("t.yaml:"));
  CHECK_THAT(mistakes_in("state_dir: /a\n---\nstate_dir: /b\n").at(0), Contains("second YAML document"));
  CHECK(mistakes_in("\x01\x02\xff").size() == 1);
}

TEST_CASE("a file that begins with a comma is a mistake, and its reading ends") {
  CHECK_THAT(mistakes_in(",log: {level: info}\n").at(0), StartsWith("t.yaml:1: "));
  CHECK(mistakes_in(",! a: *b\n---\nlog:\n").size() == 1);
}

TEST_CASE("a mistake in a file stays one line, whatever the file and its path hold") {
  const auto is_one_line = [](const std::string& text) {
    return text.find_first_of(std::string("\0\n\x1b\x7f", 4)) == std::string::npos;
  };
  for (const std::string& content :
       {std::string("a: \"\\\0\"\n", 8), std::string("a: \"\\\x1b\"\n"), std::string("a: *b\x7f\n")}) {
    const auto mistakes = mistakes_in(content);
    REQUIRE(mistakes.size() == 1);
    CHECK(is_one_line(mistakes[0]));
  }
  const Folder folder;
  CHECK(is_one_line(load_bad({}, folder.write("a\nb.yaml", "colour: red\n"))));
  CHECK(is_one_line(load_bad({}, folder.path("none\n.yaml"))));
}

TEST_CASE("a file made to blow up is refused, or read without doing so") {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    const std::string last(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 8; ++i) bomb += "*" + last + ",";
    bomb += "*" + last + "]\n";
  }
  CHECK(mistakes_in(bomb).size() == 25);  // Each key is unknown, none is expanded.

  CHECK(mistakes_in(std::string(100'000, '[')).size() == 1);
  CHECK(mistakes_in("log: " + std::string(100'000, '{')).size() == 1);
  CHECK(mistakes_in("&a log: {level: info, x: *a}\n").size() == 1);
}

TEST_CASE("a file has a longest length, and one past it is refused") {
  const Folder folder;
  const std::string longest = "state_dir: /srv\n#" + std::string(kMaxSettingsFileBytes - 17, 'x');
  REQUIRE(longest.size() == kMaxSettingsFileBytes);

  CHECK(load_good({}, folder.write("longest.yaml", longest)).state_dir == "/srv");
  CHECK_THAT(load_bad({}, folder.write("longer.yaml", longest + "x")), Contains("longer than"));
}

}  // namespace tether
