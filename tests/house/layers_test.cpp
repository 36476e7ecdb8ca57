#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <regex>

#include "tree.h"

using namespace tether;
using house::matches;

namespace {

bool is_below(const std::string& path, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(),
                     [&path](const std::string& folder) { return path.rfind(folder + "/", 0) == 0; });
}

std::string include_of(const std::string& pattern) {
  return "#include [<\"](" + pattern + ")";
}

}  // namespace

TEST_CASE("a third party is included only by the libraries that hide it") {
  const std::map<std::string, std::vector<std::string>> hidden_by = {
      {"websocketpp/", {"lib/net"}},
      {"asio", {"lib/net"}},
      {"httplib\\.h", {"lib/http", "lib/gateway", "lib/admin"}},
      {"sqlite3", {"lib/store"}},
      {"prometheus/", {"lib/admin"}},
      {"yaml-cpp/", {"lib/settings"}},
      {"yaml\\.h>", {"lib/protocol"}},
      {"spdlog/", {"lib/log"}},
      {"archive(_entry)?\\.h>", {"lib/protocol"}},
      {"nlohmann/", {"lib/protocol", "lib/settings", "lib/admin", "lib/terminal"}},
      {"openssl/", {"lib/tls", "lib/net", "lib/http", "lib/seal", "lib/proxy"}},
      {"tl/expected", {"lib/base"}},
      {"CLI/", {"daemon"}},
  };

  for (const std::string& path : house::sources({"lib", "daemon"})) {
    const std::string text = house::read(path);
    for (const auto& [third_party, folders] : hidden_by) {
      INFO(path << " includes " << third_party);
      CHECK((is_below(path, folders) || matches(text, include_of(third_party)).empty()));
    }
  }
}

TEST_CASE("the core has no clock, socket, file, thread, log or random device") {
  const std::string headers = include_of(
      "(thread|mutex|shared_mutex|condition_variable|future|fstream|iostream|filesystem|random|spdlog|netdb\\.h|"
      "unistd\\.h|fcntl\\.h|poll\\.h|sys/|netinet/|arpa/)");
  const std::string calls = R"(_clock::now|random_device|std::time\(|getenv|gettimeofday|localtime|std::c(out|err))";

  for (const std::string& path : house::sources({"lib/link", "lib/sync", "lib/delivery", "lib/protocol", "lib/base"})) {
    const std::string text = house::read(path);
    INFO(path);
    CHECK(matches(text, headers) == std::set<std::string>{});
    CHECK(matches(text, calls) == std::set<std::string>{});
  }
}

TEST_CASE("no source holds more than 400 lines, and no test more than 500") {
  for (const std::string& path : house::sources({"lib", "daemon", "tests"})) {
    INFO(path);
    CHECK(house::lines_of(path).size() <= (is_below(path, {"tests"}) ? 500U : 400U));
  }
}

TEST_CASE("no test waits by the clock") {
  for (const std::string& path : house::sources({"tests"})) {
    if (is_below(path, {"tests/house"})) continue;
    INFO(path);
    CHECK(matches(house::read(path), R"(\bu?sleep(_for|_until)?\s*\()") == std::set<std::string>{});
  }
}

TEST_CASE("nothing is marked as unfinished, and no path of one machine is named") {
  for (const std::string& path : house::sources({"lib", "daemon", "tests"})) {
    if (is_below(path, {"tests/house"})) continue;
    INFO(path);
    CHECK(matches(house::read(path), R"(\b(TODO|FIXME|XXX|HACK)\b)") == std::set<std::string>{});
    CHECK(matches(house::read(path), R"(["\s=](/(home|Users|work|root)/[a-z]\w*))") == std::set<std::string>{});
  }
}
