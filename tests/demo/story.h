#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "screen.h"
#include "stage.h"
#include "timeline.h"

namespace tether::demo {

/// The demo, chapter by chapter. Each shows what happens and checks that it did; after one that could not even be
/// played the rest is left out.
class Story {
 public:
  Story(Stage& stage, Screen& screen);

  /// False: it could not be played to its end.
  bool play();
  /// The last chapter: tetherd is asked to stop.
  void say_goodbye();

 private:
  struct Artifact {
    std::string kind;
    std::string handle;
    std::string id;
  };

  bool everything_starts();
  bool each_kind_is_deployed();
  bool keys_plans_and_subscriptions();
  bool both_die();
  bool changes_are_missed();
  bool control_plane_returns();
  void secrets_stay_secret();
  void nobody_broke_a_rule();

  bool started(const Result<Done>& result);
  /// Deploys, and waits until the deployment is acknowledged. `more` has what the made-up document should have.
  bool deploy(const std::string& kind, const std::string& handle, const json& more = json::object());
  bool is_acknowledged(const std::string& handle, const std::string& status) const;
  bool gateway_has(const std::string& kind, const std::string& id) const;
  bool is_in_sync() const;
  bool gateway_is_in_sync() const;
  json gateway_lines() const;
  void show_news();

  Stage& stage_;
  Screen& screen_;
  Timeline timeline_;
  int deployed_ = 0;
  std::string subscription_;
  json gateway_before_;  ///< What the gateway had before it was killed.
};

}  // namespace tether::demo
