#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"

struct ssl_st;
struct ssl_ctx_st;

namespace tether::tls {

/// SHA-256 of a certificate's SubjectPublicKeyInfo.
using Pin = std::array<unsigned char, 32>;

/// Whom a connection to the control plane trusts, and who we are to it. Paths are those of PEM files.
struct TrustOptions {
  std::string ca_path = {};           ///< A file, or a folder whose files are read. Empty: the system's authorities.
  bool with_system = false;           ///< Trust the system's authorities beside those of `ca_path`.
  bool tls13 = false;                 ///< TLS 1.3 at least; else 1.2.
  std::string client_cert_file = {};  ///< Our certificate, with its chain after it. Empty, with the next: none.
  std::string client_key_file = {};
  std::vector<Pin> pins = {};  ///< The server's key must be one of these, besides all that is verified. Empty: any.

  friend bool operator==(const TrustOptions&, const TrustOptions&) = default;
};

/// Largest file that is read, and all files of a folder together.
inline constexpr std::size_t kMaxCaBytes = std::size_t{16} << 20U;
inline constexpr std::size_t kMaxCertBytes = std::size_t{1} << 20U;

/// What cannot be used, in parts of one sentence without any content.
struct Flaw {
  enum class Part { Ca, ClientCert, ClientKey };
  Part part = Part::Ca;
  std::string wrong;   ///< `names a key that others may read (mode 0644)`
  std::string should;  ///< `be for its owner alone, as by chmod 0600`
};

/// Looks at every file that the options name. nullopt: all can be used. What has expired can.
std::optional<Flaw> find_flaw(const TrustOptions& options);

/// `sha256//BASE64`, with semicolons between several: as curl takes them. nullopt: it is not that, or more than
/// kMaxPins.
std::optional<std::vector<Pin>> parse_pins(std::string_view text);
std::string print_pins(const std::vector<Pin>& pins);
inline constexpr std::size_t kMaxPins = 16;

/// One TLS context for all connections, WebSocket and REST, made on first use and made again when a file has changed:
/// verification always on, ALPN `http/1.1` only, no session resumed. Any thread.
class Trust {
 public:
  /// Reads nothing yet.
  explicit Trust(TrustOptions options);
  ~Trust();
  Trust(const Trust&) = delete;
  Trust& operator=(const Trust&) = delete;

  const TrustOptions& options() const { return options_; }

  /// To make sessions of. Retry: a file cannot be used; the message names it and its setting. A client certificate and
  /// key that are replaced by what cannot be used (one after the other, for example) stay in use as they were: see
  /// complaint().
  Result<std::shared_ptr<ssl_ctx_st>> context();

  /// As of the last context(): why the client's files are not used as they are now; empty: they are.
  std::string complaint() const;
  /// As of the last context(): when our own certificate ends. nullopt: there is none.
  std::optional<Instant> client_expiry() const;

 private:
  struct Identity;
  Result<Done> load_identity();

  const TrustOptions options_;
  mutable std::mutex mutex_;
  std::string fingerprint_;              ///< Of all files when the context was made.
  std::shared_ptr<ssl_ctx_st> context_;  ///< Shared with the sessions that were made of it.
  std::unique_ptr<Identity> identity_;
  std::string complaint_;
};

/// Before the handshake: the certificate must be for this host, a name or an IP address without brackets, and a server
/// with many names is told which one is meant. False: it cannot be verified, and nothing may be sent.
[[nodiscard]] bool expect_host(ssl_st* session, const std::string& host);

/// The certificate that the other side of a finished handshake has shown: when it ends.
std::optional<Instant> peer_expiry(const ssl_st* session);

/// Why the other side's certificate was not accepted; empty: it was, or there was none.
std::string why_not_verified(const ssl_st* session);

/// An error of OpenSSL's in words, with the setting that it is about where that is known. 0: empty.
std::string error_text(unsigned long code);

}  // namespace tether::tls
