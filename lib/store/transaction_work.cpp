#include "tether/store/transaction.h"
#include "tether/store/work_left.h"

namespace tether::store {

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
  work.removals = work.refused && exists(
                                      "FROM offers INDEXED BY offers_refused WHERE identity = ? AND "
                                      "refused_body IS NOT NULL AND refused_body = ''");
  work.doubts = exists("FROM pending INDEXED BY pending_doubts WHERE identity = ? AND doubt = 1");
  work.lost = has_lost();
  return work;
}

}  // namespace tether::store
