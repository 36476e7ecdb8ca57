#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tether/sync/model.h"

namespace tether::sync {

/// One open transaction on the stored state of one identity, as the rule sees it: the one in service until `work_on`
/// says otherwise. lib/store implements it over SQLite; the rule never learns of SQL.
///
/// Failure: a call that fails (disk full, corrupt) is remembered by the transaction, later calls do nothing and answer
/// "nothing", and the commit fails. The rule therefore needs no error paths: what it did on top of a failed call is
/// rolled back, its memory with it.
///
/// Visitors may call any other function of this class; they see rows that existed when the visit began, each at most
/// once, and never more than a bounded number of them is in memory.
class Records {
 public:
  virtual ~Records() = default;

  // Identities (RULE.md section 11). Nothing but the counter and the epochs is shared between two.
  virtual Side side() = 0;
  /// All other calls are about this identity from here on. Staged: only while one is.
  virtual void work_on(Side side) = 0;
  /// Empty: none is staged.
  virtual std::string staged_gateway_id() = 0;
  /// This one is staged, with what is stored of it, and none else; empty: none. What is stored of others goes, but not
  /// of one that was in service until a switch whose first push has not been answered. False: it was so already. Works
  /// on the served one then.
  virtual bool stage(const std::string& gateway_id, Instant since) = 0;
  /// The staged one is served from here on, under a new epoch and as if no gateway had answered it, and no revision of
  /// it was ever used before. The one that was served stays stored. Works on the served one then.
  virtual void switch_to_staged(const std::string& epoch) = 0;
  /// Erases what is neither served nor staged.
  virtual void drop_others() = 0;
  /// How many resources are offered, all kinds together.
  virtual std::int64_t offered_count() = 0;

  virtual Marks marks() = 0;
  virtual void put_marks(const Marks& marks) = 0;

  /// The store's counter: what changed after what. Each call of `next_change` gives the next number.
  virtual std::int64_t next_change() = 0;
  virtual std::int64_t last_change() = 0;
  /// The identity's revision sequence. Starts at 1 (an empty one is at revision 1).
  virtual std::int64_t next_revision() = 0;
  virtual std::int64_t revision() = 0;

  // Epochs: one for each start of the daemon and each switch, with the revision at which it began.
  virtual void begin_epoch(const std::string& epoch) = 0;
  virtual std::string epoch() = 0;
  /// The last revision that the store remembers of that epoch, or nothing if it is not one of ours. For the present
  /// epoch that is `revision()`, for an earlier one the revision at which the next one began.
  virtual std::optional<std::int64_t> last_revision_of(std::string_view epoch) = 0;

  // Rows. `put` writes the whole row (and its offer), then drops the owner's bodies that the row no longer names
  // (artifacts: fetched, offered, good, sent; resources: body, offered, good, sent).
  virtual std::optional<Artifact> artifact(std::string_view id) = 0;
  virtual void put(const Artifact& artifact) = 0;
  virtual std::optional<Resource> resource(std::string_view kind, std::string_view id) = 0;
  virtual void put(const Resource& resource) = 0;
  /// With its bodies, its outbox row and its pending marks, doubts excepted: a listing will still answer those.
  virtual void erase(const Key& key) = 0;

  virtual void put_body(const Body& body) = 0;
  /// Whether it is here and can be read, as far as that is known without reading it. What cannot be read (another key,
  /// damage) is no body: `put_body` replaces it, `body` does not give it. Its references are still known.
  virtual bool has_body(const Key& owner, std::string_view key) = 0;
  virtual std::optional<Body> body(const Key& owner, std::string_view key) = 0;
  /// Its references alone, without reading the document.
  virtual std::vector<Reference> references(const Key& owner, std::string_view key) = 0;

