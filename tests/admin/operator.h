#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tether/admin/operator_command.h"
#include "tether/admin/status.h"

namespace tether {

/// A daemon that shows one status after the other, the last one again and again, and an operator.
struct OperatorAtDaemon {
  std::deque<Status> shows;
  std::optional<bool> says = true;
  std::string refusal;
  bool is_away = false;

  std::string out, err;
  std::vector<std::string> agreed;
  int asked = 0;
  int pauses = 0;

  CommandEnd run(CommandEnd (*command)(const CommandEnds&, bool), bool yes) {
    CommandEnds ends;
    ends.status = [this]() -> Result<std::string> {
      if (is_away) return fail(ErrorKind::Retry, "127.0.0.1:9469: refused");
      const Status status = shows.front();
      if (shows.size() > 1) shows.pop_front();
      return to_json(status, TimePoint());
    };
    ends.agree = [this](const std::string& body) -> Result<Done> {
      if (!refusal.empty()) return fail(ErrorKind::Reject, refusal);
      agreed.push_back(body);
      return Done{};
    };
    ends.ask = [this] {
      ++asked;
      return says;
    };
    ends.say = [this](const std::string& text) { out += text; };
    ends.complain = [this](const std::string& text) { err += text; };
    ends.pause = [this] { ++pauses; };
    return command(ends, yes);
  }
};

}  // namespace tether
