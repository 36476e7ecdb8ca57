#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tether/store/connection.h"
#include "tether/store/known.h"
#include "tether/sync/records.h"

namespace tether::store {

/// How many keys of a visit are in memory at a time.
inline constexpr std::size_t kVisitPage = 256;

/// The identity that the gateway is given.
std::int64_t serving_identity(Connection& connection);
/// Of this start, or of the last switch to another identity.
std::string present_epoch(Connection& connection);
std::vector<std::pair<std::string, Instant>> event_timestamps_of(Connection& connection, std::int64_t identity);

/// A body that its key does not open.
Error damaged_body(const sync::Key& owner);

/// What of a row differs from what is stored, each with all before it. A statement that names fewer columns leaves the
/// indexes of the others alone.
enum class ArtifactColumns { None, Verdict, Progress, All };
enum class OfferColumns { None, Good, Settling, Offered, All };

/// sync::Records over one open SQLite transaction. Its error is the connection's (see there): after the first, calls do
/// nothing and answer "nothing". Statements name their index (INDEXED BY) where SQLite, which keeps no statistics here,
/// would walk a whole table instead: a schema that loses the index then fails the tests, not the daemon's speed. Split
/// over transaction_*.cpp by the headings of records.h.
class Transaction final : public sync::Records {
 public:
  /// The connection is inside `BEGIN IMMEDIATE`, and has the tables of `create_scratch`. `known` holds true of what is
  /// stored, and does so again when the transaction has been committed; if it is not, it is to be forgotten.
  Transaction(Connection& connection, Known& known);

  /// Tables that live as long as the connection: what listings have seen, and the keys of long visits.
  static void create_scratch(Connection& connection);

  /// Writes down what was counted in memory. Call once, before the commit.
  void finish();

  sync::Side side() override { return side_; }
  void work_on(sync::Side side) override;
  std::string staged_gateway_id() override;
  bool stage(const std::string& gateway_id, Instant since) override;
  void switch_to_staged(const std::string& epoch) override;
  void drop_others() override;
  std::int64_t offered_count() override;

  sync::Marks marks() override;
  void put_marks(const sync::Marks& marks) override;
  std::int64_t next_change() override { return ++change_; }
  std::int64_t last_change() override { return change_; }
  std::int64_t next_revision() override { return ++revision_; }
  std::int64_t revision() override { return revision_; }
  void begin_epoch(const std::string& epoch) override;
  std::string epoch() override;
  std::optional<std::int64_t> last_revision_of(std::string_view epoch) override;

  std::optional<sync::Artifact> artifact(std::string_view id) override;
  void put(const sync::Artifact& artifact) override;
  std::optional<sync::Resource> resource(std::string_view kind, std::string_view id) override;
  void put(const sync::Resource& resource) override;
  void erase(const sync::Key& key) override;
  void put_body(const sync::Body& body) override;
  bool has_body(const sync::Key& owner, std::string_view key) override;
  void visit_lost(const std::function<void(const sync::Key&)>& visit) override;
  bool has_lost() override;
  std::optional<sync::Body> body(const sync::Key& owner, std::string_view key) override;
  std::vector<sync::Reference> references(const sync::Key& owner, std::string_view key) override;

  std::optional<sync::Key> offered_as(const sync::Reference& reference) override;
  std::vector<sync::Key> waiting_for(const sync::Key& key) override;
  std::vector<sync::Key> referring_to(const sync::Reference& reference) override;
  std::vector<sync::Key> resources_of(std::string_view artifact_id) override;
  std::optional<sync::Resource> key_by_name(std::string_view artifact_id, std::string_view name) override;
  bool has_deployed(std::string_view kind) override;
  std::optional<std::string> next_deployed(std::string_view kind, std::string_view after_id) override;
  std::int64_t count_deployed(std::string_view kind) override;
  std::vector<sync::WantedDocument> without_document(std::size_t limit) override;
  std::vector<std::string> without_value(std::size_t limit) override;
  std::vector<std::string> with_question(std::size_t limit) override;
  sync::OpenWork open_work() override;

  void visit_may_settle(std::int64_t up_to_revision, const std::function<void(const sync::Artifact&)>& visit) override;
  void visit_pushed(std::int64_t after, std::int64_t up_to, std::int64_t push,
                    const std::function<void(const sync::Key&)>& visit) override;
  void visit_refused(const std::function<void(const sync::Key&)>& visit) override;
  void visit_pending_resources(const std::function<void(const sync::Key&)>& visit) override;
  void visit_tombstones(std::int64_t up_to_revision, Instant before,
                        const std::function<void(const sync::Key&, std::int64_t revision)>& visit) override;

