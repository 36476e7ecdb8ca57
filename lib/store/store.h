#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/secret.h"
#include "tether/store/files.h"
#include "tether/store/overview.h"
#include "tether/store/push_body.h"
#include "tether/store/state_folder.h"
#include "tether/sync/records.h"

namespace tether::store {

struct StoreOptions {
  /// A commit is on the disk when `transact` returns. False: a power cut may take back the last seconds.
  bool durable = true;
  /// How large `tetherd.db` may grow, in bytes; 0: as the disk allows. Past it every commit that grows it fails.
  std::int64_t max_bytes = 0;
  /// Where the database is; must outlive the store and its bodies. Null: on the disk.
  const Files* files = nullptr;
  /// The file with the key of what is encrypted. Empty: `secrets.key` in the state folder, which is made if it is not
  /// there.
  std::string key_file = {};
  bool may_make_key = true;  ///< Whether `key_file` is made if it is not there.
  /// What the key is made from, in place of a file.
  std::optional<Secret> key = std::nullopt;
};

/// Something that was done to the stored state when it was opened, for the operator.
struct OpenedNote {
  enum class What {
    StartedAnew,  ///< The file is set aside, or was taken away: an empty store is in its place.
    ContentLost,  ///< Some of what was stored cannot be read any more, and counts as not here (sync/lost.h).
    Mended,       ///< Something of no consequence for what is stored.
  };
  What what;
  std::string text;
};

/// Larger files are not read through when they are opened.
inline constexpr std::int64_t kMaxCheckedAtOpenBytes = std::int64_t{64} * 1024 * 1024;
/// How many damaged stores are kept aside; the last of them is replaced after that.
inline constexpr int kMaxSetAside = 9;
/// How many epochs are remembered. A gateway at an older one is taken for a stranger (section 6 of the sync rule).
inline constexpr int kMaxEpochs = 1000;
/// How many correlation ids are remembered, whatever their age.
inline constexpr int kMaxCorrelations = 100'000;
/// Memory for pages of the database, per connection (one that writes and up to kMaxIdleReaders kept for pushes), at
/// most and until it is given back. What is less for the writer costs a long sync: a document's rows lie in a dozen
/// places, and pages that do not fit are read again, or written before their transaction ends.
inline constexpr int kWriterCacheKiB = 4096;
inline constexpr int kReaderCacheKiB = 256;
inline constexpr int kMaxIdleReaders = 2;

/// The source of truth on this host: `tetherd.db` in the state folder, SQLite in WAL mode (schema/ says what is in it).
///
/// One thread at a time, the state thread; only the PushBody objects that it hands out may be used on another. It
/// serves one identity at a time, the row of `identities` marked `serving`; another may be staged beside it.
///
/// A file that cannot be opened to write (full disk, read-only file system, no permission, written by a newer version)
/// is read if that is possible, and each `transact` tries again to open it. It is left as it is until then.
///
/// Errors: Retry: nothing was changed, the disk is full, slow or read-only: try again later. Reject: the same, because
/// a newer version wrote the file. Corrupt: nothing was changed and the stored state cannot be read: `distrust` it.
class Store {
 public:
  /// Creates the file (0600) or brings its schema up to date. A damaged one is moved aside to `tetherd.db.damaged-<n>`
  /// and an empty one started; `opened_notes` says so.
  static std::unique_ptr<Store> open(StateFolder& folder, const StoreOptions& options);

  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Opens the file to write if it is not open so, or if another or none is in its place now. `transact` does the same.
  Result<Done> make_writable();
  /// After Corrupt: closes the file. It is read through when it is opened next, and set aside if it is damaged.
  void distrust();
  /// For the operator: what was done to the stored state each time that it was opened. Usually empty.
  const std::vector<OpenedNote>& opened_notes() const;

  /// Runs `work` in one transaction: all of it is committed, or nothing and the first error is the answer. `work` must
  /// not keep the Records, nor call the Store.
  Result<Done> transact(const std::function<void(sync::Records&)>& work);

  /// Runs `work` on what is committed. Nothing that it writes is kept.
  Result<Done> read(const std::function<void(sync::Records&)>& work);

  /// Pins what is committed now. Call outside `transact`.
  Result<std::unique_ptr<PushBody>> push_body(const PushRange& range);

  Result<Overview> overview();

  /// Gives back the memory for pages of the database and for what is known of its rows. They are read again when they
  /// are needed: for when there is nothing to do. Call outside `transact`.
  void release_memory();

  /// Shows the data of every stored resource that may hold a credential (protocol/sensitive.h), the versions that wait
  /// or were refused too. Its cost follows their size: not for what happens often. `visit` must not call the Store.
  Result<Done> visit_sensitive(const std::function<void(std::string_view kind, std::string_view content)>& visit);

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether::store
