#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actions.h"
#include "control_plane.h"
#include "instance.h"
#include "random.h"

namespace tether::sim {

/// Two listings that lie shortly after each other cannot be told from a wish (RULE.md, known limits).
inline constexpr Duration kBetweenLies = 150s;
/// Known limit: operations that commit in the other order than they were stamped can have the wrong one served for a
/// moment. Likewise what the control plane itself took back.
inline constexpr Duration kCrosswise = 40s;
inline constexpr Duration kTakenBack = 10min;
/// So long after the last trouble all waits of the daemon are short again.
inline constexpr Duration kFair = 10min;
/// So long it takes at most then until what an event says is done.
inline constexpr Duration kSoon = 30s;

/// What a checker found.
struct Failure {
  std::string checker;
  std::string what;  ///< When and what, for people.
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// Daemons between a control plane and their gateways, all in their worst moods, on virtual time and from one seed.
/// What must hold is checked from outside at every step (checks.cpp); what did not is in `failures`, what happened in
/// `trace`.
class World {
 public:
  explicit World(WorldOptions options);

  /// The whole of it: `options.hours` with users and faults, then without, then agreement. Stops at the first failure.
  void play();
  /// All that users and faults do in it, numbered; some of it may be suppressed.
  const std::vector<Action>& actions() const { return actions_; }

  const std::vector<Failure>& failures() const { return failures_; }
  const std::deque<std::string>& trace() const { return trace_; }
  std::int64_t steps() const { return steps_; }
  /// Of all that happened, also of what is no longer in `trace`: two histories with the same are the same.
  std::uint64_t digest() const { return digest_; }

  // For the instances.
  void at(TimePoint when, std::function<void()> what) { queue_.emplace(when, std::move(what)); }
  sync::Now now() const;
  TimePoint steady() const { return now_; }
  void note(const std::string& what);
  void fail(const std::string& checker, const std::string& what);
  bool is_faulty() const { return faulty_; }
  /// The control plane that has just taken over shows nothing any more after its first listing. Asking clears it.
  bool takes_back_all() { return present_ != 0 && std::exchange(empties_, false); }
  void deploy_meanwhile(const Body& body, Random random);
  void stop_meanwhile(Random random);
  void change_unlisted_key(Random random);
  void deploy_one_of(const std::set<std::string>& ids);
  void delete_meanwhile(const std::string& id, Random random);
  void rotate_in_vain(const std::string& handle, Random random);
  /// Chance that is no action: by what it is for and when, so that a suppressed action changes as little as can be.
  Random chance_of(std::string_view what) const;
  /// The control plane that answers now.
  ControlPlane& present() { return *control_planes_[present_]; }
  ControlPlane& control_plane_of(const Line& line) { return owner(line.key.second); }
  /// The control plane that names such a thing, and its number.
  ControlPlane& owner(const std::string& name) { return *control_planes_[ControlPlane::owner_of(name)]; }
  const ControlPlane& owner(const std::string& name) const { return *control_planes_[ControlPlane::owner_of(name)]; }
  std::size_t number_of(const ControlPlane& peer) const { return &peer == control_planes_[0].get() ? 0 : 1; }
  std::size_t number_of(const std::string& gateway_id) const {
    return gateway_id == control_planes_[0]->gateway_id() ? 0 : 1;
  }
  void take_ack(Instance& instance, ControlPlane& peer, const std::string& frame);
  /// A gateway has taken a body; `answered`: and its answer arrives.
  void look_at(Instance& instance, const Gateway::Reaction& reaction, const Body& body, bool answered);

  /// A body is about to go to the gateway.
  void look_at_identity(Instance& instance, const Body& body);
  void look_at_repetition(const Instance& instance, const Body& body);
  void look_at_contradiction(const Instance& instance, const Body& body);
  /// Before it is sent.
  void look_at_delta(const Instance& instance, const sync::SendRequest& request);
  /// A batch of documents was answered, or not.
  void look_at_lacking(Instance& instance, const sync::SendRequest& request, const Answer& answer);
  /// A list of deployments is asked for; a full one has come, which was the truth then.
  void note_absent(Instance& instance);
  void look_at_return(Instance& instance, TimePoint true_at);
  void look_at_moved(Instance& instance);
  /// Before an ack is sent.
  void look_at_saying(Instance& instance, const std::string& frame);
  /// It was answered what exists.
  void note_ends(Instance& instance, const Answer& answer);
  /// There is no room for an event.
  void look_at_dropped(Instance& instance, const HubEvent& event);
  /// An event is about to be heard.
  void look_at_event(Instance& instance, const HubEvent& event);
  /// Something has been stored; `all`: and whatever was before is looked at again.
  void look_at_timestamps(Instance& instance, bool all);
  /// Something may have been found to be lost of what was stored; `starts`: by a new process.
  void look_at_losses(Instance& instance, bool starts);
  /// A link has been acknowledged.
  void look_at_link(Instance& instance, const ControlPlane& peer);

