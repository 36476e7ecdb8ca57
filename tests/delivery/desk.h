#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "model_gateway.h"
#include "tether/base/check.h"
#include "tether/delivery/courier.h"

namespace tether::test {

using namespace delivery;

/// A Courier, a small store, a gateway and a virtual clock. The store does with a verdict what the daemon's does: it
/// falls back to what was good, or takes the resource away.
class Desk {
 public:
  struct Row {
    std::int64_t version = 0;  ///< 0: deleted.
    std::int64_t revision = 0;
    std::int64_t good = 0;
  };

  ModelGateway gateway;
  std::map<std::string, Row> rows;
  Standing standing;
  std::map<std::string, std::int64_t> earlier_epochs;
  std::set<std::pair<std::string, std::int64_t>> quarantined;
  std::vector<Accepted> accepted;
  std::vector<LineRefused> refused_lines;
  bool records_verdicts = true;
  std::size_t records_at_most = SIZE_MAX;  ///< Answers.
  std::size_t asked = 0;
  TimePoint now{std::chrono::hours(1)};
  Courier courier;

  explicit Desk(CourierLimits limits = {})
      : courier(
            limits,
            [this](std::string_view epoch) -> std::optional<std::int64_t> {
              const auto found = earlier_epochs.find(std::string(epoch));
              if (found == earlier_epochs.end()) return std::nullopt;
              return found->second;
            },
            /*last_push=*/0, now) {
    standing.epoch = "e1";
    standing.revision = kFirstRevision;
  }

  /// Writes a version (0 deletes) without telling the courier yet.
  void write(const std::string& id, std::int64_t version) { rows[id] = {version, ++standing.revision, rows[id].good}; }

  void tell() {
    standing.offered = std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.second.version != 0; });
    courier.on_standing(standing);
  }

  void put(const std::string& id, std::int64_t version) {
    write(id, version);
    tell();
  }

  /// Carries out what the courier asks for at this instant.
  void pump() {
    for (int turns = 0; turns < 1000; ++turns) {
      if (const auto verdict = courier.take_verdict()) {
        if (records_verdicts && accepted.size() < records_at_most) record(*verdict);
        continue;
      }
      if (const auto command = courier.take_command(now)) {
        carry_out(*command);
      } else if (const auto last = courier.take_verdict()) {
        if (records_verdicts) record(*last);
      } else {
        return;
      }
    }
    check(false, "the courier comes to rest");
  }

  /// Lets time pass, deadline by deadline.
  void run(Duration duration) {
    const TimePoint end = now + duration;
    pump();
    for (auto next = courier.next_deadline(); next && *next <= end; next = courier.next_deadline()) {
      now = std::max(now, *next);
      courier.on_deadline(now);
      pump();
    }
    now = end;
  }

  /// The daemon starts anew on the same store: another epoch, and nothing of the courier's is left.
  void restart_daemon(const std::string& epoch) {
    earlier_epochs[standing.epoch] = standing.revision;
    standing.epoch = epoch;
    standing.complete = false;
    standing.contains_known = false;
    restart_courier();
  }

  std::map<std::string, std::int64_t> wanted() const {
    std::map<std::string, std::int64_t> result;
    for (const auto& [id, row] : rows) {
      if (row.version != 0) result[id] = row.version;
    }
    return result;
  }

  std::size_t puts() const {
    return static_cast<std::size_t>(std::count_if(gateway.received.begin(), gateway.received.end(),
                                                  [](const ModelBody& body) { return body.full; }));
  }
  std::size_t patches() const { return gateway.received.size() - puts(); }

 private:
  void restart_courier() {
    const auto remembered = [this](std::string_view epoch) -> std::optional<std::int64_t> {
      const auto found = earlier_epochs.find(std::string(epoch));
      if (found == earlier_epochs.end()) return std::nullopt;
      return found->second;
    };
    courier = Courier(CourierLimits{}, remembered, /*last_push=*/1000, now);
    tell();
  }

  void carry_out(const Command& command) {
    if (std::holds_alternative<AskState>(command)) {
      ++asked;
      const auto outcome = gateway.state();
      if (const auto* state = std::get_if<protocol::GatewayState>(&outcome)) return courier.on_state(*state, now);
      return courier.on_state_problem(std::get<GatewayProblem>(outcome), now);
    }
    const Push& push = std::get<Push>(command);
    courier.on_push_outcome(push.number, gateway.push(body_of(push)), now);
  }

  ModelBody body_of(const Push& push) const {
    ModelBody body{push.full, push.from_epoch, push.from, push.epoch, push.up_to, {}};
    for (const auto& [id, row] : rows) {
      const bool inside =
          (push.behind || row.revision <= push.up_to) && (push.full ? row.version != 0 : row.revision > push.after);
      if (inside && row.revision > 0) body.lines.push_back({id, row.version});
    }
    return body;
  }

  void record(const Verdict& verdict) {
    if (const auto* line = std::get_if<LineRefused>(&verdict)) {
      refused_lines.push_back(*line);
      refuse(line->line.id);
    } else if (std::holds_alternative<Replacing>(verdict)) {
      standing.answered = {};
    } else {
      const auto& answer = std::get<Accepted>(verdict);
      accepted.push_back(answer);
      standing.answered = answer.answered;
      std::set<std::string> rejected;
      for (const auto& line_of : answer.rejected) rejected.insert(line_of.id);
      for (auto& [id, row] : rows) {
        const bool covered = row.revision > answer.after && row.revision <= answer.up_to;
        if (covered && !rejected.contains(id)) row.good = row.version;
      }
      for (const auto& id : rejected) refuse(id);
    }
    tell();
  }

  void refuse(const std::string& id) {
    Row& row = rows.at(id);
    if (row.version == 0) {
      row.revision = ++standing.revision;  // stays in the difference
      return;
    }
    quarantined.emplace(id, row.version);
    const std::int64_t fallback = row.good == row.version ? 0 : row.good;
    row = {fallback, ++standing.revision, fallback};
  }
};

}  // namespace tether::test
