#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tether/delivery/outcome.h"

namespace tether::test {

/// One resource line as the models see it: which resource, and which version of it. Version 0 deletes.
struct ModelLine {
  std::string id;
  std::int64_t version = 0;
  friend bool operator==(const ModelLine&, const ModelLine&) = default;
};

struct ModelBody {
  bool full = false;
  std::string from_epoch;
  std::int64_t from = 0;
  std::string epoch;
  std::int64_t revision = 0;
  std::vector<ModelLine> lines;
};

/// A gateway that follows the protocol and can be told to refuse, to fail and to lose its answers.
class ModelGateway {
 public:
  // What it has.
  std::string instance = "i1";
  std::string epoch;
  std::int64_t revision = 0;
  std::map<std::string, std::int64_t> resources;

  // How it behaves.
  std::set<std::pair<std::string, std::int64_t>> rejects;   ///< Lines it lists as rejected.
  std::set<std::pair<std::string, std::int64_t>> poisoned;  ///< Lines for which it refuses the body (400).
  std::optional<int> answers_status;                        ///< To every push, without applying it.
  std::size_t max_lines = 1'000'000;                        ///< More is 413.
  bool loses_answers = false;                               ///< Applies and breaks the connection.
  bool answers_wrong_revision = false;
  bool is_away = false;
  std::size_t stumbles_at = SIZE_MAX;  ///< Which body it answers with 500, and is then behind what it had answered.

  std::vector<ModelBody> received;

  void restart(const std::string& new_instance) {
    instance = new_instance;
    epoch.clear();
    revision = 0;
    resources.clear();
  }

  delivery::StateOutcome state() const {
    if (is_away) return delivery::GatewayProblem{delivery::GatewayFailure::Gone, 0, "nobody listens"};
    return protocol::GatewayState{instance, epoch, revision, static_cast<std::int64_t>(resources.size())};
  }

  delivery::PushOutcome push(const ModelBody& body) {
    delivery::PushOutcome outcome;
    outcome.epoch = body.epoch;
    outcome.revision = body.revision;
    outcome.lines = static_cast<std::int64_t>(body.lines.size());
    if (body.lines.size() == 1) outcome.only_line = sync::Key{"RestApi", body.lines.front().id};
    outcome.answer = apply(body);
    return outcome;
  }

 private:
  static delivery::GatewayProblem status(int code) {
    return {delivery::GatewayFailure::Status, code, "the gateway answered " + std::to_string(code)};
  }

  std::variant<protocol::PushAnswer, delivery::GatewayProblem> apply(const ModelBody& body) {
    const delivery::GatewayProblem gone{delivery::GatewayFailure::Gone, 0, "the connection broke"};
    if (is_away) return gone;
    received.push_back(body);
    if (received.size() == stumbles_at) {
      --revision;
      return status(500);
    }
    if (answers_status) return status(*answers_status);
    if (!body.full && (body.from_epoch != epoch || body.from != revision)) return status(409);
    if (body.lines.size() > max_lines) return status(413);
    for (const auto& line : body.lines) {
      if (poisoned.contains({line.id, line.version})) return status(400);
    }
    protocol::PushAnswer answer;
    if (body.full) resources.clear();
    for (const auto& line : body.lines) {
      if (rejects.contains({line.id, line.version})) {
        answer.rejected.push_back({"RestApi", line.id, "not valid"});
      } else if (line.version == 0) {
        resources.erase(line.id);
      } else {
        resources[line.id] = line.version;
      }
    }
    epoch = body.epoch;
    revision = body.revision;
    if (loses_answers) return gone;
    answer.epoch = body.epoch;
    answer.revision = answers_wrong_revision ? body.revision + 1 : body.revision;
    return answer;
  }
};

}  // namespace tether::test