  void begin_listing(std::string_view scope) override;
  void mark_seen(std::string_view scope, std::string_view id) override;
  bool was_seen(std::string_view scope, std::string_view id) override;
  void mark_taken_back(std::string_view scope, std::string_view id) override;
  void end_listing(std::string_view scope) override;
  void visit_unseen_artifacts(std::string_view scope, const std::function<void(const sync::Artifact&)>& visit) override;
  void visit_unseen_resources(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                              std::string_view artifact_id,
                              const std::function<void(const sync::Resource&)>& visit) override;
  Share unseen_artifacts(std::string_view scope) override;
  Share unseen_resources(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                         std::string_view artifact_id) override;
  void visit_absent(std::string_view kind, std::int64_t link,
                    const std::function<void(const std::string&, std::int64_t)>& visit) override;
  std::int64_t absent_elsewhere(std::string_view kind, std::string_view artifact_id) override;
  std::int64_t seen_unchanged(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                              std::string_view artifact_id, std::int64_t change) override;
  std::int64_t unchanged_elsewhere(std::string_view kind, std::string_view artifact_id, std::int64_t change) override;

  std::optional<sync::Hold> hold(std::string_view scope) override;
  void put_hold(const sync::Hold& hold) override;
  void drop_hold(std::string_view scope) override;
  std::int64_t note_held(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                         std::string_view artifact_id) override;
  void put_pending(const sync::Pending& pending) override;
  void put_seen(std::string_view type, Instant at) override;
  void clear_pending(const sync::Key& resource) override;
  bool is_pending(std::string_view type, const sync::Key& resource) override;
  void put_hint(const sync::Hint& hint) override;
  void drop_hint(const sync::Key& resource) override;
  std::vector<sync::Hint> hints() override;
  void clear_doubts(std::int64_t asked_change) override;
  bool clear_doubts_about(const sync::Key& artifact, std::int64_t asked_change) override;
  bool is_stopped_since(const sync::Key& artifact, std::int64_t change, Instant at) override;
  void renew_doubts_about(const sync::Key& artifact, std::int64_t change) override;
  Instant earliest_pending_deployment() override;
  std::vector<std::pair<std::string, Instant>> event_timestamps() override;
  bool remember(std::string_view correlation_id, Instant wall, Instant expire_before) override;
  void forget_remembered() override;

  void put_ack(const sync::OutboxRow& row) override;
  void drop_ack(std::string_view artifact_id) override;
  std::vector<sync::OutboxRow> unsent_acks(std::size_t limit) override;
  void mark_sent(std::string_view artifact_id, std::int64_t token) override;
  void drop_acks_sent_up_to(std::int64_t token) override;
  void reset_sent() override;

 private:
  using KeyVisit = std::function<void(const sync::Key&)>;

  void bind(sync::Side side);
  bool is_left(Left what);
  void note_written(const sync::Artifact& artifact);
  void note_written(const sync::Resource& resource);
  void note_written(const sync::Offering& offering);
  void note_holds_changed();
  bool is_left_to_wait() { return is_left(Left::WaitingArtifact) || is_left(Left::WaitingResource); }
  void write_revision();
  /// What was known of its row.
  void forget(const sync::Key& key);
  void write(const sync::Artifact& artifact, ArtifactColumns changed);
  void write(const sync::Resource& resource);
  void put_offer(const sync::Key& key, bool artifact, bool may_settle, const sync::Offering& offering,
                 OfferColumns changed);
  /// Drops the owner's bodies but these two and those that the offer names.
  void drop_bodies_but(const sync::Key& owner, std::string_view key, const sync::Offering& offering);
  std::vector<sync::Key> keys(Cursor rows);
  std::vector<std::string> texts(Cursor rows);
  Share share(Cursor row);

  /// Visits the (kind, id) rows that `select` gives now, whatever the visitor writes: a page of keys is in memory, more
  /// than one goes to a scratch table.
  template <class... Arguments>
  void visit_keys(const std::string& select, const KeyVisit& visit, const Arguments&... arguments) {
    std::vector<sync::Key> page;
    bool is_all = true;
    {
      auto rows = db_.query(select, arguments...);
      while (is_all && rows.next()) {
        page.push_back({rows.text(0), rows.text(1)});
        is_all = page.size() <= kVisitPage;
      }
    }
    if (!is_all) {
      const auto before = last_visited();
      db_.execute("INSERT INTO temp.visiting (kind, id) " + select, arguments...);
      visit_scratch(before, visit);
      return;
    }
    for (const auto& key : page) visit(key);
  }
  std::int64_t last_visited();
  void visit_scratch(std::int64_t before, const KeyVisit& visit);

  Connection& db_;
  Known& known_;
  KnownIdentity* here_ = nullptr;  ///< Of the present side.
  sync::Side side_ = sync::Side::Served;
  std::int64_t identity_ = 0;
  // Counted in memory for speed: nobody else writes them while the transaction is open.
  std::int64_t change_;
  std::int64_t stored_change_;
  std::int64_t revision_ = 0;  ///< The identity's.
  std::int64_t stored_revision_ = 0;
  std::optional<Instant> expired_before_;  ///< Correlation ids older than this are gone.
};

}  // namespace tether::store
