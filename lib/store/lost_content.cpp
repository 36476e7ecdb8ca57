#include "tether/store/lost_content.h"

#include <string>

#include "tether/store/transaction.h"
#include "tether/sync/lost.h"

namespace tether::store {
namespace {

/// Those under the present key that it does not open.
void mark_damaged(Connection& connection) {
  const BodySealer& bodies = connection.bodies();
  std::vector<std::int64_t> damaged;
  {
    std::string document;
    auto rows =
        connection.query("SELECT rowid, owner_kind, owner_id, key, key_id, document FROM bodies WHERE key_id IN (0, ?)",
                         bodies.key_id());
    while (rows.next()) {
      if (!bodies.open(rows.view(1), rows.view(2), rows.view(3), rows.integer(4), rows.view(5), document)) {
        damaged.push_back(rows.integer(0));
      }
    }
  }
  for (const auto row : damaged) {
    connection.execute("UPDATE bodies SET key_id = ? WHERE rowid = ?", kDamagedBody, row);
  }
}

}  // namespace

Result<Done> look_for_lost_content(Connection& connection, bool distrusted, const std::string& key,
                                   std::vector<OpenedNote>& notes) {
  const auto key_id = connection.bodies().key_id();
  const auto seen_with = connection.number("SELECT value FROM counters WHERE name = 'key_id'");
  if (seen_with == key_id && !distrusted) return connection.outcome("look for the key");
  OpenTransaction open(connection, "BEGIN IMMEDIATE");
  if (distrusted) mark_damaged(connection);
  const auto lost = connection.number("SELECT count(*) FROM bodies WHERE key_id NOT IN (0, ?)", key_id);
  Known known;
  Transaction records(connection, known);
  if (!connection.error()) {
    sync::review_lost(records);
    records.drop_others();  // what has left service is not fetched again
    if (!records.staged_gateway_id().empty()) {
      records.work_on(sync::Side::Staged);
      sync::review_lost(records);
    }
  }
  records.finish();
  connection.execute("INSERT OR REPLACE INTO counters (name, value) VALUES ('key_id', ?)", key_id);
  auto done = open.commit("look for what cannot be read");
  if (done && lost > 0) {
    const std::string why = seen_with == key_id ? "they were changed by somebody else"
                                                : "their key is another one than " + key +
                                                      ": if that was not the key before, give the former one back and "
                                                      "start the daemon again";
    notes.push_back({OpenedNote::What::ContentLost,
                     std::to_string(lost) + " of the stored documents and values cannot be read (" + why +
                         "): they are asked for again, and the gateway keeps what it has of them"});
  }
  return done;
}

}  // namespace tether::store
