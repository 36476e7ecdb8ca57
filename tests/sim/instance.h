#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "answer_reading.h"
#include "control_plane.h"
#include "daemon.h"
#include "gateway.h"
#include "random.h"
#include "tether/link/link.h"

namespace tether::sim {

class World;

/// A time in which something is not as it should be.
struct Window {
  TimePoint since;
  TimePoint until;
};

/// What can be wrong for a while, for one instance.
enum class Trouble {
  Refused,    ///< Nobody listens at the control plane's port.
  Partition,  ///< No packet gets through: connections hang, and what is open is silent.
  Dial401,
  Dial429,
  Dial500,
  DialFull,  ///< The maximum of connections is reached.
  Rest401,
  Rest429,
  Rest500,
  RestHangs,
  RestMoods,   ///< Cut short, without `Date`, with a row that cannot be read, documents left out, slow.
  RestStalls,  ///< The first part of a body comes, and the rest late or never.
  Lies,        ///< Listings that lack a row or are empty, now and then.
  Emptied,     ///< Every listing is empty, or that of the deployments lacks the same ones each time, most of them.
  Stale,       ///< Answers of a replica that lags behind.
  GatewayAway,
  GatewayMoods,
  GatewaySlow,     ///< Seconds for each push.
  GatewayStalls,   ///< It stops in the middle of a push or of its answer, for longer than anybody waits.
  GatewayRefuses,  ///< Lines that it would take otherwise, removals among them.
  kCount,
};

/// One daemon with its gateway: the real link, engine, courier, store and parsers, driven as daemon/connection.cpp and
/// daemon/keeper.cpp drive them, and the network around it.
class Instance {
 public:
  Instance(World& world, std::size_t number, std::uint64_t seed, sync::EngineOptions options);

  /// A new process.
  void start();
  void kill(const std::function<bool()>* keeps);
  void give_token(const std::string& token);

  /// The connection ends (`half_open`: and nobody tells us).
  void cut(bool half_open);
  /// What we say is lost from now on; what is said to us arrives.
  void lose_way_out();
  /// Carries out what link, engine and courier ask for, until they ask for nothing.
  void pump();
  std::optional<TimePoint> next_deadline(TimePoint now) const;
  void on_deadline();
  /// Nothing is wrong any more.
  void heal();
  /// What an operator does who has read /status: agrees to what is held, or to the staged identity that waits for it.
  void agree_to_replacement();
  void agree_to_deletions();
  void agree_to_identity();

  void open(Trouble trouble, TimePoint until);
  /// The greater part is missing from all listings of links that are short, and so long together. An operator may agree
  /// to what is held between two of them.
  void empty_now_and_then(Duration together);
  /// The greater part is missing before and after a time in which nothing is listed, though the link is there.
  void empty_before_and_after(Duration silence);
  bool has(Trouble trouble) const;
  /// Nothing has been wrong since then, and all that was is over; `may_lag`: but that answers are those of a replica
  /// that lags.
  bool is_fair(TimePoint since, bool may_lag = false) const;

  Daemon& daemon() { return daemon_; }
  const Daemon& daemon() const { return daemon_; }
  Gateway& gateway() { return gateway_; }
  const link::Link& link() const { return *link_; }
  std::size_t number() const { return number_; }
  void restart_gateway();
  void forget_gateway();
  bool is_linked() const { return open_; }
  bool reports_failures() const { return reports_failures_; }

