#pragma once

#include <array>
#include <string_view>

namespace tether::setting {

/// The two names of one setting.
struct Name {
  std::string_view variable;
  std::string_view key;  ///< In YAML: `section.key`, or `key` alone at the top.
};

inline constexpr Name kUrl{"TETHER_CONTROL_PLANE_URL", "control_plane.url"};
inline constexpr Name kTokenFile{"TETHER_REGISTRATION_TOKEN_FILE", "control_plane.token_file"};
inline constexpr Name kCaFile{"TETHER_CONTROL_PLANE_CA_FILE", "control_plane.ca_file"};
inline constexpr Name kCaWithSystem{"TETHER_CONTROL_PLANE_CA_WITH_SYSTEM", "control_plane.ca_with_system"};
inline constexpr Name kTlsMinVersion{"TETHER_CONTROL_PLANE_TLS_MIN_VERSION", "control_plane.tls_min_version"};
inline constexpr Name kClientCertFile{"TETHER_CONTROL_PLANE_CLIENT_CERT_FILE", "control_plane.client_cert_file"};
inline constexpr Name kClientKeyFile{"TETHER_CONTROL_PLANE_CLIENT_KEY_FILE", "control_plane.client_key_file"};
inline constexpr Name kServerKeyPins{"TETHER_CONTROL_PLANE_SERVER_KEY_PINS", "control_plane.server_key_pins"};
inline constexpr Name kProxy{"TETHER_CONTROL_PLANE_PROXY", "control_plane.proxy"};
inline constexpr Name kProxyCredentials{"TETHER_CONTROL_PLANE_PROXY_CREDENTIALS_FILE",
                                        "control_plane.proxy_credentials_file"};
inline constexpr Name kNoProxy{"TETHER_CONTROL_PLANE_NO_PROXY", "control_plane.no_proxy"};
inline constexpr Name kAllowPlaintext{"TETHER_CONTROL_PLANE_ALLOW_PLAINTEXT", "control_plane.allow_plaintext"};
inline constexpr Name kPollInterval{"TETHER_POLL_INTERVAL_S", "control_plane.poll_interval_s"};
inline constexpr Name kFullListEvery{"TETHER_FULL_LIST_EVERY", "control_plane.full_list_every"};
inline constexpr Name kReconnectInitial{"TETHER_RECONNECT_INITIAL_MS", "control_plane.reconnect_initial_ms"};
inline constexpr Name kReconnectMax{"TETHER_RECONNECT_MAX_MS", "control_plane.reconnect_max_ms"};
inline constexpr Name kKnockInterval{"TETHER_KNOCK_INTERVAL_S", "control_plane.knock_interval_s"};
inline constexpr Name kOnRejection{"TETHER_ON_REJECTION", "control_plane.on_rejection"};
inline constexpr Name kReportFailures{"TETHER_REPORT_FAILURES", "control_plane.report_failures"};
inline constexpr Name kDeletionReleaseAfter{"TETHER_DELETION_RELEASE_AFTER_S", "sync.deletion_release_after_s"};
inline constexpr Name kStaleAfter{"TETHER_STALE_AFTER_S", "sync.stale_after_s"};
inline constexpr Name kStateDir{"TETHER_STATE_DIR", "state_dir"};
inline constexpr Name kStoreKeyFile{"TETHER_STORE_KEY_FILE", "store.key_file"};
inline constexpr Name kGatewaySocket{"TETHER_GATEWAY_SOCKET", "gateway.socket"};
inline constexpr Name kGatewayDriver{"TETHER_GATEWAY_DRIVER", "gateway.driver"};
inline constexpr Name kGatewayUser{"TETHER_GATEWAY_USER", "gateway.user"};
inline constexpr Name kGatewayGroup{"TETHER_GATEWAY_GROUP", "gateway.group"};
inline constexpr Name kGatewayVersion{"TETHER_GATEWAY_VERSION", "gateway.version"};
inline constexpr Name kCheckInterval{"TETHER_GATEWAY_CHECK_INTERVAL_S", "gateway.check_interval_s"};
inline constexpr Name kFunctionalityType{"TETHER_GATEWAY_FUNCTIONALITY_TYPE", "gateway.functionality_type"};
inline constexpr Name kPoliciesFile{"TETHER_GATEWAY_POLICIES_FILE", "gateway.policies_file"};
inline constexpr Name kAdminListen{"TETHER_ADMIN_LISTEN", "admin.listen"};
inline constexpr Name kAdminTokenFile{"TETHER_ADMIN_TOKEN_FILE", "admin.token_file"};
inline constexpr Name kLogLevel{"TETHER_LOG_LEVEL", "log.level"};
inline constexpr Name kLogFormat{"TETHER_LOG_FORMAT", "log.format"};
inline constexpr Name kMaxDocumentBytes{"TETHER_MAX_DOCUMENT_BYTES", "limits.max_document_bytes"};
inline constexpr Name kMaxArchiveBytes{"TETHER_MAX_ARCHIVE_BYTES", "limits.max_archive_bytes"};
inline constexpr Name kMaxListingBytes{"TETHER_MAX_LISTING_BYTES", "limits.max_listing_bytes"};

/// Every setting that a file can hold, in the order in which `print_effective` shows them.
inline constexpr std::array kAll = {kUrl,
                                    kTokenFile,
                                    kCaFile,
                                    kCaWithSystem,
                                    kTlsMinVersion,
                                    kClientCertFile,
                                    kClientKeyFile,
                                    kServerKeyPins,
                                    kProxy,
                                    kProxyCredentials,
                                    kNoProxy,
                                    kAllowPlaintext,
                                    kPollInterval,
                                    kFullListEvery,
                                    kReconnectInitial,
                                    kReconnectMax,
                                    kKnockInterval,
                                    kOnRejection,
                                    kReportFailures,
                                    kDeletionReleaseAfter,
                                    kStaleAfter,
                                    kStateDir,
                                    kStoreKeyFile,
                                    kGatewaySocket,
                                    kGatewayDriver,
                                    kGatewayUser,
                                    kGatewayGroup,
                                    kGatewayVersion,
                                    kCheckInterval,
                                    kFunctionalityType,
                                    kPoliciesFile,
                                    kAdminListen,
                                    kAdminTokenFile,
                                    kLogLevel,
                                    kLogFormat,
                                    kMaxDocumentBytes,
                                    kMaxArchiveBytes,
                                    kMaxListingBytes};

// What only the environment can hold.
inline constexpr std::string_view kToken = "TETHER_REGISTRATION_TOKEN";
inline constexpr std::string_view kFallbackToken = "GATEWAY_REGISTRATION_TOKEN";
inline constexpr std::string_view kConfig = "TETHER_CONFIG";

}  // namespace tether::setting
