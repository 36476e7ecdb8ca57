#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "tether/sync/memory.h"
#include "tether/sync/records.h"

namespace tether::sync {

/// The only place where what the gateway should have changes: `offered`, `good` and `refused` of artifacts and of all
/// other resources (RULE.md sections 1, 6 and 8), and what follows for those that refer to them.
///
/// Works on rows by key. A call that takes a row by reference changes the row and stores it.
class Offers {
 public:
  Offers(Records& records, const Flight& flight, Now now) : records_(records), flight_(flight), now_(now) {}

  /// Offers the wanted version if it is here, was not refused, and all it refers to is offered; otherwise leaves the
  /// offer as it is (CE-3: falling back to `good` would be a step back).
  void reconsider(Artifact& artifact);
  void reconsider(Resource& resource);

  /// Out of service: nothing is offered, and `good` and `refused` are forgotten, so that "last good" cannot bring back
  /// what was stopped.
  void stop(Artifact& artifact);
  void stop(Resource& resource);

  /// The gateway answered a push that carried this row's change (see Records::visit_pushed).
  struct Answer {
    std::int64_t push = 0;
    std::int64_t after = 0;
    std::int64_t up_to = 0;
    const std::string* rejected = nullptr;  ///< The reason, or null: accepted.
  };
  /// True: the refusal of what is wanted (or of its removal) was stored.
  bool on_answer(Artifact& artifact, const Answer& answer);
  bool on_answer(Resource& resource, const Answer& answer);

  /// A line that was sent alone was refused with its whole body. Like a rejected line, but it must leave the difference
  /// by itself, because the gateway's revision has not moved past it.
  void refuse_line(const Key& key, std::int64_t push, const std::string& reason);

  /// A document that we ourselves can't pass on counts as refused.
  void refuse(Artifact& artifact, const std::string& reason);

  /// Tries a refused version again.
  void retry(const Key& key);

  /// A push of (after, up_to] was answered, and all its lines were judged. Tries again what was refused earlier and
  /// refers to something that this push brought, or belongs to it: its refusal may have been the fault of what was
  /// there before, and of a body that is halved by revision, a half may hold a line without what it refers to. `judged`
  /// names the rows that this very push had refused.
  void retry_what_lacked(std::int64_t after, std::int64_t up_to, const std::function<bool(const Key&)>& judged);

  /// What became possible by the calls before. Call once at the end of an input.
  void follow_up();

 private:
  template <class Row>
  std::string reason_to_keep(const Row& row, const Version& refused, const std::string& reason);
  template <class Row>
  void reconsider_row(Row& row, const Version& wanted);
  template <class Row>
  void stop_row(Row& row);
  template <class Row>
  void refuse_line_of(Row& row, std::int64_t push, const std::string& reason);
  template <class Row>
  bool answer_row(Row& row, const Answer& answer);
  void set(const Key& key, Offering& offering, const Version& version);
  void note_sent(Offering& offering);
  bool references_offered(const Artifact& artifact, const Version& version);
  bool references_offered(const Resource& resource, const Version& version);
  void store(Artifact& artifact);
  void store(Resource& resource);
  bool is_unanswered(const Offering& offering);
  /// Offers the same version under a new revision.
  template <class Row>
  void renew(Row& row);
  void withdraw_what_belongs_to(const Key& artifact);
  void renew_referring(const Key& key);
  /// Re-offers what refers to it in the form that it has.
  void touch_referring(const Reference& reference);
  bool has_arrived(const Key& key, std::int64_t after, std::int64_t up_to);
  bool lacked(const Key& row, const Offering& offering, const std::string& artifact_id, std::int64_t after,
              std::int64_t up_to);

  Records& records_;
  const Flight& flight_;
  Now now_;
  struct Change {
    Key key;
    bool moved;  ///< It was offered before, and the gateway has not answered that.
  };
  std::deque<Change> changes_;
};

/// The version that a resource's wanted content would offer.
Version wanted_version(const Resource& resource);

}  // namespace tether::sync
