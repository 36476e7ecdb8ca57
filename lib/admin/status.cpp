#include "tether/admin/status.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tether/admin/json_values.h"

namespace tether {

namespace {

/// Seconds with three decimals, and never less than none.
OrderedJson seconds(Duration duration) {
  const double s = std::chrono::duration<double>(duration).count();
  return std::max(0.0, std::round(s * 1000.0) / 1000.0);
}

OrderedJson age(const std::optional<TimePoint>& since, TimePoint now) {
  return since ? seconds(now - *since) : OrderedJson();
}

OrderedJson wait(const std::optional<TimePoint>& until, TimePoint now) {
  return until ? seconds(*until - now) : OrderedJson();
}

template <class T>
OrderedJson or_null(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

OrderedJson staged(const std::optional<StagedStatus>& status) {
  if (!status) return {};
  return {
      {"gateway_id", status->gateway_id},
      {"since", time_or_null(status->since)},
      {"deployed", status->deployed},
      {"documents", status->documents},
      {"resources", status->resources},
      {"waits_for", status->waits_for},
      {"needs_operator", status->needs_operator},
      {"accepted", status->accepted},
  };
}

OrderedJson control_plane(const ControlPlaneStatus& status, bool stale, TimePoint now) {
  return {
      {"state", to_string(status.state)},
      {"state_age_s", age(status.state_since, now)},
      {"url", status.url},
      {"gateway_id", or_null(status.gateway_id)},
      {"other_gateway_id", or_null(status.other_gateway_id)},
      {"staged", staged(status.staged)},
      {"in_sync", status.in_sync},
      {"last_proven_sync_age_s", age(status.last_proven_sync, now)},
      {"stale", stale},
      {"next_attempt_s", wait(status.next_attempt, now)},
      {"looking_out", status.is_looking_out},
      {"last_error", or_null(status.last_error)},
      {"server_certificate_ends", time_or_null(status.server_certificate_ends)},
      {"client_certificate_ends", time_or_null(status.client_certificate_ends)},
      {"advice", or_null(status.advice)},
  };
}

OrderedJson held_push(const std::optional<HeldPush>& push) {
  if (!push) return {};
  return {{"instance", push->instance},
          {"epoch", push->epoch},
          {"revision", push->revision},
          {"has", push->has},
          {"would_get", push->would_get}};
}

OrderedJson gateway(const GatewayStatus& status, bool stale, TimePoint now) {
  return {
      {"state", to_string(status.state)},
      {"state_age_s", age(status.state_since, now)},
      {"socket", status.socket},
      {"instance", or_null(status.instance)},
      {"applied_revision", or_null(status.applied_revision)},
      {"ready", status.has_answered_push},
      {"held_push", held_push(status.held_push)},
      {"last_proven_sync_age_s", age(status.last_proven_sync, now)},
      {"stale", stale},
      {"last_error", or_null(status.last_error)},
  };
}

OrderedJson stored(const StoreStatus& status) {
  return {
      {"revision", or_null(status.revision)},     {"resources", OrderedJson(status.resources)},
      {"unanswered", status.unanswered},          {"outbox_acks", status.outbox_acks},
      {"size_bytes", status.size_bytes},          {"degraded", status.degraded},
      {"last_error", or_null(status.last_error)},
  };
}

OrderedJson notes(const std::vector<ResourceNote>& notes) {
  OrderedJson out = OrderedJson::array();
  for (const ResourceNote& note : notes) {
    out.push_back({{"kind", note.kind},
                   {"id", note.id},
                   {"handle", or_null(note.handle)},
                   {"reason", or_null(note.reason)},
                   {"since", time_or_null(note.since)}});
  }
  return out;
}

OrderedJson quarantined(const std::vector<ResourceNote>& resources) {
  OrderedJson out = notes(resources);
  for (std::size_t i = 0; i < resources.size(); ++i) out[i]["next_try"] = time_or_null(resources[i].next_try);
  return out;
}

OrderedJson held(const std::vector<ResourceNote>& resources) {
  OrderedJson out = notes(resources);
  for (std::size_t i = 0; i < resources.size(); ++i) out[i]["listing"] = resources[i].listing;
  return out;
}

std::string reason_of(const HoldNote& hold) {
  if (hold.state == HoldNote::State::Asked) return "an operator agreed: it is asked again";
  if (hold.state == HoldNote::State::Released) return "released: it goes once the next listing confirms it";
  if (!hold.releases_in) return "never goes by itself: nothing that was here before is in it";
  const auto left = std::chrono::ceil<std::chrono::seconds>(*hold.releases_in).count();
  return "goes by itself if listings lack the same for another " + std::to_string(left) + " s";
}

OrderedJson holds(const std::vector<HoldNote>& holds) {
  OrderedJson out = OrderedJson::array();
  for (const HoldNote& hold : holds) {
    out.push_back({{"listing", hold.listing},
                   {"state", to_string(hold.state)},
                   {"since", time_or_null(hold.since)},
                   {"would_go", hold.would_go},
                   {"in_service", hold.in_service},
                   {"release_in_s", hold.releases_in ? seconds(*hold.releases_in) : OrderedJson()},
                   {"reason", reason_of(hold)},
                   {"noted", hold.noted}});
  }
  return out;
}

bool is_unproven(const Status& status, const std::optional<TimePoint>& proof, TimePoint now) {
  return status.stale_after > Duration{} && now - proof.value_or(status.started) > status.stale_after;
}

std::string how_old(const std::optional<TimePoint>& proof, TimePoint now) {
  if (!proof) return "has not been proven since the start";
  return "was last proven " + std::to_string(std::chrono::floor<std::chrono::seconds>(now - *proof).count()) + " s ago";
}

OrderedJson event_timestamps(const std::map<std::string, Instant>& timestamps) {
  OrderedJson out = OrderedJson::object();
  for (const auto& [type, at] : timestamps) out[type] = time_or_null(at);
  return out;
}

}  // namespace

std::string_view to_string(ControlPlaneStatus::State state) {
  constexpr std::array<std::string_view, 6> kNames = {"standalone",   "connecting", "connected",
                                                      "reconnecting", "rejected",   "disconnected"};
  return kNames.at(static_cast<std::size_t>(state));
}

std::string_view to_string(GatewayStatus::State state) {
  constexpr std::array<std::string_view, 5> kNames = {"away", "connecting", "behind", "in_sync", "refusing"};
  return kNames.at(static_cast<std::size_t>(state));
}

std::string to_json(const Status& status, TimePoint now) {
  const OrderedJson out = {
      {"version", status.version},
      {"uptime_s", seconds(now - status.started)},
      {"in_sync", status.in_sync},
      {"settled", status.settled},
      {"control_plane", control_plane(status.control_plane, is_stale(status, status.control_plane, now), now)},
      {"gateway", gateway(status.gateway, is_stale(status, status.gateway, now), now)},
      {"store", stored(status.store)},
      {"event_timestamps", event_timestamps(status.event_timestamps)},
      {"quarantined", quarantined(status.quarantined)},
      {"held", held(status.held)},
      {"holds", holds(status.holds)},
      {"waiting", notes(status.waiting)},
      {"best_effort_kinds", OrderedJson(status.best_effort_kinds)},
  };
  return out.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false, OrderedJson::error_handler_t::replace) + "\n";
}

std::string_view to_string(HoldNote::State state) {
  constexpr std::array<std::string_view, 3> kNames = {"held", "asked", "released"};
  return kNames.at(static_cast<std::size_t>(state));
}

bool is_stale(const Status& status, const ControlPlaneStatus& side, TimePoint now) {
  return is_unproven(status, side.last_proven_sync, now);
}

bool is_stale(const Status& status, const GatewayStatus& side, TimePoint now) {
  return is_unproven(status, side.last_proven_sync, now);
}

std::optional<std::string> why_stale(const Status& status, TimePoint now) {
  std::string out;
  if (is_stale(status, status.control_plane, now)) {
    out = "agreement with the control plane " + how_old(status.control_plane.last_proven_sync, now);
  }
  if (is_stale(status, status.gateway, now)) {
    out += (out.empty() ? "" : ", ") + ("agreement with the gateway " + how_old(status.gateway.last_proven_sync, now));
  }
  if (out.empty()) return std::nullopt;
  return out;
}

std::optional<std::string> why_not_ready(const Status& status) {
  const GatewayStatus& gateway = status.gateway;
  if (gateway.has_answered_push) return std::nullopt;
  return "the gateway has not answered a push: it is " + std::string(to_string(gateway.state));
}

}  // namespace tether