  // Look-ups.
  /// What of this kind is offered under this handle (artifacts; of several any) or id (others).
  virtual std::optional<Key> offered_as(const Reference& reference) = 0;
  bool is_offered(const Reference& reference) { return offered_as(reference).has_value(); }
  /// `waiting` rows that refer to this resource (by its id, or its offered handle) or belong to it.
  virtual std::vector<Key> waiting_for(const Key& key) = 0;
  /// Rows (artifacts and resources) whose wanted, offered or good body refers to this one.
  virtual std::vector<Key> referring_to(const Reference& reference) = 0;
  /// Not gone, belonging to this artifact.
  virtual std::vector<Key> resources_of(std::string_view artifact_id) = 0;
  virtual std::optional<Resource> key_by_name(std::string_view artifact_id, std::string_view name) = 0;
  /// Whether an artifact of this kind is wanted `Deployed`.
  virtual bool has_deployed(std::string_view kind) = 0;
  /// The first artifact of this kind wanted `Deployed` with an id after `id`.
  virtual std::optional<std::string> next_deployed(std::string_view kind, std::string_view after_id) = 0;
  virtual std::int64_t count_deployed(std::string_view kind) = 0;

  // Work left. The longest waiting first.
  /// Artifacts wanted `Deployed` whose document is not here and not known to be refused.
  virtual std::vector<WantedDocument> without_document(std::size_t limit) = 0;
  /// Secrets (handles), not gone, whose value is not here.
  virtual std::vector<std::string> without_value(std::size_t limit) = 0;
  virtual std::vector<std::string> with_question(std::size_t limit) = 0;
  virtual OpenWork open_work() = 0;

  // Visits.
  virtual void visit_may_settle(std::int64_t up_to_revision, const std::function<void(const Artifact&)>& visit) = 0;
  /// Rows whose offer changed in (after, up_to], removals too, and rows with `sent_push == push`.
  virtual void visit_pushed(std::int64_t after, std::int64_t up_to, std::int64_t push,
                            const std::function<void(const Key&)>& visit) = 0;
  /// Whatever is refused, removals too.
  virtual void visit_refused(const std::function<void(const Key&)>& visit) = 0;
  /// Tombstones (gone, nothing offered) whose revision the gateway has answered and that went before `before`.
  virtual void visit_tombstones(std::int64_t up_to_revision, Instant before,
                                const std::function<void(const Key&, std::int64_t revision)>& visit) = 0;

  /// Owners of bodies that cannot be read, and rows whose offer is `lost`.
  virtual void visit_lost(const std::function<void(const Key&)>& visit) = 0;
  /// Whether an offer is `lost`.
  virtual bool has_lost() = 0;

  // Listings under way: which rows were seen. Not durable; a scope names a listing ("deployments", "keys/RestApi",
  // "plans", "subscriptions/<artifact id>", "hmac/<artifact id>", "secrets").
  virtual void begin_listing(std::string_view scope) = 0;
  virtual void mark_seen(std::string_view scope, std::string_view id) = 0;
  virtual bool was_seen(std::string_view scope, std::string_view id) = 0;
  /// It was seen, in a row that takes it out of service although it is older: for the brake it is missing.
  virtual void mark_taken_back(std::string_view scope, std::string_view id) = 0;
  virtual void end_listing(std::string_view scope) = 0;
  /// Artifacts, not gone, that the listing did not contain.
  virtual void visit_unseen_artifacts(std::string_view scope, const std::function<void(const Artifact&)>& visit) = 0;
  /// Resources of this kind, not gone, that the listing did not contain; of artifacts of `artifact_kind` or of
  /// `artifact_id` alone unless these are empty.
  virtual void visit_unseen_resources(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                                      std::string_view artifact_id,
                                      const std::function<void(const Resource&)>& visit) = 0;
  struct Share {
    std::int64_t stored = 0;  ///< Artifacts: in service (offered). Resources: not gone.
    std::int64_t unseen = 0;  ///< Of these, not in the listing, or taken back by it.
  };
  virtual Share unseen_artifacts(std::string_view scope) = 0;
  virtual Share unseen_resources(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                                 std::string_view artifact_id) = 0;

  /// Artifacts with resources of this kind, not gone, that a listing under this link lacked; when that was last noted,
  /// in milliseconds since the link began.
  virtual void visit_absent(
      std::string_view kind, std::int64_t link,
      const std::function<void(const std::string& artifact_id, std::int64_t asked_ms)>& visit) = 0;
  /// How many resources of this kind, of those that a list is asked about, a listing lacked that are not of this
  /// artifact.
  virtual std::int64_t absent_elsewhere(std::string_view kind, std::string_view artifact_id) = 0;

