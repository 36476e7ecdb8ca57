#include "tether/store/transaction.h"

namespace tether::store {
namespace {

// Neither here nor refused, in the index that is empty while all documents are here.
const std::string kWithoutDocument =
    "FROM artifacts a INDEXED BY artifacts_without_document WHERE a.identity = ?1 AND a.wanted = 0 AND a.fetched <> "
    "a.deployment_id AND NOT EXISTS ("
    "SELECT 1 FROM offers o WHERE o.identity = a.identity AND o.kind = a.kind AND o.id = a.id AND "
    "o.refused_body = a.deployment_id AND o.refused_at_ms = a.at_ns / 1000000) ";

const std::string kWithoutValue =
    "FROM resources r INDEXED BY resources_without_value WHERE r.identity = ?1 AND r.kind = 'Secret' AND r.gone = 0 "
    "AND "
    "(r.body = '' OR r.fetched_hash <> r.hash) ";

}  // namespace

std::vector<std::string> Transaction::without_document(std::size_t limit) {
  return texts(db_.query("SELECT a.id " + kWithoutDocument + "ORDER BY a.changed LIMIT ?2", identity_, limit));
}

std::vector<std::string> Transaction::without_value(std::size_t limit) {
  return texts(db_.query("SELECT r.id " + kWithoutValue + "ORDER BY r.changed LIMIT ?2", identity_, limit));
}

std::vector<std::string> Transaction::with_question(std::size_t limit) {
  return texts(
      db_.query("SELECT id FROM artifacts INDEXED BY artifacts_with_question WHERE identity = ? AND question <> 0 "
                "ORDER BY changed LIMIT ?",
                identity_, limit));
}

sync::OpenWork Transaction::open_work() {
  const auto exists = [this](const std::string& from) {
    return db_.number("SELECT EXISTS (SELECT 1 " + from + ")", identity_) != 0;
  };
  sync::OpenWork work;
  work.documents = exists(kWithoutDocument) || exists(kWithoutValue);
  work.proposals =
      exists("FROM artifacts INDEXED BY artifacts_absent WHERE identity = ? AND absent_change IS NOT NULL") ||
      exists("FROM artifacts INDEXED BY artifacts_went_back WHERE identity = ? AND went_back_change IS NOT NULL") ||
      exists("FROM resources INDEXED BY resources_absent WHERE identity = ? AND absent_change IS NOT NULL");
  work.questions = exists("FROM artifacts INDEXED BY artifacts_with_question WHERE identity = ? AND question <> 0");
  work.holds = exists("FROM holds WHERE identity = ?");
  work.waiting = exists("FROM artifacts INDEXED BY artifacts_waiting WHERE identity = ? AND waiting = 1");
  work.refused = exists("FROM offers INDEXED BY offers_refused WHERE identity = ? AND refused_body IS NOT NULL");
  work.doubts = exists("FROM pending INDEXED BY pending_doubts WHERE identity = ? AND doubt = 1");
  return work;
}

}  // namespace tether::store
