#include "tether/peers/faults.h"

#include <nlohmann/json.hpp>

namespace tether::peers {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RestFault, status, delay_ms, count, cut, hang, hold, body)

namespace {

/// One list of the members for both directions. `visit` gets each name and member.
template <class AnyFaults, class Visit>
void for_each_member(AnyFaults& f, Visit visit) {
#define TETHER_KNOB(name) visit(#name, f.name)
  TETHER_KNOB(ping_interval_ms);
  TETHER_KNOB(pong_limit_ms);
  TETHER_KNOB(event_poll_ms);
  TETHER_KNOB(event_delay_ms);
  TETHER_KNOB(replay);
  TETHER_KNOB(replay_window_ms);
  TETHER_KNOB(event_retention_ms);
  TETHER_KNOB(repeat_last);
  TETHER_KNOB(lose_at_disconnect);
  TETHER_KNOB(drop_events);
  TETHER_KNOB(unknown_members);
  TETHER_KNOB(unknown_events);
  TETHER_KNOB(pad_events_to_bytes);
  TETHER_KNOB(dial_status);
  TETHER_KNOB(dial_status_count);
  TETHER_KNOB(dial_status_for_ms);
  TETHER_KNOB(rate_limit_per_min);
  TETHER_KNOB(max_connections);
  TETHER_KNOB(ack_delay_ms);
  TETHER_KNOB(no_connection_ack);
  TETHER_KNOB(event_before_ack);
  TETHER_KNOB(stall_handshake);
  TETHER_KNOB(silent);
  TETHER_KNOB(deploy_timeout_ms);
  TETHER_KNOB(sweep_interval_ms);
  TETHER_KNOB(ignore_acks);
  TETHER_KNOB(performed_at_decimals);
  TETHER_KNOB(performed_at_padding);
  TETHER_KNOB(equal_times);
  TETHER_KNOB(clock_offset_ms);
  TETHER_KNOB(rest);
  TETHER_KNOB(rest_unauthorized);
  TETHER_KNOB(no_date);
  TETHER_KNOB(batch_missing);
  TETHER_KNOB(list_missing);
  TETHER_KNOB(empty_lists);
  TETHER_KNOB(stale_list);
  TETHER_KNOB(manifest_status);
  TETHER_KNOB(experimental);
#undef TETHER_KNOB
}

}  // namespace

void to_json(nlohmann::json& json, const Faults& faults) {
  json = nlohmann::json::object();
  for_each_member(faults, [&json](const char* name, const auto& member) { json[name] = member; });
}

Result<Faults> patched(const Faults& faults, const nlohmann::json& patch) {
  if (!patch.is_object()) return fail(ErrorKind::Reject, "faults: an object of knobs is expected");
  const nlohmann::json known = faults;
  for (const auto& item : patch.items()) {
    if (!known.contains(item.key())) return fail(ErrorKind::Reject, "faults: no knob is named " + item.key());
  }
  Faults changed = faults;
  try {
    for_each_member(changed, [&patch](const char* name, auto& member) {
      if (const auto found = patch.find(name); found != patch.end()) found->get_to(member);
    });
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorKind::Reject, std::string("faults: ") + error.what());
  }
  return changed;
}

}  // namespace tether::peers
