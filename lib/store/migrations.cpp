#include "tether/store/migrations.h"

#include <string>

namespace tether::store {

Result<Done> migrate(Connection& connection) {
  return migrate(connection, migrations());
}

Result<Done> migrate(Connection& connection, std::span<const std::string_view> steps) {
  OpenTransaction transaction(connection, "BEGIN IMMEDIATE");
  const auto known = static_cast<std::int64_t>(steps.size());
  const auto version = connection.number("PRAGMA user_version");
  if (version > known) {
    return fail(ErrorKind::Reject, "the store was written by a newer version: its schema is " +
                                       std::to_string(version) + ", this one knows " + std::to_string(known));
  }
  if (version < 0) connection.set_error({ErrorKind::Corrupt, "its schema version is " + std::to_string(version)});
  for (auto next = version; next >= 0 && next < known; ++next) {
    connection.run_script(std::string(steps[static_cast<std::size_t>(next)]));
  }
  if (version != known) connection.run_script("PRAGMA user_version = " + std::to_string(known));
  return transaction.commit("bring the schema up to date");
}

}  // namespace tether::store
