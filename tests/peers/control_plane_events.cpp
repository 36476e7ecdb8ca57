// How the control plane's events leave and what comes back on the links.
#include <algorithm>

#include "tether/peers/control_plane.h"
#include "tether/peers/kinds.h"
#include "tether/peers/link_session.h"
#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

std::chrono::milliseconds ms(std::int64_t count) {
  return std::chrono::milliseconds(count);
}

}  // namespace

void ControlPlane::after_change() {
  deliver_due_events();
  pump_wakes_.notify_all();
  changed_.notify_all();
}

/// The clock's thread: delayed events and the sweep.
void ControlPlane::pump() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    pump_wakes_.wait_until(lock, next_pump());
    if (stopping_) return;
    deliver_due_events();
    if (Clock::now() < next_sweep_) continue;
    next_sweep_ = Clock::now() + ms(faults_.sweep_interval_ms);
    const int failed = desire_.sweep(ms(faults_.deploy_timeout_ms));
    if (failed > 0) note("timed.out", {{"deployments", failed}});
  }
}

TimePoint ControlPlane::next_pump() const {
  TimePoint next = next_sweep_;
  const auto& events = desire_.events();
  const bool has_pending = !links_.empty() && !events.empty() && events.back().number > cursor_;
  if (!has_pending) return next;
  if (faults_.event_poll_ms > 0) next = std::min(next, next_poll_);
  if (faults_.event_delay_ms == 0) return next;
  const auto pending = std::ranges::find_if(events, [this](const EventRow& row) { return row.number > cursor_; });
  const auto age = wall_clock_now() - pending->written;
  return std::min(next, Clock::now() + std::max<Duration>(ms(faults_.event_delay_ms) - age, 1ms));
}

/// Called when the first link of this gateway opens, before its events.
void ControlPlane::set_replay_cursor() {
  const auto& events = desire_.events();
  const std::uint64_t newest = events.empty() ? 0 : events.back().number;
  const bool first = !connected_before_;
  connected_before_ = true;
  if (faults_.replay == "none") {
    cursor_ = newest;
    return;
  }
  if (faults_.replay == "window" && !first) return;
  const std::uint64_t queued_before = cursor_;
  const Instant from = wall_clock_now() - ms(faults_.replay_window_ms);
  const auto in_window = std::ranges::find_if(events, [from](const EventRow& row) { return row.written >= from; });
  cursor_ = in_window == events.end() ? newest : in_window->number - 1;
  replayed_to_ = faults_.replay == "duplicates_new_ids" ? queued_before : 0;
}

void ControlPlane::deliver_due_events() {
  if (links_.empty() || gateway_deleted_) return;
  if (faults_.event_poll_ms > 0) {
    if (Clock::now() < next_poll_) return;
    next_poll_ = Clock::now() + ms(faults_.event_poll_ms);
  }
  const auto& events = desire_.events();
  const Instant now = wall_clock_now();
  auto row = std::ranges::upper_bound(events, cursor_, {}, &EventRow::number);
  const auto is_due = [this, now](const EventRow& event) { return now - event.written >= ms(faults_.event_delay_ms); };
  if (row == events.end() || !is_due(*row)) return;

  const auto repeats = std::min<std::ptrdiff_t>(faults_.repeat_last, row - events.begin());
  for (auto repeated = row - repeats; repeated != row; ++repeated) queue_event(*repeated, /*new_id=*/false);
  for (; row != events.end() && is_due(*row); ++row) {
    cursor_ = row->number;
    if (now - row->written <= ms(faults_.event_retention_ms)) queue_event(*row, row->number <= replayed_to_);
  }
}

std::string ControlPlane::text_of_event(const EventRow& row, bool new_id) const {
  nlohmann::json envelope = row.envelope;
  if (new_id) envelope["correlationId"] = random_uuid();
  if (faults_.unknown_members) {
    envelope["xFutureMember"] = {{"nested", true}};
    envelope["payload"]["xFutureMember"] = "later";
  }
  std::string text = envelope.dump();
  constexpr std::size_t kMemberBytes = std::string_view(R"("padding":"",)").size();
  const auto wanted = static_cast<std::size_t>(faults_.pad_events_to_bytes);
  if (wanted < text.size() + kMemberBytes) return text;
  envelope["padding"] = std::string(wanted - text.size() - kMemberBytes, '.');
  return envelope.dump();
}

