#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway.h"
#include "tether/delivery/courier.h"
#include "tether/store/store.h"
#include "tether/sync/engine.h"

namespace tether::sim {

/// The daemon without its threads: the real engine, courier and store, wired as daemon/keeper.cpp does it.
class Daemon {
 public:
  explicit Daemon(std::uint32_t seed);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// As after a crash: only the store is left. A new epoch begins.
  void restart(sync::Now now);

  /// One input in one transaction; with others, if `more` are given.
  void give(const std::function<void(sync::Engine&, sync::Records&)>& input, sync::Now now);

  sync::Engine& engine() { return *engine_; }
  delivery::Courier& courier() { return *courier_; }
  /// What the engine has asked for since the last call.
  std::vector<sync::Command> take_commands() { return std::exchange(commands_, {}); }
  /// Verdicts of the courier become inputs.
  void take_verdicts(sync::Now now);
  Body body_of(delivery::Push push);
  std::optional<TimePoint> next_deadline(TimePoint now) const;
  void on_deadline(sync::Now now);
  /// `in_sync` at the top of /status.
  bool is_in_sync() const;
  store::Overview overview();

 private:
  void begin(sync::Now now);

  std::uint32_t seed_;
  std::filesystem::path folder_path_;
  std::unique_ptr<store::StateFolder> folder_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<sync::Engine> engine_;
  std::unique_ptr<delivery::Courier> courier_;
  delivery::Standing standing_;
  std::map<std::string, std::int64_t, std::less<>> epochs_;
  std::vector<sync::Command> commands_;
  std::int64_t pushes_ = 0;
  int epoch_ = 0;
};

}  // namespace tether::sim
