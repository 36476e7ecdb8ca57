#pragma once

#include "tether/sync/context.h"
#include "tether/sync/listings.h"

namespace tether::sync {

/// Everything that is no artifact: keys, plans, subscriptions, applications, secrets (RULE.md section 13).
class Resources {
 public:
  explicit Resources(Context& context) : context_(context) {}

  // Events (resource_events.cpp).
  void on_key_created(const protocol::ResourceState& key, const protocol::Event& event);
  void on_key_updated(const protocol::ResourceState& key, const protocol::Event& event);
  void on_key_revoked(const protocol::KeyRevoked& key, const protocol::Event& event);
  void on_application(const protocol::ResourceState& application, const protocol::Event& event);
  void on_subscription(const protocol::ResourceState& subscription, bool deleted, const protocol::Event& event);
  void on_plan(const protocol::ResourceState& plan, bool deleted, const protocol::Event& event);
  void on_hmac_secret(const protocol::HmacSecretChanged& secret, const protocol::Event& event);

  /// A row of a listing; `raced` is judged by the stored row's own change.
  void on_row(const protocol::ResourceState& row, const Asked& asked);
  /// A listing lacks it. To be weighed, it is noted, counts for what other listings of its kind lack, and all of these
  /// are asked before it is confirmed; held, that listing is asked again by the brake.
  enum class Absent { MayConfirm, ToBeWeighed, Held };
  void on_absent(Resource resource, const Asked& asked, Absent how);
  /// Events about rows that this listing has the last word on: those it confirms as gone are removed.
  void settle_hints(const ListingScope& scope, const Asked& asked);
  /// What a listing asked then says about what belongs to this artifact.
  enum class Word {
    Counts,
    Raced,  ///< Nothing yet: the artifact is wanted here, and changed after it was asked.
    None,   ///< Nothing: it is not wanted here, or that is in question.
  };
  Word word_of(std::string_view artifact_id, const Asked& asked);
  /// What this listing proposed before is void: it does not speak about these resources any more.
  void forget_proposals(const ListingScope& scope);
  /// The listing was refused (403, 404): the events stand in its place, in order of arrival.
  void apply_hints(const ListingScope& scope);
  /// What belongs to something that is gone ends with it, and what events have said of that, up to a change: the next
  /// of that id has nothing of it.
  void end_with(const std::string& artifact_id, std::int64_t up_to);

  /// Ends what is pending for nothing: an event whose hint is lost, and that a whole round has made good since.
  void forget_settled_pending();
  /// The event is not answered, and nothing in memory says so.
  bool has_lost_hint(const protocol::Event& event);
  /// What the last link was asked about and did not answer is asked on this one, also by another process.
  void follow_hints();
  void on_secret_value(const Asked& asked, std::string_view value);
  /// It is gone, with whatever has no meaning without it.
  void remove(Resource& resource);

 private:
  Resource fresh(const protocol::ResourceState& state) const;
  /// Stores new content and offers it if that is possible.
  void take(Resource resource, const protocol::ResourceState& state, bool unconfirmed);
  /// What is subscribed to may be a plan whose event was lost: it is not left to the next poll.
  void list_unknown_plans(const std::vector<Reference>& references);
  void forget_absence(Resource& resource);
  bool may_lag(const Resource& stored, const protocol::ResourceState& row, const Asked& asked);
  void drop_orphaned_applications(const Resource& key);
  void hint(const protocol::ResourceState& state, bool deleted);
  /// Whether a listing, as it is stored now, shows what a `deleted` named, with content that came after that word.
  bool is_made_anew(const Hint& hint, bool unseen);
  /// Whether a listing, as it is stored now, has what the event has done.
  bool shows(const Hint& hint, bool unseen);
  /// It waits for what it refers to, or the gateway has not answered what is stored of it.
  bool is_unanswered(const Key& key);
  void clear_pending_if_answered(const Key& key);
  void ask_about(const protocol::ResourceState& state, Duration after = {});
  void list_keys_of(std::string_view artifact_id, const protocol::Event& event);
  /// It happened before what the lists of this link have said, or will soon. Of an artifact that is not known (yet)
  /// nobody can say that there is such a list.
  bool is_history(const protocol::ResourceState& key, const protocol::Event& event);
  /// MCP proxies have none; of what is not known (yet) it is assumed.
  bool has_key_list(std::string_view artifact_id);
  void put_pending(const protocol::Event& event, const std::string& kind, const std::string& id);

  Context& context_;
};

}  // namespace tether::sync