void ControlPlane::queue_event(const EventRow& row, bool new_id) {
  if (faults_.unknown_events) {
    const nlohmann::json unknown{{"type", "future.thing"},
                                 {"payload", {{"id", random_uuid()}}},
                                 {"timestamp", local_seconds_text(desire_.now())},
                                 {"correlationId", random_uuid()}};
    queue_frame(unknown.dump());
  }
  const auto payload = row.envelope.find("payload");
  nlohmann::json detail = described(payload == row.envelope.end() ? nlohmann::json{} : *payload);
  detail["type"] = row.envelope.value("type", "");
  note("event.sent", std::move(detail));
  queue_frame(text_of_event(row, new_id));
}

void ControlPlane::queue_frame(const std::string& text) {
  for (const auto& [number, link] : links_) link->kept_back.push_back(server_frame(Opcode::Text, text));
  release_kept_back();
}

void ControlPlane::release_kept_back() {
  const auto kept = static_cast<std::size_t>(std::max(0, faults_.lose_at_disconnect));
  for (const auto& [number, link] : links_) {
    if (link->kept_back.size() <= kept) continue;
    while (link->kept_back.size() > kept) {
      link->outgoing.push_back(std::move(link->kept_back.front()));
      link->kept_back.pop_front();
      ++observed_.events_sent;
    }
    link->stream.wake();
  }
}

/// What a person may see of a payload: which artifact, which deployment, when. No tokens, no hashes.
nlohmann::json ControlPlane::described(const nlohmann::json& payload) const {
  nlohmann::json detail = nlohmann::json::object();
  if (!payload.is_object()) return detail;
  for (const char* name : {"apiId", "providerId", "proxyId", "artifactId", "artifactUuid"}) {
    const auto id = payload.find(name);
    if (id == payload.end() || !id->is_string()) continue;
    detail["artifactId"] = *id;
    const auto artifact = desire_.artifacts().find(*id);
    if (artifact == desire_.artifacts().end()) continue;
    detail["handle"] = artifact->second.handle;
    detail["kind"] = artifact->second.kind;
  }
  for (const char* name : {"deploymentId", "performedAt", "name", "keyName", "handle", "subscriptionId", "planId",
                           "applicationId", "secretName", "action", "status", "errorCode"}) {
    if (const auto found = payload.find(name); found != payload.end()) detail[name] = *found;
  }
  return detail;
}

void ControlPlane::take_ack(std::uint64_t link, const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool is_ack = json.is_object() && json.contains("type") && json["type"] == "deployment.ack" &&
                      json.contains("payload") && json["payload"].is_object();
  if (!is_ack) return violation("a text frame was no deployment.ack");
  const nlohmann::json& payload = json["payload"];
  check_ack(payload);
  const bool matched = !faults_.ignore_acks && !gateway_deleted_ && desire_.take_ack(payload);
  observed_.acks.push_back({Clock::now(), link, payload, matched});
  if (observed_.acks.size() > Observed::kKept) observed_.acks.pop_front();
  nlohmann::json detail = described(payload);
  detail["matched"] = matched;
  note("ack", std::move(detail));
}

/// What section 8 of the protocol asks a stand-in to check on acks.
void ControlPlane::check_ack(const nlohmann::json& payload) {
  for (const char* name : {"deploymentId", "artifactId", "resourceType", "action", "status", "performedAt"}) {
    if (!payload.contains(name) || !payload[name].is_string() || payload[name] == "") {
      return violation(std::string("an ack lacked ") + name);
    }
  }
  const std::string artifact_id = payload["artifactId"];
  const std::string performed_at = payload["performedAt"];
  const std::string status = payload["status"];
  const std::string what = artifact_id + " at " + performed_at;
  if (status != "success" && status != "failed") violation("an ack had status " + status);
  if (payload["action"] != "deploy" && payload["action"] != "undeploy") violation("an ack had an unknown action");
  if (const auto code = payload.find("errorCode"); code != payload.end()) {
    constexpr std::size_t kColumn = 50;
    if (!code->is_string() || code->get<std::string>().size() > kColumn)
      violation("an ack's errorCode is no short text");
  }
  const auto artifact = desire_.artifacts().find(artifact_id);
  if (artifact != desire_.artifacts().end()) {
    if (!desire_.issued_times(artifact_id).contains(performed_at)) {
      violation("an ack echoed a performedAt that was never sent: " + what);
    }
    if (payload["resourceType"] != kind_named(artifact->second.kind)->event_prefix) {
      violation("an ack named another resourceType: " + what);
    }
  }
  std::set<std::string>& before = acked_[artifact_id + " " + performed_at];
  if (status == "failed" && before.contains("failed")) violation("`failed` was sent twice: " + what);
  if (status == "failed" && before.contains("success")) violation("`failed` was sent after `success`: " + what);
  before.insert(status);
}

}  // namespace tether::peers
