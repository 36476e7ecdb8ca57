#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tether/proxy/choice.h"
#include "tether/settings/address.h"
#include "tether/settings/token.h"
#include "tether/tls/trust.h"

namespace tether {

/// By which way the control plane is reached.
struct ProxySettings {
  /// nullopt: directly. Where no_proxy excepts it, too. One of the environment may be unusable.
  std::optional<proxy::Proxy> through;
  std::optional<std::string> no_proxy;          ///< `control_plane.no_proxy`
  std::optional<std::string> credentials_file;  ///< `control_plane.proxy_credentials_file`
  /// Why a proxy that is named somewhere is not used, for people; empty: one is used, or none is named.
  std::string why_direct = {};

  /// By what they lead to.
  friend bool operator==(const ProxySettings& a, const ProxySettings& b) {
    return a.through == b.through && a.no_proxy == b.no_proxy && a.credentials_file == b.credentials_file;
  }
};

struct ControlPlaneSettings {
  enum class OnRejection { Probe, Stop };

  ControlPlaneAddress address;  ///< `control_plane.url`
  TokenSource token;            ///< `control_plane.token_file` and the two variables
  ProxySettings proxy;
  tls::TrustOptions tls;  ///< Could be used when the settings were loaded.
  bool allow_plaintext = false;
  std::chrono::seconds poll_interval{900};  ///< Before the jitter of ±10 %.
  std::uint32_t full_list_every = 2;        ///< Every n-th poll is a full listing.
  std::chrono::milliseconds reconnect_initial{1000};
  std::chrono::milliseconds reconnect_max{300'000};
  std::chrono::seconds knock_interval{3};  ///< Between knocks while nobody is there.
  OnRejection on_rejection = OnRejection::Probe;
  bool report_failures = true;

  friend bool operator==(const ControlPlaneSettings&, const ControlPlaneSettings&) = default;
};

struct SyncSettings {
  /// For how long listings must have lacked the same before a held removal is believed by itself.
  std::chrono::seconds deletion_release_after{3600};
  /// For how long agreement may go without a proof until it is told as stale. Told, and nothing else.
  std::chrono::seconds stale_after{2700};

  friend bool operator==(const SyncSettings&, const SyncSettings&) = default;
};

/// Who alone may be behind the gateway's socket.
struct GatewayUser {
  std::string name;  ///< As given: a name or a number.
  std::uint32_t uid = 0;

  friend bool operator==(const GatewayUser&, const GatewayUser&) = default;
};

/// The same by its group.
struct GatewayGroup {
  std::string name;  ///< As given: a name or a number.
  std::uint32_t gid = 0;

  friend bool operator==(const GatewayGroup&, const GatewayGroup&) = default;
};

struct GatewaySettings {
  std::string socket = "/run/gateway/config.sock";
  std::string driver = "push";        ///< The only one there is.
  std::optional<GatewayUser> user;    ///< nullopt, with the next: our own user or root.
  std::optional<GatewayGroup> group;  ///< Set: whose process is of this group may be there, besides `user`.
  std::string version = "1.2.0";      ///< What the manifest reports.
  std::chrono::seconds check_interval{10};
  std::string functionality_type = "regular";  ///< `regular`, `ai` or `event`, for the manifest.
  std::optional<std::string> policies_file;    ///< A JSON array for the manifest; read once, when settings are loaded.
  std::string policies_json = "[]";            ///< The file's content: a checked JSON array.

  friend bool operator==(const GatewaySettings&, const GatewaySettings&) = default;
};

/// Where the key is that the store's secret values are encrypted with.
struct StoreSettings {
  enum class KeyFrom {
    StateDir,    ///< A file of our own there, made if it is missing.
    File,        ///< The configured file, made if it is missing.
    Credential,  ///< The systemd credential `store-key`.
  };

  KeyFrom key_from = KeyFrom::StateDir;
  std::string key_file;  ///< Its path; empty for StateDir.

  friend bool operator==(const StoreSettings&, const StoreSettings&) = default;
};

/// Shortest token of the admin endpoint that is taken.
inline constexpr std::size_t kMinAdminTokenBytes = 16;

struct AdminSettings {
  std::string host = "127.0.0.1";  ///< An address or a name, without brackets.
  std::uint16_t port = 9469;       ///< 0: any free one (for tests).
  std::string unix_path = {};      ///< Not empty: a Unix socket instead.
  TokenSource token = {};          ///< A file, or none. There is one if it is listened anywhere but on this machine.

  friend bool operator==(const AdminSettings&, const AdminSettings&) = default;
};

struct LogSettings {
  enum class Level { Debug, Info, Warn, Error };
  enum class Format { Json, Text };

  Level level = Level::Info;
  Format format = Format::Json;

  friend bool operator==(const LogSettings&, const LogSettings&) = default;
};

/// Sizes that are refused rather than held. A user with unusually large artifacts can raise them.
struct LimitSettings {
  std::size_t max_document_bytes = 16U << 20U;  ///< One artifact's document.
  std::size_t max_archive_bytes = 512U << 20U;  ///< All of one fetch's archive, unpacked.
  std::size_t max_listing_bytes = 256U << 20U;  ///< One answer to a listing.

  friend bool operator==(const LimitSettings&, const LimitSettings&) = default;
};

/// Everything a user can set, checked. A default-made one holds the defaults.
struct Settings {
  ControlPlaneSettings control_plane;
  SyncSettings sync;
  GatewaySettings gateway;
  AdminSettings admin;
  LogSettings log;
  LimitSettings limits;
  StoreSettings store;
  std::string state_dir = "/var/lib/tetherd";

  friend bool operator==(const Settings&, const Settings&) = default;
};

/// Looks up one environment variable. An empty value is taken as unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's own environment.
Environment process_environment();

/// Either checked settings or every mistake that was found, never both.
struct LoadedSettings {
  std::optional<Settings> settings;
  /// One line each, beginning with the setting's name as it was given: `TETHER_POLL_INTERVAL_S: …` or
  /// `control_plane.poll_interval_s (tetherd.yaml:7): …`, then what it holds and what it should hold. What may be a
  /// secret (a token, a URL with a user or a query in it) is not repeated.
  std::vector<std::string> mistakes;
};

/// Longest settings file that is read.
inline constexpr std::size_t kMaxSettingsFileBytes = std::size_t{256} * 1024;

/// Reads `config_path`, else the file that `TETHER_CONFIG` names, else none; the environment wins over the file. Reads
/// what settings name as well: every certificate of `ca_file`, the client's certificate and key, the admin endpoint's
/// token, the proxy's credentials, the policies, and the user database; not the registration token's file, nor the
/// store's key, which may come later. Start-up only: it blocks.
LoadedSettings load_settings(const Environment& environment, const std::optional<std::string>& config_path);

/// The settings as a YAML file, without secrets: the token shows only where it comes from. Loading it again gives the
/// same settings, apart from a token that came in a variable or a credential, and from credentials for the proxy that
/// stood in a variable's URL (`HTTPS_PROXY`).
std::string print_effective(const Settings& settings);

}  // namespace tether