  /// Lets time pass, with faults until `heal`.
  void run(Duration time);
  /// From now on nothing fails and nobody changes anything.
  void heal();

 private:
  /// What the control plane wanted of one resource, from a moment on.
  struct Wish {
    std::int64_t number = 0;
    TimePoint when;
    std::string version;  ///< Empty: nothing.
  };
  using Wishes = std::vector<Wish>;

  void act(const Action& action);
  void act_on(const Action& action, Instance& instance, Random& random);
  void commit_at(TimePoint due, ControlPlane* control_plane);
  void trouble_rest(Instance& instance, Random& random);
  void trouble_disk(Instance& instance, Random& random);
  void spoil_store(Instance& instance, Random& random);
  void lose_key(const Action& action, Instance& instance, Random& random);
  void find_key_later(Instance& instance, Random random);
  void restart_later(Instance& instance, Random& random);
  void swap_identity(const Action& action, Random& random);
  void trouble_swap(Random& random);
  void move_control_plane(const Action& action, Random& random);
  void cut_all();
  /// After the faults: an operator who looks at /status now and then, and agrees.
  void operator_looks();
  /// `taken_back`: what has changed did so because the database was restored.
  void note_wishes(bool taken_back = false);
  void settle();

  // Checkers (checks.cpp, checks_at_end.cpp).
  const Wish* wish_of(const Key& key, const std::string& version) const;
  bool may_go(const Instance& instance, const Key& key, const std::string& version) const;
  bool may_go_back(const Instance& instance, const Key& key, const std::string& from, const std::string& to) const;
  bool is_known_only_by_events(const Key& key) const;
  bool is_listed(const Instance& instance, const Key& key) const;
  static bool has_lied_twice(const Instance& instance, const std::string& scope);
  struct Lacking {
    std::size_t wanted = 0;
    std::size_t missing = 0;
  };
  Lacking count_lacking(const Instance& instance, const std::string& kind) const;
  /// At that moment, and not just before it.
  bool begins_to_be_wanted(const Key& key, TimePoint when) const;
  bool is_of_namesake(const Key& key, const std::string& version) const;
  void look_at_change(Instance& instance, const Served& change);
  void look_at_ack_of_identity(const Instance& instance, const ControlPlane& peer, const Ack& ack);
  std::size_t most_wanted(std::size_t owner, TimePoint since) const;
  void look_at_standing(Instance& instance);
  void look_at_standing_of(Instance& instance, const Key& key, const Wishes& wishes);
  void look_at_what_is_read(const Instance& instance);
  void note_moved(Instance& instance, const std::map<Key, std::string>& existing,
                  const std::map<Key, std::string>& wanted);
  void look_at_what_takes_over(const Instance& instance, const Body& body);
  std::string listing_of(const Key& key) const;
  std::string artifact_of(const Key& key) const;
  std::string wanted_at(const Key& key, TimePoint then) const;
  void look_at_settled(Instance& instance);
  void look_at_agreement(Instance& instance);
  void look_at_history(const Instance& instance, const Key& key, const std::string& version);
  void look_at_repeat(Instance& instance, const HubEvent& event);
  void note_contradiction(Instance& instance, const HubEvent& event, const std::string& deployment_id);
  bool has_had_time(const Instance& one, const Key& key, TimePoint heard, std::uint64_t connection,
                    bool may_lag = false) const;
  void look_at_deployment(Instance& instance, const HubEvent& event);
  void look_at_update(Instance& instance, const HubEvent& event);
  void look_at_stop(Instance& instance, const HubEvent& event);
  void look_at_hint(Instance& instance, const HubEvent& event);
  void look_at_new_gateway(Instance& instance);
  void look_at_changed(Instance& instance, const Key& changed, TimePoint sent);
  void expect_offered(Instance& instance, const std::map<Key, Wish>& refused, TimePoint since);
  void look_at_end(Instance& instance, const HubEvent& event);
  void look_at_revoked(const Instance& instance, const Key& key, const std::string& version);
  void look_at_ended(const Instance& instance, const Key& key, const std::string& version);
  void note_stopped(Instance& instance, const Key& key, const std::string& version);
  void look_at_stopped(Instance& instance, const Key& key, const std::string& version);
  void look_at_bounds(Instance& instance);
  void forget_what_was_heard(Instance& instance);
  void expect_again(Instance& instance);
  bool is_stopped_after(const Key& artifact, TimePoint then) const;
  void look_at_lost(Instance& instance);
  bool was_just_stopped(const Instance& instance, const Key& key, TimePoint sent) const;
  void look_at_replacement(Instance& instance, const Gateway::Reaction& reaction, const Body& body);
  bool may_go_with_loss(const Instance& instance, const Key& key, const std::string& version) const;
  std::string wanted_deployment(const Key& key) const;
  bool has_what_it_refers_to(const Instance& instance, const Key& key) const;
  bool waits_for_others(const Instance& instance, const Key& key) const;
  bool is_news(const Instance& instance, const HubEvent& event) const;
  bool is_to_come(const Instance& instance, const HubEvent& event) const;
  bool is_overruled(const Instance& instance, const HubEvent& event) const;
  void check_changes(Instance& instance);
  bool has_kept_a_key(const Instance& instance, const Key& application, const std::string& version) const;
  void check_others(Instance& instance, bool spread);
  void check_removals(Instance& instance);
  void check_agreement(Instance& instance);
  std::string what_is_left(Instance& instance);
  bool is_excepted(const Instance& instance, const Key& key) const;
  bool is_misled(const Instance& instance, const Key& key, TimePoint when) const;
  bool was_refused(const Instance& instance, const Key& key, const std::string& version) const;
  bool is_as_wanted(const Instance& instance, const Key& key, const std::string& version) const;

