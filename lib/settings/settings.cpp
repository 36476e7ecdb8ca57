#include "tether/settings/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "tether/base/controls.h"
#include "tether/settings/admin.h"
#include "tether/settings/gateway_peer.h"
#include "tether/settings/names.h"
#include "tether/settings/proxy.h"
#include "tether/settings/read_file.h"
#include "tether/settings/reader.h"
#include "tether/settings/settings_file.h"
#include "tether/settings/tls.h"

namespace tether {

namespace {

constexpr std::uint64_t kMaxIntervalSeconds = 86'400;
constexpr std::uint64_t kMaxReconnectMs = 3'600'000;
constexpr std::uint64_t kMaxKnockIntervalS = 3600;
constexpr std::uint64_t kMaxFullListEvery = 1000;
constexpr std::uint64_t kMaxReleaseAfterSeconds = 2'592'000;
constexpr std::uint64_t kMaxStaleAfterSeconds = 2'592'000;
constexpr std::size_t kMaxVersionBytes = 100;
constexpr std::size_t kMaxVersionDigits = 5;
constexpr std::size_t kMaxPoliciesBytes = std::size_t{64} * 1024;
constexpr int kMaxPoliciesDepth = 32;
constexpr std::uint64_t kMinLimitBytes = 1024;
constexpr std::uint64_t kMaxDocumentLimit = 512ULL << 20U;  // SQLite takes no row of 1,000,000,000 bytes
constexpr std::uint64_t kMaxTransferLimit = 16ULL << 30U;

template <class T>
void set(T& setting, std::optional<T> value) {
  if (value) setting = std::move(*value);
}

template <class Count>
void set_number(SettingReader& in, const setting::Name& name, std::uint64_t max, Count& setting) {
  if (const auto value = in.number(name, 1, max)) setting = Count(static_cast<std::int64_t>(*value));
}

void read_url(SettingReader& in, ControlPlaneSettings& out) {
  const auto given = in.given(setting::kUrl);
  if (!given) return;
  auto address = parse_control_plane_url(given->text);
  if (!address) {
    // A user, a query or a fragment may be a password: such a text is not repeated.
    const bool is_showable = given->text.find_first_of("@?#") == std::string::npos;
    const std::string holds =
        is_showable ? "holds " + in_quotes(given->text) + ": " : "holds a URL that is not shown: ";
    in.mistake(given->name, holds + address.error().message + "; should be wss://HOST[:PORT][/PATH" +
                                std::string(kConnectSuffix) + "]");
    return;
  }
  out.address = std::move(*address);
}

void check_plaintext(SettingReader& in, const ControlPlaneSettings& settings) {
  if (settings.address.tls || settings.allow_plaintext || settings.address.is_loopback()) return;
  if (const auto given = in.given(setting::kUrl)) {
    in.wrong(*given, "wss:// for a host that is not loopback (or control_plane.allow_plaintext be true)");
  }
}

void read_reconnect(SettingReader& in, ControlPlaneSettings& out) {
  set_number(in, setting::kReconnectInitial, kMaxReconnectMs, out.reconnect_initial);
  set_number(in, setting::kReconnectMax, kMaxReconnectMs, out.reconnect_max);
  if (out.reconnect_initial <= out.reconnect_max) return;
  if (const auto initial = in.given(setting::kReconnectInitial)) {
    in.wrong(*initial, "at most reconnect_max_ms, which is " + std::to_string(out.reconnect_max.count()));
  } else if (const auto max = in.given(setting::kReconnectMax)) {
    in.wrong(*max, "at least reconnect_initial_ms, which is " + std::to_string(out.reconnect_initial.count()));
  }
}

/// The path of a systemd credential that was given to us. One that is there and cannot be used is not passed over: it
/// would look as if nothing had been given.
std::optional<std::string> credential(const SettingReader& in, const std::string& name) {
  const auto folder = in.variable("CREDENTIALS_DIRECTORY");
  if (!folder) return std::nullopt;
  std::string path = *folder + "/" + name;
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  return path;
}

/// A variable with the token itself: checked here, because a header that cannot carry it is a mistake of the user's.
TokenSource token_in_variable(SettingReader& in, std::string_view variable, std::string text) {
  TokenSource out = TokenSource::value(std::string(variable), Secret(std::move(text)));
  if (out.read()) return out;
  in.mistake(std::string(variable),
             "holds a token that is not shown, should be printable ASCII without spaces, at most " +
                 std::to_string(kMaxTokenBytes) + " bytes");
  return {};
}

/// What is no absolute path may be the token itself, put into the wrong setting: it is not repeated, nor looked for.
TokenSource token_in_file(SettingReader& in, Given given) {
  const std::string& path = given.text;
  if (path.front() == '/' && path.size() <= kMaxPathBytes && is_plain(path)) {
    return TokenSource::file(std::move(given.text));
  }
  in.mistake(given.name,
             "holds something that is not shown, should be the absolute path of a file with the token, at "
             "most " +
                 std::to_string(kMaxPathBytes) + " bytes of UTF-8 without control characters");
  return {};
}

void read_token(SettingReader& in, ControlPlaneSettings& out) {
  auto value = in.variable(setting::kToken);
  if (value && in.variable(setting::kTokenFile.variable)) {
    in.mistake(std::string(setting::kToken),
               "is set while " + std::string(setting::kTokenFile.variable) + " is set too, should be one of them");
    return;
  }
  if (value) {
    out.token = token_in_variable(in, setting::kToken, std::move(*value));
    return;
  }
  if (auto file = in.given(setting::kTokenFile)) {
    out.token = token_in_file(in, std::move(*file));
    return;
  }
  if (auto path = credential(in, "registration-token")) {
    out.token = TokenSource::credential(std::move(*path));
    return;
  }
  if (auto fallback = in.variable(setting::kFallbackToken)) {
    out.token = token_in_variable(in, setting::kFallbackToken, std::move(*fallback));
  }
}

ControlPlaneSettings read_control_plane(SettingReader& in) {
  ControlPlaneSettings out;
  read_url(in, out);
  read_token(in, out);
  out.proxy = read_proxy(in, out.address);
  out.tls = read_tls(in);
  set(out.allow_plaintext, in.boolean(setting::kAllowPlaintext));
  check_plaintext(in, out);
  set_number(in, setting::kPollInterval, kMaxIntervalSeconds, out.poll_interval);
  set_number(in, setting::kFullListEvery, kMaxFullListEvery, out.full_list_every);
  read_reconnect(in, out);
  set_number(in, setting::kKnockInterval, kMaxKnockIntervalS, out.knock_interval);
  if (const auto choice = in.word(setting::kOnRejection, {"probe", "stop"})) {
    out.on_rejection = static_cast<ControlPlaneSettings::OnRejection>(*choice);
  }
  set(out.report_failures, in.boolean(setting::kReportFailures));
  return out;
}

SyncSettings read_sync(SettingReader& in) {
  SyncSettings out;
  const auto seconds = in.number(setting::kDeletionReleaseAfter, 0, kMaxReleaseAfterSeconds);
  if (seconds) out.deletion_release_after = std::chrono::seconds(*seconds);
  set_number(in, setting::kStaleAfter, kMaxStaleAfterSeconds, out.stale_after);
  return out;
}

/// True if `text` is a JSON array that can be carried on without a second thought.
bool is_json_array(const std::string& text) {
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > kMaxPoliciesDepth;
    return !too_deep;
  };
  const auto json = nlohmann::json::parse(text, watch_depth, /*allow_exceptions=*/false);
  return !too_deep && json.is_array();
}

void read_policies(SettingReader& in, GatewaySettings& out) {
  const auto path = in.text(setting::kPoliciesFile, kMaxPathBytes);
  if (!path) return;
  auto content = read_file(*path, kMaxPoliciesBytes);
  if (!content) {
    in.wrong(*in.given(setting::kPoliciesFile), "a file that can be read (" + content.error().message + ")");
  } else if (!is_json_array(*content)) {
    in.wrong(*in.given(setting::kPoliciesFile), "a file with one JSON array in it");
  } else {
    out.policies_file = *path;
    out.policies_json = std::move(*content);
  }
}

/// `MAJOR.MINOR` or `MAJOR.MINOR.PATCH`, numbers of at most five digits: the control plane decides by it in which
/// format documents come.
bool is_version(std::string_view text) {
  std::size_t numbers = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('.');
    const std::string_view number = text.substr(0, end);
    const bool digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    if (number.empty() || number.size() > kMaxVersionDigits || !digits) return false;
    ++numbers;
    if (end == std::string_view::npos) return numbers == 2 || numbers == 3;
    text.remove_prefix(end + 1);
  }
  return false;
}

