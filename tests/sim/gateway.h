#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tether/delivery/outcome.h"

namespace tether::sim {

using Key = std::pair<std::string, std::string>;  ///< Kind and id.

/// One line of a body, as far as a world looks at it.
struct Line {
  bool removes = false;
  Key key;
  std::string version;        ///< An artifact's deployment id and time; else what its `data` says.
  std::string deployment_id;  ///< Artifacts.
};

/// A body on its way.
struct Body {
  bool full = false;
  std::string from_epoch;
  std::int64_t from = 0;
  std::string epoch;
  std::int64_t revision = 0;
  std::vector<Line> lines;
};

/// What one line did to what the gateway serves.
struct Served {
  Key key;
  std::string before;  ///< Empty: it was not served.
  std::string after;   ///< Empty: it is not served.
};

/// A gateway that follows the socket's protocol.
class Gateway {
 public:
  std::string instance = "instance-1";
  std::string epoch;
  std::int64_t revision = 0;
  std::map<Key, std::string> served;
  std::set<std::string> refused;  ///< Deployment ids.

  void restart(const std::string& name) {
    instance = name;
    forget();
  }
  void forget() {
    epoch.clear();
    revision = 0;
    served.clear();
  }
  protocol::GatewayState state() const { return {instance, epoch, revision, static_cast<std::int64_t>(served.size())}; }

  /// Applies a body as a whole; nullopt: it starts elsewhere (409).
  std::optional<protocol::PushAnswer> apply(const Body& body, std::vector<Served>& changes) {
    if (!body.full && (body.from_epoch != epoch || body.from != revision)) return std::nullopt;
    const auto before = served;
    if (body.full) served.clear();
    protocol::PushAnswer answer;
    for (const Line& line : body.lines) {
      if (line.removes) {
        served.erase(line.key);
      } else if (refused.contains(line.deployment_id)) {
        answer.rejected.push_back({line.key.first, line.key.second, "refused"});
      } else {
        served[line.key] = line.version;
      }
    }
    epoch = answer.epoch = body.epoch;
    revision = answer.revision = body.revision;
    note(before, changes);
    return answer;
  }

 private:
  void note(const std::map<Key, std::string>& before, std::vector<Served>& changes) const {
    for (const auto& [key, version] : before) {
      const auto now = served.find(key);
      if (now == served.end()) changes.push_back({key, version, ""});
      if (now != served.end() && now->second != version) changes.push_back({key, version, now->second});
    }
    for (const auto& [key, version] : served) {
      if (!before.contains(key)) changes.push_back({key, "", version});
    }
  }
};

}  // namespace tether::sim
