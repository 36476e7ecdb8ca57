#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tether/base/result.h"
#include "tether/store/connection.h"
#include "tether/store/reader_pool.h"
#include "tether/store/state_folder.h"
#include "tether/store/store.h"

namespace tether::store {

std::string database_file(const StateFolder& folder);

/// Reads the key, or makes it. Retry: it cannot be had, so nothing can be read or written; the message names the file.
Result<std::shared_ptr<const BodySealer>> load_bodies_key(const StateFolder& folder, const StoreOptions& options,
                                                          std::vector<OpenedNote>& notes);

/// Opens the database to write, checked and with its schema up to date. A damaged one is moved aside first; `notes`
/// gets a sentence about it. No other connection to it may be open.
/// `distrusted`: it is read through whatever its size.
Result<std::unique_ptr<Connection>> open_database(const StateFolder& folder, const StoreOptions& options,
                                                  const std::shared_ptr<const BodySealer>& bodies, bool distrusted,
                                                  std::vector<OpenedNote>& notes);

/// A way to read the database although open_database has just failed with `why`: the first through which all that is
/// ever read can be read. What is committed is read whole or not at all.
Result<std::shared_ptr<ReaderPool>> open_to_read(const StateFolder& folder, const Files& files,
                                                 const std::shared_ptr<const BodySealer>& bodies, const Error& why);

/// A way to look at the database beside whoever uses it.
struct OpenedToLook {
  std::unique_ptr<Connection> connection;
  /// Immutable: nothing could be written beside the file, not even what a log is shared by, and no log holds anything.
  /// Only as long as nobody writes to the file is what is read whole.
  Access access = Access::Read;
};
/// The log is left to whoever uses it. Retry: it cannot be read. Corrupt: it is no database.
Result<OpenedToLook> open_to_look(const std::string& file, const std::shared_ptr<const BodySealer>& bodies = nullptr);

}  // namespace tether::store
