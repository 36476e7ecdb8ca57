#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "tether/base/secret.h"

namespace tether {

/// Longest token that is taken; the control plane's have 43 characters.
inline constexpr std::size_t kMaxTokenBytes = std::size_t{8} * 1024;

/// Where the registration token comes from. It knows the way to the token, and the token itself only if that came in an
/// environment variable. Reading does file I/O of a few kB on the calling thread, and may be repeated at any time.
class TokenSource {
 public:
  enum class Kind {
    None,        ///< Nothing is configured: standalone until a restart with a token.
    Value,       ///< The value of an environment variable.
    File,        ///< A configured file, which may come, change and go while the daemon runs.
    Credential,  ///< The systemd credential `registration-token`, a file too.
  };

  TokenSource() = default;
  static TokenSource value(std::string variable, Secret token);
  static TokenSource file(std::string path);
  static TokenSource credential(std::string path);

  /// The token as it is now, without its trailing line ends. nullopt: there is none. A file that is missing,
  /// unreadable, empty, not a regular file, longer than kMaxTokenBytes, or that holds what no HTTP header may carry is
  /// no token.
  std::optional<Secret> read() const;

  /// Why `read` finds none in the file, in one sentence that names it and not what is in it; empty if there is a token
  /// or no file to look at. Reads the file.
  std::string why_none() const;

  Kind kind() const { return kind_; }
  /// The file to watch for a new token; nullopt for a value and for none.
  std::optional<std::string> path() const;
  /// For people, without the token, by the setting's name: `variable TETHER_REGISTRATION_TOKEN`,
  /// `TETHER_REGISTRATION_TOKEN_FILE or control_plane.token_file (/etc/tetherd/token)`,
  /// `systemd credential registration-token`, `none`.
  std::string describe() const;

  friend bool operator==(const TokenSource&, const TokenSource&) = default;

 private:
  Kind kind_ = Kind::None;
  std::string name_;  ///< The variable's name or the file's path.
  Secret value_;
};

/// True if an HTTP header may carry it: not empty, at most kMaxTokenBytes, printable ASCII only.
bool is_usable_token(const std::string& token);

}  // namespace tether