  // What was seen of it, for the checkers.
  struct Seen {
    TimePoint last_loss;                                          ///< When the gateway last lost what it had.
    int refusals = 0;                                             ///< 401 in a row.
    TimePoint last_lie;                                           ///< When an answer last was not the truth,
    TimePoint last_untruth;                                       ///<   nor had been.
    std::map<std::string, std::pair<TimePoint, TimePoint>> lies;  ///< By scope: the first of late, and the last.
    std::map<std::string, Instant> emptied_of;  ///< What a list was emptied of: artifacts, and as of when.
    /// What was told since a control plane last took something back: an older row counts when it is said twice.
    struct ToldBack {
      TimePoint first;  ///< When the first full listing was the truth,
      std::uint64_t connection = 0;
      TimePoint twice;  ///< and when another one arrived on the same connection, asked long enough after it.
    };
    std::map<const ControlPlane*, ToldBack> told_back;
    /// When the last listing of deployments was made, full or not, by the control plane's clock: not after this.
    std::map<const ControlPlane*, Instant> listed_to;
    std::map<std::string, TimePoint> fetched;  ///< When the document of a deployment was last asked for.
    int deltas = 0;                            ///< Answered in a row under this link.
    /// The last full listing that was the truth.
    struct ToldAll {
      std::uint64_t connection = 0;
      TimePoint true_at;
      Instant date;
    } told_all;
    /// The time up to which the last full listing tells: its `Date`, and without one its newest row.
    struct ToldTo {
      std::uint64_t connection = 0;
      Instant at;
    } told_to;
    /// What events said was deployed and two listings had lacked, since the last listing: versions, and when.
    std::map<Key, std::pair<std::string, TimePoint>> against_absence;
    std::set<Key> absent;                      ///< Out by absence, when the last full listing was asked.
    std::set<std::string> known_deployments;   ///< That a listing or an event has named.
    std::map<std::string, TimePoint> history;  ///< Deployments first named by an event that came too late, and when.
    struct Stop {
      std::int64_t number = 0;   ///< Of the wish; 0: none.
      std::int64_t doubted = 0;  ///< Of one in doubt, which neither a listing has shown nor a later event has ended;
      Instant at;                ///<   and its time.
    };
    std::map<Key, Stop> stops;  ///< By an undeploy event that this process has heard.
    struct Stopped {
      std::int64_t number = 0;  ///< Of the wish.
      TimePoint gone;
    };
    std::map<Key, Stopped> stopped;  ///< Of these, what the gateway serves no more.
    struct Ended {
      std::uint64_t connection = 0;
      TimePoint when;
    };
    std::map<Key, TimePoint> created;  ///< When an event last said so of a key, in this process.
    struct Revoked {
      std::uint64_t connection = 0;
      TimePoint written;
      TimePoint heard;
    };
    std::map<std::string, Revoked> revoked;    ///< By artifact and name.
    std::set<Key> keys;                        ///< That were in service once.
    std::map<std::string, int> without_value;  ///< Secrets: how often in a row the answer was not its value.
    std::uint64_t met_on = 0;                  ///< The connection of which a round was last looked at.
    TimePoint met_until;                       ///< An answer was delayed, so that something could happen meanwhile.
    TimePoint body_sent;                       ///< That of which is looked at what it changed.
    std::map<std::string, Ended> ended;        ///< Artifacts of which it was answered that they do not exist, and when.
    std::uint64_t agreed_on = 0;               ///< The connection on which an operator last let removals go.
    std::optional<TimePoint> looks_out;  ///< Since when the link looks out for the way back; nothing: it does not.
    TimePoint nobody_there;              ///< When that was last in vain.
    TimePoint last_disk_fault;
    TimePoint started;
    std::map<Key, std::int64_t> newest_served;         ///< The latest operation that was served.
    std::map<Key, std::set<std::string>> ever_served;  ///< Versions.
    std::map<Key, std::set<std::string>> refused;      ///< Versions that the gateway refused, and did not take since.
    std::map<Key, std::set<std::string>> ever_refused;
    /// Versions that were sent to the gateway's present instance, and when last.
    std::map<Key, std::map<std::string, TimePoint>> offered;
    std::map<Key, std::string> replaced;              ///< By the last push: what was served before.
    bool pushed_blind = false;                        ///< The last push went while nothing could be stored.
    bool was_blind = false;                           ///< One did, and since then nothing has been settled.
    bool was_heard = false;                           ///< The gateway, before the last push: `answered_by`.
    std::string answered_by;                          ///< The last instance of which an answer to a push arrived.
    std::map<Key, std::set<std::string>> unanswered;  ///< Taken, and the answer was lost.
    std::map<Key, std::string> good;                  ///< What was taken last, and whose answer was heard: versions.
    TimePoint last_push;                              ///< That the gateway took.
    std::map<Key, std::string> just_refused;          ///< By the last push, if its answer arrived: versions.
    std::set<Key> kept;                               ///< Whose removal the gateway refused last.
    std::set<Key> owed;                               ///< Of that, what could go then, and was not served anew since.
    std::map<std::string, TimePoint> acked;           ///< `artifact action performedAt` with success: when last.
    std::map<std::string, TimePoint> failed;          ///< Likewise, with failed, and when it was said last.
    std::set<std::string> arrived;                    ///< Correlation ids of events that were stored.
    /// By handle, when a replica still said the value that a restored database had just taken back. It can have been
    /// said before, and is then believed (RULE.md, known limits).
    std::map<std::string, TimePoint> misled;
    std::set<Key> dropped;                ///< An event about it had no room.
    std::map<Key, TimePoint> last_heard;  ///< Of an event about it.
    std::map<Key, Instant> newest_news;   ///< Of an event about a deployment that was surely believed.
    void lose_what_waited() {
      arrived.clear();
      newest_news.clear();
    }
    /// Events about deployments that were sent to this daemon under the present identity.
    struct Handled {
      std::vector<HubEvent> waiting;                                  ///< For the disk.
      std::vector<HubEvent> open;                                     ///< Stored; no timestamp has passed them yet.
      std::map<std::pair<std::string, std::string>, HubEvent> found;  ///< By type and artifact: the newest passed one.
      std::set<std::string> news;  ///< Correlation ids of those that were surely believed when they came.
      int pumps = 0;
    } handled;
    std::vector<HubEvent> early;  ///< Of events that wait for the link's ack: nothing is stored of them yet.
    /// What a list has been answered on this connection.
    struct Listed {
      std::optional<TimePoint> true_at;  ///< Of when the last one is; nothing: none, or it is not shown (403, 404).
      bool is_shown = true;
      bool is_dated = true;
      bool is_known = true;     ///< False: the last answer was not the truth.
      bool is_nothing = false;  ///< It lacked all that there is.
      int unreadable = 0;       ///< How often a row of it could not be read, in a row.
      int unauthorized = 0;     ///< How often 401 was said last, in a row.
    };
    std::map<std::string, Listed> listed;        ///< By scope.
    std::map<sync::Call, std::size_t> requests;  ///< Since …
    TimePoint hour_began;
    std::optional<std::size_t> identity;   ///< Of which control plane the last body was that had something in it.
    std::optional<std::size_t> consented;  ///< Which one an operator wants served, since the last change of it.
    std::array<TimePoint, 2> linked{};     ///< By control plane: when the last link to it was acknowledged,
    TimePoint took_over;                   ///< When it last said that another one is in service.
    std::size_t last_linked = 0;           ///<   to which the last of all was,
    std::array<Duration, 2> stayed{};      ///<   and how long the longest of them has been, since that change.
    bool spoiled = false;                  ///< The store has been damaged, and nobody has found that yet.
    bool was_spoiled = false;            ///< It may be found as long as the file is read no further than it has to be.
    TimePoint taken_late;                ///< When the gateway last took a push that had been given up.
    bool key_lost = false;               ///< The next process has another key.
    std::map<Key, std::string> to_come;  ///< What was in service and lost, and was not given anew: versions.
    /// The store was lost, and the gateway has not been given what the new one has.
    struct StoreLost {
      TimePoint when;
      std::string first_epoch;  ///< Of the new one.
      bool released = false;    ///< An operator has let a gateway go.
      bool is_over = false;     ///< This push is the new one's.
    };
    std::optional<StoreLost> store_lost;
    bool store_is_older = false;                    ///< Than what it was; since then nothing has been settled.
    bool said_less = false;                         ///< The gateway's revision, before the last push: as of Reaction.
    bool served_anew = false;                       ///< Another identity took over, and the gateway has nothing of it.
    bool has_lost = false;                          ///< Something that was stored, at some time.
    bool content_lost = false;                      ///< Of that, what a key before had sealed.
    std::map<std::string, TimePoint> acked_before;  ///< As `acked`, by a store that was lost.
    /// What was in service when the control plane moved, and is not known at its new address. Until that has shown most
    /// of what is in service, or an operator agreed, none of it goes.
    std::set<Key> left_behind;
    TimePoint moved;
    bool identity_lost = false;  ///< The store has, and nothing was given to the gateway of any since.
    TimePoint looked_at;         ///< The proof of agreement that was looked at last.
    bool changed = false;        ///< What the gateway serves, since then.
    std::tuple<TimePoint, std::string, std::string, std::int64_t> agreed;  ///< Process, gateway, epoch and revision.
    int agreements = 0;                                                    ///< Of this process with this gateway.
    TimePoint settled_at;    ///< The listing after which it was last seen that nothing is left to do.
    bool unsettled = false;  ///< What the gateway serves has changed since then.
  } seen;