void read_version(SettingReader& in, GatewaySettings& out) {
  auto version = in.text(setting::kGatewayVersion, kMaxVersionBytes);
  if (!version) return;
  if (is_version(*version)) {
    out.version = std::move(*version);
  } else {
    in.wrong(*in.given(setting::kGatewayVersion), "MAJOR.MINOR or MAJOR.MINOR.PATCH, as 1.2.0");
  }
}

GatewaySettings read_gateway(SettingReader& in) {
  GatewaySettings out;
  set(out.socket, in.text(setting::kGatewaySocket, kMaxSocketPathBytes));
  in.word(setting::kGatewayDriver, {"push"});
  read_peer(in, out);
  read_version(in, out);
  set_number(in, setting::kCheckInterval, kMaxIntervalSeconds, out.check_interval);
  constexpr std::array kTypes = {"regular", "ai", "event"};
  if (const auto type = in.word(setting::kFunctionalityType, {kTypes[0], kTypes[1], kTypes[2]})) {
    out.functionality_type = kTypes.at(*type);
  }
  read_policies(in, out);
  return out;
}

LogSettings read_log(SettingReader& in) {
  LogSettings out;
  if (const auto level = in.word(setting::kLogLevel, {"debug", "info", "warn", "error"})) {
    out.level = static_cast<LogSettings::Level>(*level);
  }
  if (const auto format = in.word(setting::kLogFormat, {"json", "text"})) {
    out.format = static_cast<LogSettings::Format>(*format);
  }
  return out;
}

