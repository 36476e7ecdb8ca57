#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actions.h"
#include "control_plane.h"
#include "daemon.h"
#include "gateway.h"
#include "random.h"

namespace tether::sim {

/// Two listings that lie shortly after each other cannot be told from a wish (RULE.md, known limits).
inline constexpr Duration kBetweenLies = 150s;

/// What a checker found.
struct Failure {
  std::string checker;
  std::string what;  ///< When and what, for people.
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// One daemon between a control plane and a gateway in their worst moods, on virtual time and from one seed. What must
/// hold is checked from outside at every step; what did not is in `failures`, what happened in `trace`.
class World {
 public:
  explicit World(WorldOptions options);

  /// The whole of it: `options.hours` with users and faults, then without, then agreement. Stops at the first failure.
  void play();
  /// All that users and faults do in it, numbered; some of it may be suppressed.
  const std::vector<Action>& actions() const { return actions_; }

  /// Lets time pass, with faults until `heal`.
  void run(Duration time);
  /// From now on nothing fails and nobody changes anything.
  void heal();
  /// After `heal` and a long enough run: gateway and control plane agree, and the daemon says so.
  void check_agreement();

  const std::vector<Failure>& failures() const { return failures_; }
  const std::deque<std::string>& trace() const { return trace_; }
  std::int64_t steps() const { return steps_; }

 private:
  /// A time in which something is not as it should be.
  struct Window {
    TimePoint until;
    Random random{0};
  };

  void at(TimePoint when, std::function<void()> what);
  sync::Now now() const;
  void note(const std::string& what);
  void fail(const std::string& checker, const std::string& what);
  void pump();

  // The users of the control plane, and whoever breaks things.
  void act(const Action& action);
  void restart_daemon(Random& random);

  // The link.
  void open_link();
  void lose_link(Random& random);
  void poll_hub();
  void deliver(const protocol::Event& event);

  // Requests.
  void send(const sync::SendRequest& request);
  void arrive(const sync::SendRequest& request, const Reply& reply);
  void take_ack(const std::string& frame);

  // The gateway.
  void ask_state();
  void push(const delivery::Push& push);
  void look_at(const std::vector<Served>& changes, bool answered);
  bool may_go_back(const std::string& id, const std::string& from, const std::string& to) const;
  void look_at_standing();
  const Operation* operation_of(const std::string& id, const std::string& version) const;
  bool may_go(const std::string& id, const std::string& version) const;
  void spoil(const sync::SendRequest& request, Reply& reply);

  /// Chance that is no action: by what it is for and when, so that a suppressed action changes as little as can be.
  Random chance_of(std::string_view what) const;
  bool is_open(const Window& window) const { return faulty_ && now_ < window.until; }

  WorldOptions options_;
  std::vector<Action> actions_;
  TimePoint now_;
  TimePoint start_;
  Duration wall_offset_{};
  bool faulty_ = true;
  std::multimap<TimePoint, std::function<void()>> queue_;
  ControlPlane control_plane_;
  Gateway gateway_;
  Daemon daemon_;

  bool linked_ = false;
  std::uint64_t link_ = 0;
  std::size_t hub_read_ = 0;
  std::uint64_t life_ = 0;  ///< Of the daemon: what was under way for an earlier one comes to nothing.
  Window gateway_away_;
  Window gateway_moods_;
  Window rest_trouble_;
  Window lies_;
  TimePoint last_loss_;                                       ///< When the gateway last lost what it had.
  TimePoint last_lie_;                                        ///< When a listing last showed less than there is.
  std::map<std::string, std::int64_t> newest_served_;         ///< By artifact: the latest operation that was served.
  std::map<std::string, std::set<std::string>> ever_served_;  ///< Versions, by artifact.
  /// Versions that the gateway took and whose answer was lost, by artifact: not known to be good (known limit).
  std::map<std::string, std::set<std::string>> unanswered_;
  std::map<std::string, std::set<std::string>> refused_;  ///< Versions that the gateway refused, by artifact.
  std::int64_t instances_ = 1;
  std::int64_t steps_ = 0;
  std::vector<Failure> failures_;
  std::deque<std::string> trace_;
};

}  // namespace tether::sim
