#include "timeline.h"

#include <array>
#include <sstream>

namespace tether::demo {

namespace {

constexpr std::size_t kLinesNamed = 3;  ///< Of one request; more are counted.

std::string text_at(const nlohmann::json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

Instant instant_at(const nlohmann::json& object, const std::string& name) {
  const auto at = parse_rfc3339(text_at(object, name));
  return at ? *at : Instant{};
}

/// The first of these members that is there.
std::string name_of(const nlohmann::json& detail) {
  for (const char* name : {"name", "keyName", "handle", "subscriptionId", "planId", "applicationId"}) {
    if (std::string text = text_at(detail, name); !text.empty()) return text;
  }
  return {};
}

/// The gateway prints the time of day: today's, as we are.
Instant today_at(const std::string& time_of_day) {
  const std::string today = format_rfc3339_ms(wall_now()).substr(0, 11);
  const auto at = parse_rfc3339(today + time_of_day + "Z");
  return at ? *at : Instant{};
}

/// `status=200` among words → `200`.
std::string member(const std::string& line, const std::string& name) {
  const std::size_t start = line.find(name + "=");
  if (start == std::string::npos) return {};
  const std::size_t value = start + name.size() + 1;
  return line.substr(value, line.find(' ', value) - value);
}

std::string reason_of(const nlohmann::json& line) {
  const std::string reason = text_at(line, "reason");
  return reason.empty() ? "" : ": " + reason;
}

/// A line of tetherd's log; most are for its operator alone.
std::optional<Happening> of_log(const nlohmann::json& line) {
  Happening happening{instant_at(line, "time"), Who::Tetherd, "", ""};
  const std::string event = text_at(line, "event");
  if (event == "daemon.started") {
    happening.what = "started";
    happening.detail = "version " + text_at(line, "version");
  } else if (event == "link.state") {
    happening.what = text_at(line, "to");
    const std::string wait = text_at(line, "next_attempt_s");
    happening.detail =
        text_at(line, "reason") +
        (wait.empty() || wait == "0" || wait == "0.0" ? "" : "; next attempt in " + wait.substr(0, 4) + " s");
  } else if (event == "event.received") {
    happening.what = "received";
    happening.detail = text_at(line, "type");
  } else if (event == "gateway.pushing") {
    happening.what = "stored";
    happening.detail =
        "revision " + text_at(line, "revision") + ", " + text_at(line, "lines") + " to push to the gateway";
  } else if (text_at(line, "level") == "warn" || text_at(line, "level") == "error") {
    happening.what = text_at(line, "level");
    happening.detail = event + reason_of(line);
  } else {
    return std::nullopt;
  }
  return happening;
}

}  // namespace

std::vector<Happening> Timeline::news() {
  std::vector<Happening> news;
  read_control_plane(news);
  read_tetherd(news);
  read_gateway(news);
  return news;
}

std::optional<Happening> Timeline::of_entry(const nlohmann::json& entry) {
  const nlohmann::json detail = entry.value("detail", nlohmann::json::object());
  const std::string what = text_at(entry, "what");
  Happening happening{instant_at(entry, "at"), Who::ControlPlane, "", ""};
  if (what == "event.sent") {
    event_sent_[text_at(detail, "artifactId")] = happening.at;
    happening.what = "event";
    happening.detail = text_at(detail, "type") + "  " + name_of(detail);
  } else if (what == "ack") {
    happening.what = "acknowledged";
    happening.detail =
        text_at(detail, "status") + "  " + text_at(detail, "action") + " of " + text_at(detail, "handle");
    const auto sent = event_sent_.find(text_at(detail, "artifactId"));
    if (sent != event_sent_.end()) {
      happening.detail += ", " + in_words(happening.at - sent->second) + " after its event";
      event_sent_.erase(sent);
    }
  } else if (what == "rest" && text_at(detail, "path").find("fetch-batch") != std::string::npos) {
    happening.what = "asked";
    happening.detail = "POST …/deployments/fetch-batch";
  } else if (what == "connection.ack") {
    happening.what = "connected";
    happening.detail = "the WebSocket is open and greeted";
  } else {
    return std::nullopt;
  }
  return happening;
}

void Timeline::read_control_plane(std::vector<Happening>& news) {
  const auto journal = ask(stage_.control(), "/events?since=" + std::to_string(next_entry_));
  if (!journal.is_object()) return;
  for (const auto& entry : journal.value("events", nlohmann::json::array())) {
    if (auto happening = of_entry(entry)) news.push_back(std::move(*happening));
  }
  next_entry_ = journal.value("next", next_entry_);
}

void Timeline::read_tetherd(std::vector<Happening>& news) {
  const auto lines = stage_.tetherd().out();
  for (; tetherd_lines_ < lines.size(); ++tetherd_lines_) {
    const auto line = nlohmann::json::parse(lines[tetherd_lines_], nullptr, /*allow_exceptions=*/false);
    if (!line.is_object()) continue;
    if (auto happening = of_log(line)) news.push_back(std::move(*happening));
  }
}

void Timeline::read_gateway(std::vector<Happening>& news) {
  const auto lines = stage_.gateway().out();
  while (gateway_lines_ < lines.size()) {
    const std::string& head = lines[gateway_lines_++];
    std::vector<std::string> applied;
    while (gateway_lines_ < lines.size() && lines[gateway_lines_].rfind("    ", 0) == 0) {
      applied.push_back(lines[gateway_lines_++].substr(4));
    }
    std::istringstream words(head);
    std::string time, method;
    if (!(words >> time >> method) || (method != "PUT" && method != "PATCH")) continue;
    const auto took = std::chrono::microseconds(std::strtoll(member(head, "took_us").c_str(), nullptr, 10));
    news.push_back({today_at(time) + took, Who::Gateway, method == "PUT" ? "replaced all" : "applied",
                    method + " of " + member(head, "lines") + ", answered " + member(head, "status") + " after " +
                        in_words(took)});
    if (applied.size() > kLinesNamed) continue;
    for (const std::string& line : applied)
      news.push_back({today_at(time) + took, Who::Gateway, "  " + line.substr(0, line.find(' ')),
                      line.substr(line.find("  ") + 2)});
  }
}

}  // namespace tether::demo