 private:
  friend class World;
  void note(const std::string& what);
  void pump_link();
  void carry_out(const link::Command& command);
  void dial(bool probe, const std::string& with_token);
  void knock();
  void note_way_back();
  void on_open();
  void let_go();
  void end_stay();
  void forget_events_of(std::size_t control_plane);
  void note_stored();
  void poll_hub(std::uint64_t connection);
  void send_text(const std::string& text, Duration after);
  void on_text(const std::string& text, const HubEvent* event);
  void note_event(const HubEvent& event);
  void send(const sync::SendRequest& request);
  bool is_broken(sync::Call call) const;
  Answer answer_to(const sync::SendRequest& request, Random& random);
  void agree_to_what_is_held();
  void note_lie(const sync::SendRequest& request, bool lags = false);
  std::optional<Answer> emptied_answer(const sync::SendRequest& request);
  Answer emptied_since(const sync::SendRequest& request);
  bool reads_what_was(const sync::SendRequest& request, Random& random) const;
  Duration meet(const sync::SendRequest& request, Random random);
  void arrive_late(const std::shared_ptr<AnswerReading>& reading, std::uint64_t link, Random random);
  void conclude(const AnswerReading& reading, const sync::RequestOutcome& outcome, std::uint64_t link);
  void attach_gateway();
  void note_told_back(TimePoint true_at);
  static Instant newest_of(const std::string& listing);
  void note_known(const std::string& listing);
  void expect_notice();
  void note_value(const std::string& path, const sync::RequestOutcome& outcome);
  void note_listed(const std::string& scope, const Answer& answer, bool complete);
  /// When the control plane will have read what is sent now.
  TimePoint read_at(std::string_view text);
  /// The frame that is about to pass the connection is lost.
  bool is_silent();
  bool is_heard() { return !is_silent() && !unheard_; }
  void ask_state();
  void push(const delivery::Push& push);
  void stall(Body body, std::int64_t push, Random random);
  delivery::PushOutcome push_now(const Body& body, std::size_t mood, bool alive);