LimitSettings read_limits(SettingReader& in) {
  LimitSettings out;
  const auto limit = [&in](const setting::Name& name, std::uint64_t max, std::size_t& setting) {
    if (const auto value = in.number(name, kMinLimitBytes, max)) setting = *value;
  };
  limit(setting::kMaxDocumentBytes, kMaxDocumentLimit, out.max_document_bytes);
  limit(setting::kMaxArchiveBytes, kMaxTransferLimit, out.max_archive_bytes);
  limit(setting::kMaxListingBytes, kMaxTransferLimit, out.max_listing_bytes);
  return out;
}

StoreSettings read_store(SettingReader& in) {
  StoreSettings out;
  if (const auto given = in.given(setting::kStoreKeyFile)) {
    const auto path = in.text(setting::kStoreKeyFile, kMaxPathBytes);
    if (!path) return out;
    if (path->front() != '/') {
      // It may be the key itself, put into the wrong setting: it is not repeated.
      in.mistake(given->name, "holds something that is not shown, should be the absolute path of a file with the key");
      return out;
    }
    return {StoreSettings::KeyFrom::File, *path};
  }
  if (auto path = credential(in, "store-key")) return {StoreSettings::KeyFrom::Credential, std::move(*path)};
  return out;
}

std::string read_state_dir(SettingReader& in) {
  if (in.given(setting::kStateDir)) return in.text(setting::kStateDir, kMaxPathBytes).value_or("");
  // systemd's list of folders, the first of which is ours.
  if (const auto folders = in.variable("STATE_DIRECTORY")) {
    std::string first = folders->substr(0, folders->find(':'));
    if (!first.empty() && first.size() <= kMaxPathBytes && is_plain(first)) return first;
    in.wrong({"STATE_DIRECTORY", *folders},
             "folders with colons between them, the first " + should_be_plain(kMaxPathBytes));
  }
  return Settings{}.state_dir;
}

Settings read_all(SettingReader& in) {
  Settings out;
  out.control_plane = read_control_plane(in);
  out.sync = read_sync(in);
  out.state_dir = read_state_dir(in);
  out.gateway = read_gateway(in);
  out.admin = read_admin(in);
  out.log = read_log(in);
  out.limits = read_limits(in);
  out.store = read_store(in);
  return out;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): before any thread is made.
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

LoadedSettings load_settings(const Environment& environment, const std::optional<std::string>& config_path) {
  LoadedSettings out;
  std::string path = config_path.value_or("");
  const std::string asked_by = config_path ? "--config" : std::string(setting::kConfig);
  if (!config_path) path = environment(std::string(setting::kConfig)).value_or("");

  SettingsFile file;
  if (config_path || !path.empty()) file = read_settings_file(path, asked_by);
  out.mistakes = std::move(file.mistakes);
  SettingReader reader(environment, file, path, out.mistakes);
  Settings settings = read_all(reader);
  // The parser's words and the file's own path can hold what would break a line of output.
  for (std::string& mistake : out.mistakes) mistake = without_controls(mistake);
  if (out.mistakes.empty()) out.settings = std::move(settings);
  return out;
}

}  // namespace tether
