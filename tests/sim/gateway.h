#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tether/base/time.h"
#include "tether/delivery/outcome.h"

namespace tether::sim {

using Key = std::pair<std::string, std::string>;  ///< Kind and id.

/// One line of a body as a gateway reads it.
struct Line {
  bool removes = false;
  Key key;
  std::string version;        ///< An artifact's deployment id and time; else what its `data` says.
  std::string deployment_id;  ///< Artifacts.
  std::string document;
};
Line read_line(std::string_view text);

/// A body on its way: what its header says, and its lines, which went over the socket as text.
struct Body {
  bool full = false;
  std::string from_epoch;
  std::int64_t from = 0;
  std::string epoch;
  std::int64_t revision = 0;
  std::vector<Line> lines;
  TimePoint sent{};  ///< When it was.
};

bool is_artifact(const std::string& kind);

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
  /// By artifact, for each secret that it refers to: the version whose value was put into it when the artifact came.
  std::map<Key, std::map<std::string, std::string>> resolved;
  /// Whether it refuses a line, and whether that spoils the whole body.
  std::function<bool(const Line&)> refuses;
  std::function<bool(const Line&)> is_malformed;

  void restart(const std::string& name) {
    instance = name;
    forget();
  }
  void forget() {
    epoch.clear();
    revision = most_ = 0;
    served.clear();
    resolved.clear();
  }
  /// The body of the answer to `GET /v1/config/state`.
  std::string state() const;

  /// The answer to a body: its status and, with 200, what it says.
  struct Reaction {
    int status = 200;
    std::string body;
    std::vector<Served> changes;
    std::vector<Line> refused;
    std::string out_of_order;  ///< A line that stands before what it refers to, or behind what refers to it.
    std::size_t had = 0;       ///< How much was served before.
    bool said_less =
        false;  ///< Its revision was lower than one that it has had: it was being given everything in parts.
  };
  Reaction apply(const Body& body);

 private:
  void resolve(const Line& line);
  static int place_of(const std::string& kind);
  static std::string out_of_order(const std::vector<Line>& lines);

  std::int64_t most_ = 0;  ///< The highest revision since it last was given everything at once.
};

}  // namespace tether::sim
