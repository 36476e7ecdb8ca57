#include <yaml-cpp/yaml.h>

#include <array>
#include <string_view>

#include "tether/base/authority.h"
#include "tether/settings/names.h"
#include "tether/settings/settings.h"

namespace tether {

namespace {

/// Writes `section:` headings as the keys ask for them. The keys are those that the reader knows.
class Printer {
 public:
  Printer() { out_ << YAML::BeginMap; }

  template <class T>
  void line(const setting::Name& name, const T& value, const std::string& comment = "") {
    const auto dot = name.key.find('.');
    const std::string_view section = dot == std::string_view::npos ? "" : name.key.substr(0, dot);
    enter(section);
    out_ << YAML::Key << std::string(dot == std::string_view::npos ? name.key : name.key.substr(dot + 1));
    out_ << YAML::Value << value;
    if (!comment.empty()) out_ << YAML::Comment(comment);
  }

  void optional_line(const setting::Name& name, const std::optional<std::string>& value, const std::string& comment) {
    if (value) return line(name, *value);
    line(name, YAML::Null, comment);
  }

  std::string finish() {
    enter("");
    out_ << YAML::EndMap;
    return std::string(out_.c_str()) + "\n";
  }

 private:
  void enter(std::string_view section) {
    if (section == section_) return;
    if (!section_.empty()) out_ << YAML::EndMap;
    section_ = section;
    if (!section_.empty()) out_ << YAML::Key << section_ << YAML::Value << YAML::BeginMap;
  }

  YAML::Emitter out_;
  std::string section_;
};

void print_tls(Printer& out, const tls::TrustOptions& settings) {
  const auto or_none = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
  out.optional_line(setting::kCaFile, or_none(settings.ca_path), "the system's authorities");
  out.line(setting::kCaWithSystem, settings.with_system);
  out.line(setting::kTlsMinVersion, settings.tls13 ? "1.3" : "1.2");
  out.optional_line(setting::kClientCertFile, or_none(settings.client_cert_file), "no client certificate");
  out.optional_line(setting::kClientKeyFile, or_none(settings.client_key_file), "no client certificate");
  out.optional_line(setting::kServerKeyPins, or_none(tls::print_pins(settings.pins)), "any key");
}

void print_control_plane(Printer& out, const ControlPlaneSettings& settings) {
  using OnRejection = ControlPlaneSettings::OnRejection;
  out.line(setting::kUrl, settings.address.url());
  const bool is_file = settings.token.kind() == TokenSource::Kind::File;
  out.optional_line(setting::kTokenFile, is_file ? settings.token.path() : std::nullopt,
                    settings.token.kind() == TokenSource::Kind::None ? "no token: standalone"
                                                                     : "token: " + settings.token.describe());
  const auto& through = settings.proxy.through;
  out.line(setting::kProxy, through ? "http://" + through->authority() : "none", through ? through->setting : "");
  out.optional_line(setting::kProxyCredentials, settings.proxy.credentials_file, "no credentials");
  out.optional_line(setting::kNoProxy, settings.proxy.no_proxy, "no exception");
  print_tls(out, settings.tls);
  out.line(setting::kAllowPlaintext, settings.allow_plaintext);
  out.line(setting::kPollInterval, settings.poll_interval.count());
  out.line(setting::kFullListEvery, settings.full_list_every);
  out.line(setting::kReconnectInitial, settings.reconnect_initial.count());
  out.line(setting::kReconnectMax, settings.reconnect_max.count());
  out.line(setting::kKnockInterval, settings.knock_interval.count());
  out.line(setting::kOnRejection, settings.on_rejection == OnRejection::Probe ? "probe" : "stop");
  out.line(setting::kReportFailures, settings.report_failures);
}

void print_store(Printer& out, const StoreSettings& settings) {
  using KeyFrom = StoreSettings::KeyFrom;
  const bool is_file = settings.key_from == KeyFrom::File;
  out.optional_line(
      setting::kStoreKeyFile, is_file ? std::optional(settings.key_file) : std::nullopt,
      settings.key_from == KeyFrom::Credential ? "systemd credential store-key" : "secrets.key in state_dir");
}

void print_gateway(Printer& out, const GatewaySettings& settings) {
  out.line(setting::kGatewaySocket, settings.socket);
  out.line(setting::kGatewayDriver, settings.driver);
  const auto user = settings.user ? std::optional(settings.user->name) : std::nullopt;
  const auto group = settings.group ? std::optional(settings.group->name) : std::nullopt;
  out.optional_line(setting::kGatewayUser, user, group ? "any of the group" : "our own user or root");
  out.optional_line(setting::kGatewayGroup, group, "no group");
  out.line(setting::kGatewayVersion, settings.version);
  out.line(setting::kCheckInterval, settings.check_interval.count());
  out.line(setting::kFunctionalityType, settings.functionality_type);
  out.optional_line(setting::kPoliciesFile, settings.policies_file, "no policies");
}

void print_admin(Printer& out, const AdminSettings& settings) {
  const std::string address = authority(settings.host, settings.port);
  out.line(setting::kAdminListen, settings.unix_path.empty() ? address : "unix:" + settings.unix_path);
  out.optional_line(setting::kAdminTokenFile, settings.token.path(), "no token: for this machine alone");
}

void print_log(Printer& out, const LogSettings& settings) {
  constexpr std::array kLevels = {"debug", "info", "warn", "error"};
  out.line(setting::kLogLevel, kLevels.at(static_cast<std::size_t>(settings.level)));
  out.line(setting::kLogFormat, settings.format == LogSettings::Format::Json ? "json" : "text");
}

}  // namespace

std::string print_effective(const Settings& settings) {
  Printer out;
  print_control_plane(out, settings.control_plane);
  out.line(setting::kDeletionReleaseAfter, settings.sync.deletion_release_after.count());
  out.line(setting::kStaleAfter, settings.sync.stale_after.count());
  out.line(setting::kStateDir, settings.state_dir);
  print_store(out, settings.store);
  print_gateway(out, settings.gateway);
  print_admin(out, settings.admin);
  print_log(out, settings.log);
  out.line(setting::kMaxDocumentBytes, settings.limits.max_document_bytes);
  out.line(setting::kMaxArchiveBytes, settings.limits.max_archive_bytes);
  out.line(setting::kMaxListingBytes, settings.limits.max_listing_bytes);
  return out.finish();
}

}  // namespace tether
