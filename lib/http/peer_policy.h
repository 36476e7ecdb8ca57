#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace tether::http {

/// Who may be behind a Unix socket, and may keep the folder that it stands in. With neither: our own user or root.
struct PeerPolicy {
  std::optional<uid_t> user = {};
  std::optional<gid_t> group = {};  ///< By the process's own group, not by those that it belongs to besides.
};

/// A process, or who owns a folder.
struct Owner {
  uid_t user = 0;
  gid_t group = 0;
};

/// Why this process may not be behind the socket; nullopt: it may. `own`: our own user.
std::optional<std::string> why_not_peer(const PeerPolicy& policy, Owner peer, uid_t own);

/// Why a folder with this owner and mode may not hold the socket: somebody else than root, ourselves and whom the
/// policy names could put another one there. `above`: it is one of the folders above, where a sticky one will do.
/// nullopt: it may.
std::optional<std::string> why_not_folder(const PeerPolicy& policy, Owner owner, mode_t mode, uid_t own, bool above);

/// The same of the folder of the socket at `path` and of all above, as they are now. A folder that is not there is none
/// that is wrong.
std::optional<std::string> why_not_socket_folder(const PeerPolicy& policy, const std::string& path);

}  // namespace tether::http
