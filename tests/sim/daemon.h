#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway.h"
#include "memory_disk.h"
#include "tether/delivery/courier.h"
#include "tether/delivery/footing.h"
#include "tether/store/store.h"
#include "tether/sync/engine.h"

namespace tether::sim {

/// The daemon without its threads: the real engine, courier and store, wired as daemon/keeper*.cpp does it. Its store
/// is on a disk in memory.
class Daemon {
 public:
  /// One input, within a transaction. It is kept and given again while nothing can be stored: capture by value.
  using Input = std::function<void(sync::Engine&, sync::Records&, sync::Now)>;

  explicit Daemon(std::uint32_t seed, sync::EngineOptions options = {});
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// The process is killed: what it had written is there, nothing else is.
  void kill();
  /// Likewise, and of what was not synced only those writes are left for which `keeps` says so.
  void cut_power(const std::function<bool()>& keeps);
  /// A new process; the one before, if there is one, is killed. A new epoch begins.
  void restart(sync::Now now);

  /// What may be wrong with it. Nothing is stored while it is: the inputs wait, and are given again from time to time.
  MemoryDisk& disk() { return disk_; }
  /// Damages the database, so that the next who opens it finds that out.
  void spoil_store();
  /// Damages its log alone: the next who opens it finds what was stored a while ago.
  void spoil_log();
  /// The next process has another key for what is encrypted.
  void lose_key() { ++key_; }
  /// Has the first one again.
  void find_key() { key_ = 0; }
  /// Where the next process finds the control plane.
  void set_address(const std::string& address) { options_.address = address; }
  bool is_storing() const { return footing_.is_storing(); }

  /// For how long the state thread is at something else when an input comes that finds it idle: what comes meanwhile
  /// shares its transaction. Without it each input has its own.
  void set_busy(std::function<Duration(TimePoint now)> is_busy_for) { is_busy_for_ = std::move(is_busy_for); }
  /// One input. It is stored as soon as the thread is idle, with what has waited before it, unless nothing can be.
  void give(Input input, sync::Now now);
  /// So many events wait at most; what comes then is dropped, and the engine hears that something was.
  void set_room(std::size_t events) { room_ = events; }
  bool has_room() const { return events_ < room_; }
  void event(protocol::Event event, sync::Now now);
  /// A link is up, or the present one is lost. What the engine asked for under a lost one is dropped.
  void link_up(sync::Now now);
  void link_down(sync::Now now);

  sync::Engine& engine() { return *engine_; }
  delivery::Courier& courier() { return *courier_; }
  /// What the engine has asked for since the last call.
  std::vector<sync::Command> take_commands() { return std::exchange(commands_, {}); }
  /// All that was stored is lost (the file was damaged): the link is to be made anew. Asking clears it.
  bool take_store_lost() { return std::exchange(store_lost_, false); }
  /// It said since the last call that an empty store is in the place of a damaged one.
  bool take_begun_anew() { return std::exchange(begun_anew_, false); }
  /// Likewise, that some of what is stored cannot be read any more.
  bool take_content_lost() { return std::exchange(content_lost_, false); }
  /// Whether this epoch was drawn after that one. Empty: before all.
  static bool is_later_epoch(const std::string& epoch, const std::string& than);
  /// The epoch that was drawn last.
  std::string last_epoch() const { return "epoch-" + std::to_string(epochs_drawn_); }

  void on_state(const delivery::StateOutcome& outcome, sync::Now now);
  void on_push(std::int64_t push, const delivery::PushOutcome& outcome, sync::Now now);
  /// Verdicts of the courier become inputs. False: there was none.
  bool take_verdicts(sync::Now now);
  /// Nothing: it could not be read, and the courier knows.
  std::optional<Body> body_of(delivery::Push push, sync::Now now);

  /// What a gateway that has nothing would be given, at which revision. Nothing: that cannot be read.
  std::optional<Body> whole();

  std::optional<TimePoint> next_deadline(TimePoint now) const;
  void on_deadline(sync::Now now);
  /// `in_sync` at the top of /status.
  bool is_in_sync() const { return in_sync_; }
  bool is_settled() const { return settled_; }
  /// To be called when all that is due now has been done: /status is brought up to date.
  void publish();
  /// What is committed, as another reader of the database finds it. False: it cannot be read.
  bool look(const std::function<void(sync::Records&)>& work) { return store_->read(work).has_value(); }
  Result<store::Overview> overview() { return store_->overview(); }
  /// Inputs that wait for the disk.
  std::size_t waiting() const { return waiting_.size() + batch_.size(); }
  struct Rows {
    std::size_t events = 0;  ///< That are remembered.
    std::size_t others = 0;  ///< Of all other tables.
  };
  /// Of the database as it is on the disk: its rows (nothing: they cannot be read), and its bytes.
  std::optional<Rows> count_rows() const;
  std::size_t database_bytes() const;
  /// How much is held; nothing where that cannot be read.
  std::int64_t held_count();
  /// Whether removals of that list are held, and nobody has released them.
  bool holds(const std::string& scope);

 private:
  bool has_inputs() const { return !batch_.empty() || presence_ || verdict_; }
  void settle(sync::Now now);
  bool commit(sync::Now now);
  void on_stored(const delivery::Footing::Stored& stored, sync::Now now);
  void on_not_stored(sync::Now now);
  void begin_epoch();
  void start_anew();
  void doubt_store();
  void tell_courier(sync::Now now);
  void look_up_epoch(const std::string& epoch);
  void note_presence();
  void read_notes();
  const Line& line(std::string_view text);
  std::string new_epoch() {
    ++epochs_drawn_;
    return last_epoch();
  }

  std::uint32_t seed_;
  int epochs_drawn_ = 0;
  sync::EngineOptions options_;
  std::filesystem::path folder_path_;
  std::unique_ptr<store::StateFolder> folder_;
  std::string database_;
  MemoryDisk disk_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<sync::Engine> engine_;
  std::unique_ptr<delivery::Courier> courier_;

  std::function<Duration(TimePoint now)> is_busy_for_;
  TimePoint busy_until_;
  std::deque<Input> waiting_;  ///< Came while nothing could be stored, or the thread was busy.
  std::deque<Input> batch_;    ///< Whose transaction is being tried.
  std::size_t room_ = 10'000;  ///< As in the daemon.
  std::size_t events_ = 0;     ///< In `waiting_`.
  bool events_lost_ = false;   ///< To be told to the engine: that waits.
  Input presence_;
  Input verdict_;
  delivery::Footing footing_;
  std::size_t notes_seen_ = 0;
  int key_ = 0;
  bool anew_ = false;  ///< To be told to the engine and the courier; likewise `lost_`.
  bool lost_ = false;
  bool begun_anew_ = false;
  bool content_lost_ = false;
  bool store_lost_ = false;
  std::uint64_t links_lost_ = 0;
  std::uint64_t links_lost_known_ = 0;  ///< Of these, the ones that the engine has heard of.
  bool linked_ = false;
  bool in_sync_ = false;
  bool settled_ = false;
  std::vector<sync::Command> commands_;
  std::map<std::string, Line, std::less<>> lines_;  ///< Of bodies, by their text: most are the same each time.
  std::int64_t pushes_ = 0;
};

}  // namespace tether::sim