  WorldOptions options_;
  std::vector<Action> actions_;
  TimePoint now_;
  TimePoint start_;
  Duration wall_offset_{};
  TimePoint last_jump_;  ///< When the wall clock was last set.
  bool faulty_ = true;
  Duration release_after_ = 1h;
  int full_list_every_ = 2;
  TimePoint quiet_until_;  ///< No user does anything until then,
  TimePoint calm_until_;   ///<   and nothing else breaks.
  bool releases_ = false;  ///< Whether the operator after the faults agrees to what is held.
  std::multimap<TimePoint, std::function<void()>> queue_;
  std::vector<std::unique_ptr<ControlPlane>> control_planes_;
  std::size_t present_ = 0;
  std::vector<std::unique_ptr<Instance>> instances_;
  int tokens_ = 0;
  int swaps_ = 0;
  bool empties_ = false;

  std::map<Key, std::string> desire_;
  std::map<Key, std::string> existing_;
  std::map<Key, Wishes> wishes_;
  std::map<Key, TimePoint> ceased_;        ///< When it last ceased to exist, or to be deployed or undeployed here.
  std::set<Key> taken_back_;               ///< Whose present version a restored database brought.
  std::map<Key, std::string> last_event_;  ///< The correlation id of the last event about it.
  std::map<Key, std::set<std::string>>
      created_;                    ///< Those of the events that said that a key was created, since it is there.
  std::set<std::string> revoked_;  ///< "artifact name " of all keys of which an event said that they were revoked.
  std::array<std::size_t, 2> events_read_{};
  /// By control plane: how many resources it wanted, from which moment on.
  std::array<std::deque<std::pair<TimePoint, std::size_t>>, 2> counts_;
  std::map<Key, std::set<std::string>> existed_;  ///< All versions there ever were, wanted or not.
  std::int64_t wishes_noted_ = 0;
  std::int64_t steps_ = 0;
  std::vector<Failure> failures_;
  std::deque<std::string> trace_;
  std::uint64_t digest_ = Random::hash({});
};

}  // namespace tether::sim
