#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tether/base/result.h"

/// What an operator does with a store besides running a daemon on it; that may go on meanwhile. Nothing is written to
/// the state folder, but what SQLite needs to read beside others.
namespace tether::store {

/// Which store it is.
struct StoreAt {
  std::filesystem::path folder;  ///< `state_dir`
  std::string key_file = {};     ///< As in StoreOptions: empty for `secrets.key` in the folder.
};

/// What is looked at and found. `damage` empty: all is well.
struct CheckReport {
  std::string file;
  std::int64_t bytes = 0;
  std::int64_t resources = 0;       ///< Of all identities and kinds, those that are gone too.
  std::int64_t encrypted = 0;       ///< Contents that are encrypted,
  std::int64_t unreadable = 0;      ///<   of these, the ones that this key does not open.
  std::string no_key;               ///< Why there is no key to try; then nothing is said of `unreadable`.
  std::string no_room;              ///< Why nothing more can be stored, as far as that shows from outside; or empty.
  std::vector<std::string> damage;  ///< The first kMaxDamageShown, in words.
};
inline constexpr std::size_t kMaxDamageShown = 20;

/// Reads all of it once. Reject: it is not there; Retry: it may not be read by this user, or is of another version; one
/// sentence.
Result<CheckReport> check_database(const StoreAt& store);

struct BackupReport {
  std::int64_t bytes = 0;
  std::string key_file;  ///< Where the key is, which is not in it; empty: it is not the one that `store` names.
};

/// Writes a consistent copy, compacted, to `file`, which its owner alone may read (0600) and which is there whole and
/// on the disk, or not at all. Errors as above, and Reject: `file` is there already; Retry: it cannot be written.
Result<BackupReport> back_up(const StoreAt& store, const std::filesystem::path& file);

}  // namespace tether::store
