#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control_plane.h"
#include "daemon.h"
#include "gateway.h"
#include "random.h"

namespace tether::sim {

/// Two listings that lie shortly after each other cannot be told from a wish (RULE.md, known limits).
inline constexpr Duration kBetweenLies = 150s;

/// One daemon between a control plane and a gateway in their worst moods, on virtual time and from one seed. What must
/// hold is checked from outside at every step; what did not is in `failures`, what happened in `trace`.
class World {
 public:
  explicit World(std::uint64_t seed);

  /// Lets time pass, with faults until `heal`.
  void run(Duration time);
  /// From now on nothing fails and nobody changes anything.
  void heal();
  /// After `heal` and a long enough run: gateway and control plane agree, and the daemon says so.
  void check_agreement();

  const std::vector<std::string>& failures() const { return failures_; }
  const std::deque<std::string>& trace() const { return trace_; }
  std::int64_t steps() const { return steps_; }

 private:
  void at(TimePoint when, std::function<void()> what);
  sync::Now now() const;
  void note(const std::string& what);
  void fail(const std::string& what);
  void pump();

  // The users of the control plane, and whoever breaks things.
  void next_operation();
  void next_fault();
  void restart_daemon();

  // The link.
  void open_link();
  void lose_link();
  void poll_hub();
  void deliver(const protocol::Event& event);

  // Requests.
  void send(const sync::SendRequest& request);
  void arrive(const sync::SendRequest& request, const Reply& reply);
  void take_ack(const std::string& frame);

  // The gateway.
  void ask_state();
  void push(const delivery::Push& push);
  void look_at(const std::vector<Served>& changes);
  void look_at_standing();
  const Operation* operation_of(const std::string& id, const std::string& version) const;
  bool may_go(const std::string& id, const std::string& version) const;
  void spoil(const sync::SendRequest& request, Reply& reply);

  Random random_;
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
  bool gateway_away_ = false;
  TimePoint last_loss_;                                       ///< When the gateway last lost what it had.
  TimePoint last_lie_;                                        ///< When a listing last showed less than there is.
  std::map<std::string, std::int64_t> newest_served_;         ///< By artifact: the latest operation that was served.
  std::map<std::string, std::set<std::string>> ever_served_;  ///< Versions, by artifact.
  std::map<std::string, std::set<std::string>> refused_;      ///< Versions that the gateway refused, by artifact.
  std::int64_t instances_ = 1;
  std::int64_t steps_ = 0;
  std::vector<std::string> failures_;
  std::deque<std::string> trace_;
};

}  // namespace tether::sim
