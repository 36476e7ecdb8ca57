#include "tether/settings/admin.h"

#include <sys/stat.h>

namespace tether {
namespace {

constexpr std::string_view kUnix = "unix:";

void read_listen(SettingReader& in, const Given& given, AdminSettings& out) {
  const std::string_view text = given.text;
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    if (path.starts_with('/') && path.size() <= kMaxSocketPathBytes && is_plain(path)) {
      out.unix_path = path;
    } else {
      in.wrong(given, "unix: and an absolute path of at most " + std::to_string(kMaxSocketPathBytes) + " bytes");
    }
    return;
  }
  auto address = parse_listen_address(text);
  if (!address) {
    return in.wrong(given, "HOST:PORT, [IPV6]:PORT or unix:/PATH (" + address.error().message + ")");
  }
  out.host = std::move(address->host);
  out.port = address->port;
}

/// What is no absolute path may be the token itself: it is not repeated.
void read_token_file(SettingReader& in, AdminSettings& out) {
  const auto given = in.given(setting::kAdminTokenFile);
  if (!given) return;
  if (given->text.front() != '/' || given->text.size() > kMaxPathBytes || !is_plain(given->text)) {
    in.mistake(given->name, "holds something that is not shown, should be the absolute path of a file with the token");
    return;
  }
  out.token = TokenSource::file(given->text);
  struct stat about {};
  const bool is_there = ::stat(given->text.c_str(), &about) == 0;
  if (is_there && (about.st_mode & S_IRWXO) != 0) {
    in.wrong(*given, "a file that its owner, or a group, can read alone (chmod o= does it)");
  } else if (const auto token = out.token.read(); !token) {
    in.wrong(*given, "a file with a token (" + out.token.why_none() + ")");
  } else if (token->reveal().size() < kMinAdminTokenBytes) {
    in.wrong(*given, "a file with a token of at least " + std::to_string(kMinAdminTokenBytes) + " bytes");
  }
}

}  // namespace

AdminSettings read_admin(SettingReader& in) {
  AdminSettings out;
  const auto listen = in.given(setting::kAdminListen);
  if (listen) read_listen(in, *listen, out);
  read_token_file(in, out);
  const bool is_local = !out.unix_path.empty() || is_loopback(out.host);
  if (listen && !is_local && out.token.kind() == TokenSource::Kind::None) {
    in.wrong(*listen, "a loopback address or unix:/PATH, unless " + std::string(setting::kAdminTokenFile.key) + " (" +
                          std::string(setting::kAdminTokenFile.variable) +
                          ") names a token that clients from elsewhere must bring");
  }
  return out;
}

}  // namespace tether
