#include "tether/settings/proxy.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "tether/settings/read_file.h"

namespace tether {
namespace {

constexpr std::size_t kMaxListBytes = std::size_t{8} * 1024;
constexpr std::size_t kMaxCredentialBytes = 1024;
constexpr std::string_view kNone = "none";
constexpr std::string_view kShould = "http://HOST:PORT, or none";
/// One that cannot be used may hold a password: it is not repeated.
constexpr std::string_view kHolds = "holds a proxy that is not shown: ";

std::optional<proxy::Proxy> configured(SettingReader& in, const Given& given, ProxySettings& out) {
  if (given.text == kNone) {
    out.why_direct = given.name + " is none";
    return std::nullopt;
  }
  auto proxy = proxy::parse_proxy_url(given.text);
  if (proxy && proxy->credentials.empty()) {
    proxy->setting = given.name;
    return std::move(*proxy);
  }
  const std::string why = proxy ? "it has a user or a password in it" : proxy.error().message;
  const std::string file =
      proxy ? ", and " + std::string(setting::kProxyCredentials.key) + " name the file with USER:PASSWORD" : "";
  in.mistake(given.name, std::string(kHolds) + why + "; should be " + std::string(kShould) + file);
  return std::nullopt;
}

/// A variable that is meant for other programs as well keeps nobody from starting: there is no way by what it names,
/// and past it nothing is sent.
proxy::Proxy parse_of_others(const std::string& name, const std::string& url) {
  auto parsed = proxy::parse_proxy_url(url);
  proxy::Proxy out = parsed ? std::move(*parsed) : proxy::Proxy();
  out.setting = name;
  if (!parsed) {
    out.why_unusable = name + ": " + std::string(kHolds) + parsed.error().message +
                       "; should be http://HOST:PORT, or " + std::string(setting::kProxy.variable) +
                       " say which proxy is used in its place, or none";
  }
  return out;
}

/// What is said to all programs of the machine: not meant for a control plane on this one.
std::optional<proxy::Proxy> of_environment(SettingReader& in, const ControlPlaneAddress& to, ProxySettings& out) {
  // HTTP_PROXY in capitals may be a header of a request that a CGI program got.
  const std::vector<std::string> names =
      to.tls ? std::vector<std::string>{"HTTPS_PROXY", "https_proxy"} : std::vector<std::string>{"http_proxy"};
  for (const std::string& name : names) {
    const auto url = in.variable(name);
    if (!url) continue;
    if (to.is_loopback()) {
      out.why_direct = name + " does not count for this machine itself";
      return std::nullopt;
    }
    for (const char* exceptions : {"NO_PROXY", "no_proxy"}) {
      if (!proxy::is_excepted(in.variable(exceptions).value_or(""), to.host, to.port)) continue;
      out.why_direct = std::string(exceptions) + " excepts it from " + name;
      return std::nullopt;
    }
    return parse_of_others(name, *url);
  }
  return std::nullopt;
}

std::optional<Secret> read_credentials(SettingReader& in, const Given& given) {
  const std::string should = "the absolute path of a file with USER:PASSWORD, closed to other users";
  if (given.text.front() != '/' || given.text.size() > kMaxPathBytes || !is_plain(given.text)) {
    in.mistake(given.name, "holds something that is not shown, should be " + should);
    return std::nullopt;
  }
  struct stat about {};
  if (::stat(given.text.c_str(), &about) == 0 && (about.st_mode & S_IRWXO) != 0) {
    in.wrong(given, should + " (chmod o= does it)");
    return std::nullopt;
  }
  auto content = read_file(given.text, kMaxCredentialBytes);
  if (!content) {
    in.wrong(given, should + " (" + content.error().message + ")");
    return std::nullopt;
  }
  const Secret held(std::move(*content));
  const std::string_view text = held.reveal();
  const std::string_view line = text.substr(0, text.find_last_not_of("\r\n") + 1);
  const bool is_usable = line.find(':') != std::string_view::npos && line.front() != ':' && is_plain(line);
  if (is_usable) return Secret(std::string(line));
  in.wrong(given, should);
  return std::nullopt;
}

}  // namespace

ProxySettings read_proxy(SettingReader& in, const ControlPlaneAddress& to) {
  ProxySettings out;
  const auto given = in.given(setting::kProxy);
  out.through = given ? configured(in, *given, out) : of_environment(in, to, out);
  out.no_proxy = in.text(setting::kNoProxy, kMaxListBytes);
  if (const auto file = in.given(setting::kProxyCredentials)) {
    if (auto credentials = read_credentials(in, *file)) {
      out.credentials_file = file->text;
      if (out.through) out.through->credentials = std::move(*credentials);
    }
  }
  if (out.through && out.no_proxy && proxy::is_excepted(*out.no_proxy, to.host, to.port)) {
    out.why_direct = std::string(setting::kNoProxy.key) + " excepts it from " + out.through->setting;
    out.through.reset();
  }
  return out;
}

}  // namespace tether
