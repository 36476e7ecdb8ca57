#include "tether/settings/settings.h"

#include "fixture.h"
#include "tether/peers/test_ca.h"

namespace tether {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using OnRejection = ControlPlaneSettings::OnRejection;

TEST_CASE("without any setting the defaults hold, and there is no token") {
  const Settings settings = load_good({});

  CHECK(settings == Settings{});
  CHECK(settings.control_plane.token.kind() == TokenSource::Kind::None);
}

TEST_CASE("every setting can come from the environment (R1)") {
  const Folder folder;
  const std::string ca = folder.write("ca.pem", peers::TestCa().certificate());
  const std::string pins = "sha256//" + std::string(43, 'A') + "=";
  const std::string admin_token = folder.write("admin-token", "0123456789abcdef");
  std::filesystem::permissions(admin_token, std::filesystem::perms::owner_read);
  const std::string proxy_credentials = folder.write("proxy", "me:password");
  std::filesystem::permissions(proxy_credentials, std::filesystem::perms::owner_read);
  const std::string policies = folder.write("policies.json", R"([{"name":"cors"}])");

  const Settings settings = load_good({
      {"TETHER_CONTROL_PLANE_URL", "https://cp.example.com:9243"},
      {"TETHER_REGISTRATION_TOKEN", "s3cret-token"},
      {"TETHER_CONTROL_PLANE_CA_FILE", ca},
      {"TETHER_CONTROL_PLANE_PROXY", "http://proxy:3128"},
      {"TETHER_CONTROL_PLANE_PROXY_CREDENTIALS_FILE", proxy_credentials},
      {"TETHER_CONTROL_PLANE_NO_PROXY", "elsewhere"},
      {"TETHER_CONTROL_PLANE_CA_WITH_SYSTEM", "true"},
      {"TETHER_CONTROL_PLANE_TLS_MIN_VERSION", "1.3"},
      {"TETHER_CONTROL_PLANE_SERVER_KEY_PINS", pins},
      {"TETHER_CONTROL_PLANE_ALLOW_PLAINTEXT", "true"},
      {"TETHER_POLL_INTERVAL_S", "60"},
      {"TETHER_FULL_LIST_EVERY", "5"},
      {"TETHER_RECONNECT_INITIAL_MS", "10"},
      {"TETHER_RECONNECT_MAX_MS", "20"},
      {"TETHER_KNOCK_INTERVAL_S", "7"},
      {"TETHER_ON_REJECTION", "stop"},
      {"TETHER_REPORT_FAILURES", "false"},
      {"TETHER_DELETION_RELEASE_AFTER_S", "7200"},
      {"TETHER_STALE_AFTER_S", "300"},
      {"TETHER_STATE_DIR", "/srv/state"},
      {"TETHER_STORE_KEY_FILE", "/etc/store.key"},
      {"TETHER_GATEWAY_SOCKET", "/run/g.sock"},
      {"TETHER_GATEWAY_DRIVER", "push"},
      {"TETHER_GATEWAY_USER", "1234"},
      {"TETHER_GATEWAY_GROUP", "4321"},
      {"TETHER_GATEWAY_VERSION", "9.9"},
      {"TETHER_GATEWAY_CHECK_INTERVAL_S", "3"},
      {"TETHER_GATEWAY_FUNCTIONALITY_TYPE", "ai"},
      {"TETHER_GATEWAY_POLICIES_FILE", policies},
      {"TETHER_ADMIN_LISTEN", "[::1]:0"},
      {"TETHER_ADMIN_TOKEN_FILE", admin_token},
      {"TETHER_LOG_LEVEL", "warn"},
      {"TETHER_LOG_FORMAT", "text"},
      {"TETHER_MAX_DOCUMENT_BYTES", "1024"},
      {"TETHER_MAX_ARCHIVE_BYTES", "2048"},
      {"TETHER_MAX_LISTING_BYTES", "4096"},
  });

  const ControlPlaneSettings& cp = settings.control_plane;
  CHECK(cp.address.url() == "wss://cp.example.com:9243/api/internal/v1/ws/gateways/connect");
  CHECK(cp.token.read() == Secret("s3cret-token"));
  CHECK(cp.tls.ca_path == ca);
  REQUIRE(cp.proxy.through);
  CHECK(*cp.proxy.through == proxy::Proxy{"proxy", 3128, Secret("me:password"), "TETHER_CONTROL_PLANE_PROXY"});
  CHECK(cp.proxy.no_proxy == "elsewhere");
  CHECK(cp.tls.with_system);
  CHECK(cp.tls.tls13);
  CHECK(tls::print_pins(cp.tls.pins) == pins);
  CHECK(cp.allow_plaintext);
  CHECK(cp.poll_interval == std::chrono::seconds(60));
  CHECK(cp.full_list_every == 5);
  CHECK(settings.sync.deletion_release_after == std::chrono::hours(2));
  CHECK(settings.sync.stale_after == std::chrono::minutes(5));
  CHECK(cp.reconnect_initial == std::chrono::milliseconds(10));
  CHECK(cp.reconnect_max == std::chrono::milliseconds(20));
  CHECK(cp.knock_interval == std::chrono::seconds(7));
  CHECK(cp.on_rejection == OnRejection::Stop);
  CHECK_FALSE(cp.report_failures);
  CHECK(settings.state_dir == "/srv/state");
  CHECK(settings.store == StoreSettings{StoreSettings::KeyFrom::File, "/etc/store.key"});
  CHECK(settings.gateway.socket == "/run/g.sock");
  CHECK(settings.gateway.user == GatewayUser{"1234", 1234});
  CHECK(settings.gateway.group == GatewayGroup{"4321", 4321});
  CHECK(settings.gateway.version == "9.9");
  CHECK(settings.gateway.check_interval == std::chrono::seconds(3));
  CHECK(settings.gateway.functionality_type == "ai");
  CHECK(settings.gateway.policies_json == R"([{"name":"cors"}])");
  CHECK(settings.admin == AdminSettings{"::1", 0, "", TokenSource::file(admin_token)});
  CHECK(settings.log == LogSettings{LogSettings::Level::Warn, LogSettings::Format::Text});
  CHECK(settings.limits == LimitSettings{1024, 2048, 4096});
}

TEST_CASE("every mistake is reported in one go, each by the name it was given under") {
  const Folder folder;
  const std::string file = folder.write("t.yaml", "log:\n  level: loud\ngateway:\n  driver: pull\n");

  const LoadedSettings loaded = load({{"TETHER_POLL_INTERVAL_S", "soon"}, {"TETHER_REPORT_FAILURES", "no"}}, file);

  CHECK_FALSE(loaded.settings);
  const std::vector<std::string> expected = {
      R"(TETHER_POLL_INTERVAL_S: holds "soon", should be a whole number from 1 to 86400)",
      R"(TETHER_REPORT_FAILURES: holds "no", should be true or false)",
      "gateway.driver (" + file + R"(:4): holds "pull", should be push)",
      "log.level (" + file + R"(:2): holds "loud", should be debug, info, warn or error)",
  };
  CHECK(loaded.mistakes == expected);
}

TEST_CASE("an empty variable is an unset one") {
  CHECK(load_good({{"TETHER_POLL_INTERVAL_S", ""}, {"TETHER_CONTROL_PLANE_URL", ""}, {"TETHER_CONFIG", ""}}) ==
        Settings{});
}

TEST_CASE("numbers are whole, decimal, and within their range") {
  struct Range {
    const char* name;
    const char* min;
    const char* max;
    const char* below;
    const char* above;
  };
  const auto range = GENERATE(Range{"TETHER_POLL_INTERVAL_S", "1", "86400", "0", "86401"},
                              Range{"TETHER_GATEWAY_CHECK_INTERVAL_S", "1", "86400", "0", "86401"},
                              Range{"TETHER_KNOCK_INTERVAL_S", "1", "3600", "0", "3601"},
                              Range{"TETHER_FULL_LIST_EVERY", "1", "1000", "0", "1001"},
                              Range{"TETHER_DELETION_RELEASE_AFTER_S", "0", "2592000", "-1", "2592001"},
                              Range{"TETHER_STALE_AFTER_S", "1", "2592000", "0", "2592001"},
                              Range{"TETHER_RECONNECT_MAX_MS", "1000", "3600000", "0", "3600001"},
                              Range{"TETHER_RECONNECT_INITIAL_MS", "1", "300000", "0", "3600001"},
                              Range{"TETHER_MAX_DOCUMENT_BYTES", "1024", "536870912", "1023", "536870913"},
                              Range{"TETHER_MAX_ARCHIVE_BYTES", "1024", "17179869184", "1023", "17179869185"},
                              Range{"TETHER_MAX_LISTING_BYTES", "1024", "17179869184", "1023", "17179869185"});
  CAPTURE(range.name);

  CHECK(load({{range.name, range.min}}).settings);
  CHECK(load({{range.name, range.max}}).settings);
  for (const char* bad :
       {range.below, range.above, "-1", "+5", "1.5", "0x10", "1e3", " 5", "5s", "010", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_THAT(load_bad({{range.name, bad}}), StartsWith(range.name) && Contains("whole number"));
  }
}

TEST_CASE("booleans are true or false and nothing else") {
  for (const char* bad : {"True", "yes", "1", "on", "FALSE"}) {
    CAPTURE(bad);
    CHECK_THAT(load_bad({{"TETHER_CONTROL_PLANE_ALLOW_PLAINTEXT", bad}}), Contains("should be true or false"));
  }
}

TEST_CASE("the first wait is not longer than the longest") {
  CHECK_THAT(load_bad({{"TETHER_RECONNECT_INITIAL_MS", "300001"}}),
             StartsWith("TETHER_RECONNECT_INITIAL_MS: holds \"300001\"") && Contains("300000"));
  CHECK_THAT(load_bad({{"TETHER_RECONNECT_MAX_MS", "999"}}),
             StartsWith("TETHER_RECONNECT_MAX_MS: holds \"999\"") && Contains("1000"));
}

TEST_CASE("a malformed URL names its setting, what it holds and what it should hold (R11)") {
  CHECK_THAT(load_bad({{"TETHER_CONTROL_PLANE_URL", "localhost:8443"}}),
             StartsWith("TETHER_CONTROL_PLANE_URL: holds \"localhost:8443\": it has no scheme; should be wss://"));
}

TEST_CASE("what may be a password in a URL is not repeated (R3)") {
  for (const char* url : {"wss://me:hunter2@h", "wss//me:hunter2@h", "wss://h?key=hunter2", "wss://h#hunter2"}) {
    const std::string mistake = load_bad({{"TETHER_CONTROL_PLANE_URL", url}});
    CHECK_THAT(mistake, StartsWith("TETHER_CONTROL_PLANE_URL: "));
    CHECK_THAT(mistake, !Contains("hunter2"));
  }
}

TEST_CASE("plain text goes to loopback only, unless it is allowed") {
  CHECK_THAT(load_bad({{"TETHER_CONTROL_PLANE_URL", "ws://cp.example.com"}}),
             StartsWith("TETHER_CONTROL_PLANE_URL: ") && Contains("allow_plaintext"));
  CHECK(load_good({{"TETHER_CONTROL_PLANE_URL", "ws://127.0.0.1:80"}}).control_plane.address.tls == false);
  CHECK(load({{"TETHER_CONTROL_PLANE_URL", "ws://cp.example.com"}, {"TETHER_CONTROL_PLANE_ALLOW_PLAINTEXT", "true"}})
            .settings);
}

TEST_CASE("the token comes from a variable, a file, a credential, or the older variable, in this order (R3)") {
  const Folder folder;
  const std::string file = folder.write("token", "from-file\n");
  folder.write("registration-token", "from-credential\n");
  const std::string yaml = folder.write("t.yaml", "control_plane:\n  token_file: " + file + "\n");
  Variables variables = {{"GATEWAY_REGISTRATION_TOKEN", "from-older"}};
  const auto token = [&](const std::optional<std::string>& path = std::nullopt) {
    return load_good(variables, path).control_plane.token;
  };

  CHECK(token().read() == Secret("from-older"));
  variables["CREDENTIALS_DIRECTORY"] = folder.path("nothing-there");
  CHECK(token().read() == Secret("from-older"));
  variables["CREDENTIALS_DIRECTORY"] = folder.path("");
  CHECK(token().read() == Secret("from-credential"));
  CHECK(token(yaml).read() == Secret("from-file"));
  variables["TETHER_REGISTRATION_TOKEN"] = "from-variable";
  CHECK(token(yaml).read() == Secret("from-variable"));
  variables.erase("TETHER_REGISTRATION_TOKEN");
  variables["TETHER_REGISTRATION_TOKEN_FILE"] = folder.write("other", "from-other\n");
  CHECK(token(yaml).read() == Secret("from-other"));
}

TEST_CASE("a credential that is there and cannot be used is told, and nothing else is taken in its place (R3)") {
  const Folder folder;
  Variables variables = {{"CREDENTIALS_DIRECTORY", std::filesystem::path(folder.path("x")).parent_path()},
                         {"GATEWAY_REGISTRATION_TOKEN", "not-instead"}};
  folder.write("registration-token", "s3cret token\n");

  const auto token = load_good(variables).control_plane.token;

  CHECK_FALSE(token.read());
  CHECK(token.why_none() == folder.path("registration-token") +
                                " holds something that is no token: printable ASCII without blanks is wanted");
}

TEST_CASE("a configured token file that is missing is no mistake: it may come") {
  const Folder folder;

  const auto token = load_good({{"TETHER_REGISTRATION_TOKEN_FILE", folder.path("later")},
                                {"GATEWAY_REGISTRATION_TOKEN", "not-instead"}})
                         .control_plane.token;

  CHECK(token.path() == folder.path("later"));
  CHECK_FALSE(token.read());
}

TEST_CASE("the token in the place of its file's path is a mistake that does not repeat it (R3)") {
  const Folder folder;
  for (const std::string& value : {std::string("s3cret-token"), std::string("./s3cret-token"), std::string("s3cret\n"),
                                   "/s3cret\n" + std::string("token"), "/s3cret" + std::string(5000, 't')}) {
    CAPTURE(value.substr(0, 20));
    const std::string mistake = load_bad({{"TETHER_REGISTRATION_TOKEN_FILE", value}});
    CHECK_THAT(mistake, StartsWith("TETHER_REGISTRATION_TOKEN_FILE: ") && Contains("absolute path"));
    CHECK_THAT(mistake, !Contains("s3cret"));
  }
  const std::string yaml = folder.write("t.yaml", "control_plane:\n  token_file: s3cret-token\n");
  const std::string mistake = load_bad({}, yaml);
  CHECK_THAT(mistake, StartsWith("control_plane.token_file (" + yaml + ":2): ") && Contains("absolute path"));
  CHECK_THAT(mistake, !Contains("s3cret"));
}

TEST_CASE("both token variables at once are a mistake") {
  const std::string mistake =
      load_bad({{"TETHER_REGISTRATION_TOKEN", "s3cret-token"}, {"TETHER_REGISTRATION_TOKEN_FILE", "/x"}});

  CHECK_THAT(mistake, StartsWith("TETHER_REGISTRATION_TOKEN: ") && Contains("TETHER_REGISTRATION_TOKEN_FILE"));
  CHECK_THAT(mistake, !Contains("s3cret"));
}

TEST_CASE("a token that no header can carry is a mistake that does not repeat it (R3)") {
  for (const char* name : {"TETHER_REGISTRATION_TOKEN", "GATEWAY_REGISTRATION_TOKEN"}) {
    const std::string mistake = load_bad({{name, "s3cret token"}});
    CHECK_THAT(mistake, StartsWith(name));
    CHECK_THAT(mistake, !Contains("s3cret"));
  }
}

TEST_CASE("the CA file has to be there") {
  const Folder folder;

  CHECK_THAT(load_bad({{"TETHER_CONTROL_PLANE_CA_FILE", folder.path("missing.pem")}}),
             StartsWith("TETHER_CONTROL_PLANE_CA_FILE: ") && Contains("missing.pem"));
  CHECK_THAT(load_bad({{"TETHER_CONTROL_PLANE_CA_FILE", folder.path("")}}),
             StartsWith("TETHER_CONTROL_PLANE_CA_FILE: "));
  CHECK_THAT(load_bad({{"TETHER_CONTROL_PLANE_CA_FILE", folder.write("not.pem", "hello")}}), Contains("PEM"));
}

TEST_CASE("the gateway's user is one name or number of this machine") {
  CHECK(load_good({{"TETHER_GATEWAY_USER", "root"}}).gateway.user == GatewayUser{"root", 0});
  for (const char* bad : {"no-such-user-here", "root,daemon", "4294967295", "99999999999", "-1"}) {
    CAPTURE(bad);
    CHECK_THAT(load_bad({{"TETHER_GATEWAY_USER", bad}}), StartsWith("TETHER_GATEWAY_USER: ") && Contains("uid"));
  }
}

TEST_CASE("a socket's path fits into a socket address") {
  CHECK(load({{"TETHER_GATEWAY_SOCKET", "/" + std::string(106, 's')}}).settings);
  CHECK_THAT(load_bad({{"TETHER_GATEWAY_SOCKET", "/" + std::string(107, 's')}}), StartsWith("TETHER_GATEWAY_SOCKET: "));
}

TEST_CASE("the gateway's version is numbers, two or three of them") {
  for (const char* good : {"1.2.0", "1.2", "0.0", "99999.99999.99999"}) {
    CHECK(load_good({{"TETHER_GATEWAY_VERSION", good}}).gateway.version == good);
  }
  for (const char* bad : {"1", "v1.2.0", "1.2.0.1", "1..2", "1.2.", ".1.2", "1.2-rc1", "1.x", "100000.1", "latest"}) {
    CHECK_THAT(load_bad({{"TETHER_GATEWAY_VERSION", bad}}),
               StartsWith("TETHER_GATEWAY_VERSION: holds \"") && Contains("MAJOR.MINOR or MAJOR.MINOR.PATCH"));
  }
}

TEST_CASE("texts have a longest length, and one past it is a mistake") {
  CHECK_THAT(load_bad({{"TETHER_GATEWAY_VERSION", std::string(101, '1')}}), Contains("at most 100 bytes"));
  CHECK(load({{"TETHER_STATE_DIR", "/" + std::string(4094, 's')}}).settings);
  CHECK_THAT(load_bad({{"TETHER_STATE_DIR", "/" + std::string(4095, 's')}}), Contains("at most 4095 bytes"));
  // As long as that no user's name is: the first is only not known.
  CHECK_THAT(load_bad({{"TETHER_GATEWAY_USER", std::string(256, 'u')}}), Contains("a user of this machine"));
  CHECK_THAT(load_bad({{"TETHER_GATEWAY_USER", std::string(257, 'u')}}), Contains("at most 256 bytes"));
}

TEST_CASE("files that settings name have a longest length, and one past it is a mistake") {
  const Folder folder;
  const auto policies = [](std::size_t bytes) { return "[" + std::string(bytes - 2, ' ') + "]"; };
  constexpr std::size_t kMaxPolicies = std::size_t{64} * 1024;
  CHECK(load({{"TETHER_GATEWAY_POLICIES_FILE", folder.write("p", policies(kMaxPolicies))}}).settings);
  CHECK_THAT(load_bad({{"TETHER_GATEWAY_POLICIES_FILE", folder.write("p", policies(kMaxPolicies + 1))}}),
             Contains("longer than 65536 bytes"));

  const auto authorities = [](std::size_t bytes) {
    const std::string begin = peers::TestCa().certificate();
    return begin + std::string(bytes - begin.size(), '\n');
  };
  constexpr std::size_t kMaxAuthorities = std::size_t{16} * 1024 * 1024;
  CHECK(load({{"TETHER_CONTROL_PLANE_CA_FILE", folder.write("c", authorities(kMaxAuthorities))}}).settings);
  CHECK_THAT(load_bad({{"TETHER_CONTROL_PLANE_CA_FILE", folder.write("c", authorities(kMaxAuthorities + 1))}}),
             Contains("a file with PEM certificates"));
}

TEST_CASE("policies are a JSON array, and not a deep one") {
  const Folder folder;
  const auto bad = [&](const std::string& content) {
    return load_bad({{"TETHER_GATEWAY_POLICIES_FILE", folder.write("p.json", content)}});
  };

  CHECK_THAT(bad("{}"), Contains("JSON array"));
  CHECK_THAT(bad("[1,"), Contains("JSON array"));
  CHECK_THAT(bad("[] []"), Contains("JSON array"));
  CHECK_THAT(bad(std::string(40, '[') + std::string(40, ']')), Contains("JSON array"));
  CHECK_THAT(load_bad({{"TETHER_GATEWAY_POLICIES_FILE", folder.path("missing")}}), Contains("No such file"));
  CHECK(load({{"TETHER_GATEWAY_POLICIES_FILE", folder.write("p.json", "[]\n")}}).settings);
}

TEST_CASE("the listen address is a host and a port") {
  CHECK_THAT(load_bad({{"TETHER_ADMIN_LISTEN", "9469"}}), StartsWith("TETHER_ADMIN_LISTEN: holds \"9469\""));
}

TEST_CASE("the state folder is systemd's unless it is set") {
  CHECK(load_good({{"STATE_DIRECTORY", "/var/lib/a:/var/lib/b"}}).state_dir == "/var/lib/a");
  CHECK(load_good({{"STATE_DIRECTORY", "/var/lib/a"}, {"TETHER_STATE_DIR", "/srv"}}).state_dir == "/srv");
  CHECK_THAT(load_bad({{"STATE_DIRECTORY", ":/var/lib/b"}}), StartsWith("STATE_DIRECTORY: holds \":/var/lib/b\""));
}

TEST_CASE("a text that is not UTF-8 is a mistake, because the manifest and the printed settings are") {
  CHECK(load_good({{"TETHER_GATEWAY_SOCKET", "/run/\xC3\xA9"}}).gateway.socket == "/run/\xC3\xA9");
  for (const std::string name :
       {"TETHER_GATEWAY_VERSION", "TETHER_STATE_DIR", "STATE_DIRECTORY", "TETHER_REGISTRATION_TOKEN_FILE"}) {
    CAPTURE(name);
    CHECK_THAT(load_bad({{name, "/\xFF"}}), StartsWith(name + ": ") && Contains("UTF-8"));
  }
}

TEST_CASE("a mistake stays one line, whatever the setting holds") {
  const std::string mistake = load_bad({{"TETHER_LOG_LEVEL", "a\nb\x1b[31m" + std::string(1000, 'x')}});

  CHECK(mistake.size() < 300);
  CHECK(mistake.find('\x1b') == std::string::npos);
}

TEST_CASE("the process's environment is looked at") {
  REQUIRE(::setenv("TETHER_TEST_SETTING", "there", 1) == 0);  // NOLINT(concurrency-mt-unsafe): one thread.

  CHECK(process_environment()("TETHER_TEST_SETTING") == "there");
  CHECK_FALSE(process_environment()("TETHER_TEST_SETTING_THAT_IS_NOT_SET"));
}

TEST_CASE("the store's key is a configured file, else the systemd credential store-key, else one in the state folder") {
  using KeyFrom = StoreSettings::KeyFrom;
  const Folder folder;
  const std::string credentials = std::filesystem::path(folder.write("other", "x")).parent_path();

  CHECK(load_good({}).store == StoreSettings{});
  CHECK(load_good({{"CREDENTIALS_DIRECTORY", credentials}}).store == StoreSettings{});
  const std::string credential = folder.write("store-key", std::string(64, 'k'));
  CHECK(load_good({{"CREDENTIALS_DIRECTORY", credentials}}).store == StoreSettings{KeyFrom::Credential, credential});
  CHECK(load_good({{"CREDENTIALS_DIRECTORY", credentials}, {"TETHER_STORE_KEY_FILE", "/k"}}).store ==
        StoreSettings{KeyFrom::File, "/k"});
}

TEST_CASE("what is no path is not repeated: it may be the key itself") {
  const LoadedSettings loaded = load({{"TETHER_STORE_KEY_FILE", "6f1ed002ab5595859014ebf0951522d9"}});

  REQUIRE(loaded.mistakes.size() == 1);
  CHECK_THAT(loaded.mistakes[0], Catch::StartsWith("TETHER_STORE_KEY_FILE: ") && Catch::Contains("absolute path"));
  CHECK_FALSE(Catch::Contains("6f1e").match(loaded.mistakes[0]));
}

}  // namespace tether