  /// How many of what `unseen_artifacts` (`kind` empty) or `unseen_resources` counts the listing has that have not
  /// changed since `change`.
  virtual std::int64_t seen_unchanged(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                                      std::string_view artifact_id, std::int64_t change) = 0;
  /// How many of this kind that are not of this artifact are not gone, have not changed since, and no listing lacked.
  virtual std::int64_t unchanged_elsewhere(std::string_view kind, std::string_view artifact_id,
                                           std::int64_t change) = 0;

  // Holds of the deletion brake.
  virtual std::optional<Hold> hold(std::string_view scope) = 0;
  virtual void put_hold(const Hold& hold) = 0;
  /// With what was noted of it.
  virtual void drop_hold(std::string_view scope) = 0;
  /// Notes what a hold is about: exactly what `unseen_artifacts` (`kind` empty) or `unseen_resources` counts as unseen.
  /// Answers how many of these were not noted before.
  virtual std::int64_t note_held(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                                 std::string_view artifact_id) = 0;

  // Event times.
  /// Remembers the newest time of a type, and that the event is pending (widening what is there).
  virtual void put_pending(const Pending& pending) = 0;
  /// The event was seen and nothing is left to do about it.
  virtual void put_seen(std::string_view type, Instant at) = 0;
  /// Ends what is pending for a resource, doubts excepted.
  virtual void clear_pending(const Key& resource) = 0;
  /// Whether an event of this type is pending for this resource, doubts excepted.
  virtual bool is_pending(std::string_view type, const Key& resource) = 0;
  /// Resources that are no artifacts and have something pending.
  virtual void visit_pending_resources(const std::function<void(const Key&)>& visit) = 0;
  virtual void put_hint(const Hint& hint) = 0;  ///< One for each resource: replaces an older one.
  virtual void drop_hint(const Key& resource) = 0;
  /// All that can be read; the others are dropped.
  virtual std::vector<Hint> hints() = 0;
  /// Ends doubts noted before a listing that was asked at this count, but for those about a tombstone of which is asked
  /// whether it exists: the listing had a row of it, and nothing of that is stored yet.
  virtual void clear_doubts(std::int64_t asked_change) = 0;
  /// Ends those about it that were noted before this count; whether some are left.
  virtual bool clear_doubts_about(const Key& artifact, std::int64_t asked_change) = 0;
  /// Whether something came since this count that said of it, in doubt, that it was undeployed or deleted after `at`.
  virtual bool is_stopped_since(const Key& artifact, std::int64_t change, Instant at) = 0;
  /// Only a listing asked since this count ends them: one that is being read has had its row.
  virtual void renew_doubts_about(const Key& artifact, std::int64_t change) = 0;
  /// The earliest pending time of a deployment event, or unset.
  virtual Instant earliest_pending_deployment() = 0;
  /// min(seen, earliest pending - 1 ms) for each type seen.
  virtual std::vector<std::pair<std::string, Instant>> event_timestamps() = 0;

  /// Remembers a correlation id; false if it was there. Drops those remembered before `expire_before`.
  virtual bool remember(std::string_view correlation_id, Instant wall, Instant expire_before) = 0;
  /// Of every identity: what comes again is news.
  virtual void forget_remembered() = 0;

  // Outbox.
  virtual void put_ack(const OutboxRow& row) = 0;  ///< One per artifact: replaces an older one.
  virtual void drop_ack(std::string_view artifact_id) = 0;
  /// Rows not yet sent on this link (`sent_token == 0`), oldest first.
  virtual std::vector<OutboxRow> unsent_acks(std::size_t limit) = 0;
  virtual void mark_sent(std::string_view artifact_id, std::int64_t token) = 0;
  virtual void drop_acks_sent_up_to(std::int64_t token) = 0;
  /// A new link: everything is to be sent again.
  virtual void reset_sent() = 0;
};

}  // namespace tether::sync
