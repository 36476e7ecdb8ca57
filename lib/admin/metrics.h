#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tether/admin/status.h"
#include "tether/base/time.h"

namespace tether {

/// The closed sets that labels are drawn from, besides those that the methods below name. A value outside its set is
/// counted as `unknown`, so that nobody outside can make series. What is in a set is there from the start.
struct MetricLabels {
  std::vector<std::string> event_types;  ///< `tetherd_events_received_total{type}`
  std::vector<std::string> kinds;        ///< `tetherd_resources{kind}`
  std::vector<std::string> rest_calls;   ///< `tetherd_rest_requests_total{call}`: `deployments`, `fetch_batch`, …
};

/// Everything that `/metrics` tells. Counters are told as things happen; gauges are derived from a Status. Any thread;
/// no call blocks on anything but a short lock.
class Metrics {
 public:
  Metrics(const std::string& version, const MetricLabels& labels);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// All gauges. `now` and `wall_now` are the same moment by both clocks. The admin endpoint calls it for each scrape.
  void set_status(const Status& status, TimePoint now, Instant wall_now);

  void count_auth_failure();
  /// `dns`, `refused`, `timeout`, `tls`, `reset`, `closed`, `silent` or `http`.
  void count_network_error(std::string_view reason);
  /// An attempt after a lost or failed one; why that one went: a network error's reason, `auth`, `token` or `store`.
  void count_reconnect_attempt(std::string_view reason);
  void count_dial();
  /// `answered` or `failed`.
  void count_knock(std::string_view result);
  void count_event(std::string_view type);
  void count_event_dropped(std::uint64_t count = 1);
  /// How long ago by our clock an event that arrives says it happened; of a clock that is ahead of ours 0 is counted.
  void count_event_age(Duration age);
  /// From an event's arrival until it was stored.
  void count_event_stored(Duration took);
  /// From an event's arrival until the gateway's answer that took in what it is about.
  void count_event_handled(Duration took);
  /// Bytes of messages and bodies, without what the transport adds. channel: `websocket` or `rest`.
  void count_received(std::string_view channel, std::size_t bytes);
  void count_sent(std::string_view channel, std::size_t bytes);
  /// How much later than it was asked for a timer of the loop came.
  void count_loop_lag(Duration late);
  /// `http_status` 0: no answer came. Codes are `200`, `401`, …; uncommon ones are told by class (`4xx`).
  void count_rest_request(std::string_view call, int http_status);
  /// `success` or `failed`.
  void count_ack_sent(std::string_view status);
  /// mode: `put` or `patch`; result: `applied`, `elsewhere`, `refused`, `failed` or `no_answer`.
  void count_push(std::string_view mode, std::string_view result, Duration took);
  void count_commit(Duration took);

  /// The text exposition format, version 0.0.4. Reads the process's own memory and CPU time as well.
  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether
