#include <algorithm>
#include <array>
#include <string>

#include "tether/store/transaction.h"

namespace tether::store {
namespace {

/// What an identity has. Its epochs stay: a gateway may still name one, and must not take us for strangers.
constexpr std::array<std::string_view, 12> kTables = {"artifacts",    "resources", "offers",         "offer_counts",
                                                      "bodies",       "pending",   "event_types",    "holds",
                                                      "correlations", "outbox",    "held_resources", "hints"};

}  // namespace

void Transaction::work_on(sync::Side side) {
  if (side == side_) return;
  write_revision();
  bind(side);
}

void Transaction::bind(sync::Side side) {
  side_ = side;
  auto& known = side == sync::Side::Served ? known_.served : known_.staged;
  if (!known) {
    auto row = db_.query(side == sync::Side::Served ? "SELECT identity, revision FROM identities WHERE serving = 1"
                                                    : "SELECT identity, revision FROM identities WHERE staged = 1");
    known.emplace();
    if (row.next()) {
      known->identity = row.integer(0);
      known->revision = row.integer(1);
    }
  }
  here_ = &*known;
  identity_ = known->identity;
  revision_ = known->revision;
  stored_revision_ = revision_;
}

std::string Transaction::staged_gateway_id() {
  if (!known_.staged_gateway_id) {
    auto row = db_.query("SELECT gateway_id FROM identities WHERE staged = 1");
    known_.staged_gateway_id = row.next() ? row.text(0) : std::string();
  }
  return *known_.staged_gateway_id;
}

bool Transaction::stage(const std::string& gateway_id, Instant since) {
  work_on(sync::Side::Served);
  if (staged_gateway_id() == gateway_id) return false;
  db_.execute("UPDATE identities SET staged = 0 WHERE staged = 1");
  if (!gateway_id.empty()) {
    db_.execute(
        "INSERT INTO identities (gateway_id, serving, staged, since_ns) VALUES (?, 0, 1, ?) "
        "ON CONFLICT (gateway_id) DO UPDATE SET staged = 1, since_ns = excluded.since_ns",
        gateway_id, since.ns);
  }
  known_.staged.reset();
  known_.staged_gateway_id = gateway_id;
  // Of one that has just left service the gateway may still have everything.
  if (!marks().taking_over) drop_others();
  return true;
}

void Transaction::switch_to_staged(const std::string& epoch) {
  work_on(sync::Side::Served);
  // What the store remembers of the last epoch ends here, and every push of the next one is beyond it.
  const auto last = revision_;
  db_.execute(
      "UPDATE identities SET serving = 0, taking_over = 0, answered_instance = '', answered_epoch = '', "
      "answered_revision = 0 WHERE serving = 1");
  // What it was answered before, if it was in service once, says nothing about what the gateway has now.
  db_.execute(
      "UPDATE identities SET serving = 1, staged = 0, since_ns = 0, taking_over = 1, answered_instance = '', "
      "answered_epoch = '', answered_revision = 0 WHERE staged = 1");
  known_ = {};
  bind(sync::Side::Served);
  db_.execute("INSERT INTO epochs (identity, epoch, first_revision) VALUES (?, ?, ?)", identity_, epoch, last);
  revision_ = std::max(last, revision_) + 1;
}

void Transaction::drop_others() {
  std::vector<std::int64_t> others;
  {
    auto rows = db_.query("SELECT identity FROM identities WHERE serving = 0 AND staged = 0");
    while (rows.next()) others.push_back(rows.integer(0));
  }
  for (const auto identity : others) {
    for (const auto table : kTables) {
      db_.execute("DELETE FROM " + std::string(table) + " WHERE identity = ?", identity);
    }
    db_.execute("DELETE FROM identities WHERE identity = ?", identity);
  }
}

std::int64_t Transaction::offered_count() {
  return db_.number("SELECT sum(offered) FROM offer_counts WHERE identity = ?", identity_);
}

}  // namespace tether::store
