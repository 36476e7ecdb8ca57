#pragma once

#include <functional>
#include <string>

#include "tether/base/result.h"
#include "tether/store/upkeep.h"

namespace tether::terminal {

/// What the commands do, besides choosing their words.
struct DatabaseEnds {
  std::function<Result<store::CheckReport>()> check;
  std::function<Result<store::BackupReport>(const std::string& file)> back_up;
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> complain;
};

/// `tetherd db check`. False: the store is damaged or cannot be read, or its key does not open all of it or is not
/// here.
bool run_database_check(const DatabaseEnds& ends);
/// `tetherd db backup FILE`. False: there is no backup.
bool run_database_backup(const DatabaseEnds& ends, const std::string& file);

/// `12.3 MB`
std::string size_in_words(std::int64_t bytes);

}  // namespace tether::terminal
