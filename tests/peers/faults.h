#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tether/base/result.h"

namespace tether::peers {

/// What one REST call does wrong. Names of calls: `deployments`, `fetch-batch`, `exists`, `artifact`, `api-keys`,
/// `subscription-plans`, `subscriptions`, `secrets`, `secret-value`, `websub-secrets`, `manifest`; `*` is any of them.
struct RestFault {
  int status = 0;             ///< Answer this instead; 0: the true answer.
  std::int64_t delay_ms = 0;  ///< Before the answer.
  int count = -1;             ///< For so many calls, then never again; -1: until taken away.
  bool cut = false;           ///< Half of the answer, then the connection is gone.
  bool hang = false;          ///< No answer, connection open.
  bool hold = false;          ///< The answer is made and waits until this is taken away; `rest.held` in the journal.
  std::string body;           ///< Sent in place of the true body, if not empty.
};

/// Every knob of the stand-in for the control plane (protocol section 8). The names are those of `POST /faults`. The
/// defaults are a real control plane's behaviour, except that events come at once (`event_poll_ms` is 3000 there).
struct Faults {
  // Heartbeat (1.4).
  std::int64_t ping_interval_ms = 20'000;
  std::int64_t pong_limit_ms = 30'000;  ///< Looked at when a ping is due.

  // Events (2.3).
  std::int64_t event_poll_ms = 0;   ///< Events wait for the next multiple of this and come in one batch.
  std::int64_t event_delay_ms = 0;  ///< Each event is at least this old when it is sent.
  std::string replay = "window";    ///< At connect: `none`, `window`, `duplicates`, `duplicates_new_ids`.
  std::int64_t replay_window_ms = 120'000;
  std::int64_t event_retention_ms = 3'600'000;
  int repeat_last = 0;                   ///< The last n sent come again before each new batch.
  int lose_at_disconnect = 0;            ///< The newest n stay in the link's queue, and are lost with the link.
  bool drop_events = false;              ///< Changes happen without any event.
  bool unknown_members = false;          ///< In every event and REST object.
  bool unknown_events = false;           ///< An event of an unknown type before each event.
  std::int64_t pad_events_to_bytes = 0;  ///< Each event is made exactly this long (limit 1,048,576).

  // Connecting (1.3, 1.5).
  int dial_status = 0;                  ///< 401, 429 or a proxy's answer in place of the upgrade; 0: none.
  int dial_status_count = -1;           ///< For so many dials; -1: until taken away.
  std::int64_t dial_status_for_ms = 0;  ///< Or for so long after it was set; 0: no limit.
  std::int64_t rate_limit_per_min = 1000;
  std::int64_t max_connections = 1000;
  std::int64_t ack_delay_ms = 0;  ///< `connection.ack` comes so much later; events don't wait for it.
  bool no_connection_ack = false;
  bool event_before_ack = false;  ///< The newest event is sent before `connection.ack` (again, if need be).
  bool stall_handshake = false;   ///< Accepts TCP and then says nothing.
  bool silent = false;            ///< Open links neither send nor read: a dead path.

  // Deployment status (3.1).
  std::int64_t deploy_timeout_ms = 60'000;
  std::int64_t sweep_interval_ms = 20'000;
  bool ignore_acks = false;          ///< Recorded, never matched: acks that were lost on the way.
  int performed_at_decimals = 3;     ///< 0 to 9, more than 3 as other products have; trailing zeros are removed …
  int performed_at_padding = 0;      ///< … and put back up to so many digits.
  bool equal_times = false;          ///< Two operations within one unit share their `performedAt`.
  std::int64_t clock_offset_ms = 0;  ///< The control plane's clock runs ahead by this (or behind).

  // REST (4).
  std::map<std::string, RestFault> rest;
  bool rest_unauthorized = false;          ///< 401 on REST while the socket lives.
  bool no_date = false;                    ///< Answers without `Date`.
  std::vector<std::string> batch_missing;  ///< Deployment ids that batch answers leave out; `*`: all.
  std::vector<std::string> list_missing;   ///< Artifact ids that the deployment listing leaves out.
  std::vector<std::string> empty_lists;    ///< Names of calls that answer with an empty list.
  bool stale_list = false;                 ///< The deployment listing stays as it was when this was set.
  int manifest_status = 204;               ///< 409: the verification of version or type is on and failed.
  bool experimental = true;                ///< The event-gateway part is built in.
};

void to_json(nlohmann::json& json, const Faults& faults);

/// `faults` with the members of `patch` put in. Reject: an unknown name or a value of another type, by name.
Result<Faults> patched(const Faults& faults, const nlohmann::json& patch);

}  // namespace tether::peers