  World& world_;
  std::size_t number_;
  std::uint64_t seed_;
  bool reports_failures_;
  Daemon daemon_;
  Gateway gateway_;
  TimePoint gateway_free_{};  ///< When it has answered all that it was sent.
  TimePoint flaps_until_{};   ///< `empty_now_and_then`, and the other one.
  Window silent_;             ///< No list of deployments is answered.
  TimePoint lags_until_{};    ///< A replica stands still until then, and says what was at `lags_at_`.
  TimePoint lags_at_{};
  std::unique_ptr<link::Link> link_;
  std::array<Window, static_cast<std::size_t>(Trouble::kCount)> troubles_;

  std::string token_ = "token-0";
  std::string socket_token_;
  std::uint64_t life_ = 0;        ///< What was under way for an earlier process comes to nothing.
  std::uint64_t connection_ = 0;  ///< Likewise, for an earlier connection.
  std::uint64_t probe_ = 0;
  std::uint64_t knock_ = 0;
  bool open_ = false;
  bool half_open_ = false;
  bool unheard_ = false;
  bool running_ = false;
  bool acked_ = false;            ///< The connection has been acknowledged.
  TimePoint last_text_;           ///< Texts of one connection arrive in order,
  TimePoint last_read_;           ///<   and are read so by the control plane, which may be slow at it.
  ControlPlane* peer_ = nullptr;  ///< Whose connection it is.
  std::map<const ControlPlane*, std::size_t> hub_read_;
  std::int64_t gateways_ = 1;
};

}  // namespace tether::sim
