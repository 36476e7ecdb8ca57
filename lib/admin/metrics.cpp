#include "tether/admin/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <sstream>
#include <utility>

#include "tether/admin/metric_buckets.h"
#include "tether/admin/process_metrics.h"

namespace tether {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

constexpr std::string_view kUnknown = "unknown";

const std::vector<std::string>& network_errors() {
  static const std::vector<std::string> kReasons = {"dns",   "refused", "timeout", "tls",
                                                    "reset", "closed",  "silent",  "http"};
  return kReasons;
}

std::vector<std::string> reconnect_reasons() {
  std::vector<std::string> out = network_errors();
  out.insert(out.end(), {"auth", "token", "store"});
  return out;
}

template <class Metric>
Family<Metric>& family(Registry& registry, const std::string& name, const std::string& help) {
  if constexpr (std::is_same_v<Metric, Counter>) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  } else if constexpr (std::is_same_v<Metric, Gauge>) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  } else {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
}

Counter& counter(Registry& registry, const std::string& name, const std::string& help) {
  return family<Counter>(registry, name, help).Add({});
}

Gauge& gauge(Registry& registry, const std::string& name, const std::string& help) {
  return family<Gauge>(registry, name, help).Add({});
}

/// One series for each value of a label's closed set, all there from the start; `unknown` for the rest, from the time
/// on at which there is one.
template <class Metric>
class Labelled {
 public:
  Labelled(Registry& registry, const std::string& name, const std::string& help, std::string label,
           const std::vector<std::string>& values)
      : all_(family<Metric>(registry, name, help)), label_(std::move(label)) {
    for (const std::string& value : values) series_.emplace(value, &all_.Add({{label_, value}}));
  }

  Metric& operator[](std::string_view value) {
    if (const auto found = series_.find(value); found != series_.end()) return *found->second;
    Metric& unknown = all_.Add({{label_, std::string(kUnknown)}});
    unknown_ = &unknown;
    return unknown;
  }

  template <class Do>
  void for_each(const Do& act) const {
    for (const auto& [value, series] : series_) act(*series);
    if (Metric* unknown = unknown_) act(*unknown);
  }

 private:
  Family<Metric>& all_;
  std::string label_;
  std::map<std::string, Metric*, std::less<>> series_;
  std::atomic<Metric*> unknown_ = nullptr;
};

/// A state as one series for each, 1 for the present one.
template <class State>
class StateGauge {
 public:
  StateGauge(Registry& registry, const std::string& name, const std::string& help, State last) {
    auto& all = family<Gauge>(registry, name, help);
    for (int i = 0; i <= static_cast<int>(last); ++i) {
      series_.push_back(&all.Add({{"state", std::string(to_string(static_cast<State>(i)))}}));
    }
  }

  void set(State state) {
    for (std::size_t i = 0; i < series_.size(); ++i) series_[i]->Set(i == static_cast<std::size_t>(state) ? 1 : 0);
  }

 private:
  std::vector<Gauge*> series_;
};

std::string member_or_unknown(const std::vector<std::string>& set, std::string_view value) {
  return std::string(std::ranges::find(set, value) == set.end() ? kUnknown : value);
}

/// The usual codes as they are, others by class.
std::string code_label(int http_status) {
  constexpr std::array kUsual = {200, 201, 204, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504};
  if (std::ranges::find(kUsual, http_status) != kUsual.end()) return std::to_string(http_status);
  if (http_status >= 100 && http_status < 600) return std::to_string(http_status / 100) + "xx";
  return "none";
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// The wall clock's time of a steady moment, in seconds with three decimals; 0 for never.
double timestamp(const std::optional<TimePoint>& at, TimePoint now, Instant wall_now) {
  if (!at) return 0;
  const Instant wall = wall_now - std::chrono::duration_cast<std::chrono::nanoseconds>(now - *at);
  return std::round(static_cast<double>(wall.ns) / 1e6) / 1e3;
}

double whole_seconds(Instant at) {
  return std::floor(static_cast<double>(at.ns) / 1e9);
}

double zero_or_one(bool value) {
  return value ? 1 : 0;
}

double wall_clock_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

class Metrics::Impl {
 public:
  Impl(const std::string& version, MetricLabels labels) : labels_(std::move(labels)) {
    family<Gauge>(registry_, "tetherd_build_info", "Always 1; the label is the version that runs.")
        .Add({{"version", version}})
        .Set(1);
  }

  const MetricLabels labels_;
  const double start_time_s_ = wall_clock_seconds();
  Registry registry_;

  // The control plane's side.
  StateGauge<ControlPlaneStatus::State> control_plane_state_{
      registry_, "tetherd_control_plane_state",
      "1 for the state that the connection to the control plane is in, else 0.",
      ControlPlaneStatus::State::Disconnected};
  Gauge& control_plane_in_sync_ = gauge(registry_, "tetherd_control_plane_in_sync",
                                        "1 while all that the control plane wants is stored and offered, proven under "
                                        "the present connection.");
  Gauge& server_certificate_ = gauge(registry_, "tetherd_control_plane_certificate_expiry_timestamp_seconds",
                                     "When the certificate ends that the control plane showed last, in seconds since "
                                     "1970; 0 if none was shown.");
  Gauge& client_certificate_ = gauge(registry_, "tetherd_client_certificate_expiry_timestamp_seconds",
                                     "When our own certificate ends, in seconds since 1970; 0 if there is none.");
  Gauge& control_plane_proven_ = gauge(registry_, "tetherd_control_plane_last_proven_sync_timestamp_seconds",
                                       "When agreement with the control plane was last proven, in seconds since 1970; "
                                       "0 if never.");
  Gauge& control_plane_stale_ = gauge(registry_, "tetherd_control_plane_stale",
                                      "1 while agreement with the control plane has been unproven for longer than "
                                      "sync.stale_after_s.");
  Counter& auth_failures_ = counter(registry_, "tetherd_control_plane_auth_failures_total",
                                    "Answers of the control plane that refused the token (401).");
  Labelled<Counter> network_errors_{registry_, "tetherd_control_plane_network_errors_total",
                                    "Connections to the control plane that failed or were lost, by reason.", "reason",
                                    network_errors()};
  Labelled<Counter> reconnect_attempts_{registry_, "tetherd_control_plane_reconnect_attempts_total",
                                        "Attempts after a connection that failed or was lost, by the reason of that.",
                                        "reason", reconnect_reasons()};
  Counter& dials_ = counter(registry_, "tetherd_control_plane_dials_total",
                            "Connections to the control plane's WebSocket that were begun.");
  Labelled<Counter> knocks_{registry_,
                            "tetherd_control_plane_knocks_total",
                            "Knocks at a control plane that could not be had, to see if it is back, by result.",
                            "result",
                            {"answered", "failed"}};
  Labelled<Counter> events_received_{registry_, "tetherd_events_received_total",
                                     "Events received from the control plane, by type.", "type", labels_.event_types};
  Counter& events_dropped_ = counter(registry_, "tetherd_events_dropped_total",
                                     "Events that were malformed or found no room, and were dropped.");
  Histogram& event_age_ = family<Histogram>(registry_, "tetherd_event_age_seconds",
                                            "How long before its arrival an event happened, by its own time and our "
                                            "clock.")
                              .Add({}, age_buckets());
  Histogram& event_stored_ = family<Histogram>(registry_, "tetherd_event_store_duration_seconds",
                                               "Time from an event's arrival until what it says is on the disk.")
                                 .Add({}, push_buckets());
  Histogram& event_handled_ = family<Histogram>(registry_, "tetherd_event_handling_duration_seconds",
                                                "Time from an event's arrival until the gateway's answer that took in "
                                                "what it is about.")
                                  .Add({}, handling_buckets());
  Labelled<Counter> received_{registry_,
                              "tetherd_control_plane_received_bytes_total",
                              "Bytes of messages and of answers' bodies from the control plane, by channel.",
                              "channel",
                              {"websocket", "rest"}};
  Labelled<Counter> sent_{registry_,
                          "tetherd_control_plane_sent_bytes_total",
                          "Bytes of messages and of requests' bodies to the control plane, by channel.",
                          "channel",
                          {"websocket", "rest"}};
  Histogram& loop_lag_ = family<Histogram>(registry_, "tetherd_loop_lag_seconds",
                                           "How much later than it was due a timer of the event loop came.")
                             .Add({}, commit_buckets());
  Family<Counter>& rest_requests_ = family<Counter>(registry_, "tetherd_rest_requests_total",
                                                    "Requests to the control plane's REST API, by call and by the "
                                                    "answer's status code (none: no answer).");
  Labelled<Counter> acks_sent_{registry_,
                               "tetherd_deployment_acks_sent_total",
                               "Deployment acknowledgements sent to the control plane, repeated ones too, by status.",
                               "status",
                               {"success", "failed"}};

  // The gateway's side.
  StateGauge<GatewayStatus::State> gateway_state_{registry_, "tetherd_gateway_state",
                                                  "1 for the state that the gateway is in, else 0.",
                                                  GatewayStatus::State::Refusing};
  Gauge& gateway_in_sync_ = gauge(registry_, "tetherd_gateway_in_sync",
                                  "1 while the gateway's present instance has answered the newest revision.");
  Gauge& gateway_proven_ = gauge(registry_, "tetherd_gateway_last_proven_sync_timestamp_seconds",
                                 "When agreement with the gateway was last proven, in seconds since 1970; 0 if never.");
  Gauge& gateway_stale_ =
      gauge(registry_, "tetherd_gateway_stale",
            "1 while agreement with the gateway has been unproven for longer than sync.stale_after_s.");
  Histogram& push_duration_ =
      family<Histogram>(registry_, "tetherd_gateway_push_duration_seconds",
                        "Time from a push's first byte to the gateway's answer, or to giving up.")
          .Add({}, push_buckets());
  Family<Counter>& pushes_ = family<Counter>(registry_, "tetherd_gateway_pushes_total",
                                             "Pushes to the gateway, by mode (put: everything, patch: what changed) "
                                             "and result.");

  // What is stored.
  Gauge& in_sync_ = gauge(registry_, "tetherd_in_sync",
                          "1 while the gateway serves all that the control plane wants, proven on both sides.");
  Gauge& settled_ = gauge(registry_, "tetherd_settled",
                          "1 while there is nothing left to do: in sync, but for resources that the gateway refused.");
  Labelled<Gauge> resources_{registry_, "tetherd_resources", "Resources that are offered to the gateway, by kind.",
                             "kind", labels_.kinds};
  Gauge& quarantined_ = gauge(registry_, "tetherd_quarantined_resources", "Resources that the gateway refused.");
  Gauge& push_held_ = gauge(registry_, "tetherd_gateway_push_held", "1 while a push waits for an operator.");
  Gauge& held_ = gauge(registry_, "tetherd_held_deletions", "Removals that are held until they are confirmed.");
  Gauge& waiting_ = gauge(registry_, "tetherd_waiting_resources",
                          "Resources that are wanted and wait for a document or for what they refer to.");
  Gauge& staged_ = gauge(registry_, "tetherd_identity_staged",
                         "1 while another identity than the one in service is kept beside it.");
  Gauge& staged_held_ =
      gauge(registry_, "tetherd_identity_needs_operator", "1 while that one does not take over by itself.");
  Gauge& unanswered_ = gauge(registry_, "tetherd_unanswered_changes",
                             "Changes that are stored and that no gateway has answered, counted up to 10,000.");
  Gauge& outbox_acks_ = gauge(registry_, "tetherd_outbox_acks",
                              "Deployment acknowledgements that the control plane is not known to have read.");
  Gauge& revision_ = gauge(registry_, "tetherd_store_revision", "The newest revision of the stored configuration.");
  Gauge& size_ = gauge(registry_, "tetherd_store_size_bytes", "Size of the database, without its log.");
  Gauge& degraded_ = gauge(registry_, "tetherd_store_degraded", "1 while nothing can be stored.");
  Counter& transactions_ =
      counter(registry_, "tetherd_store_transactions_total", "Transactions that the store has committed.");
  Histogram& commit_duration_ = family<Histogram>(registry_, "tetherd_store_commit_duration_seconds",
                                                  "Time that a transaction of the store took, to the disk.")
                                    .Add({}, commit_buckets());
};

Metrics::Metrics(const std::string& version, const MetricLabels& labels)
    : impl_(std::make_unique<Impl>(version, labels)) {}
Metrics::~Metrics() = default;

void Metrics::set_status(const Status& status, TimePoint now, Instant wall_now) {
  Impl& m = *impl_;
  m.in_sync_.Set(zero_or_one(status.in_sync));
  m.settled_.Set(zero_or_one(status.settled));

  m.control_plane_state_.set(status.control_plane.state);
  m.control_plane_in_sync_.Set(zero_or_one(status.control_plane.in_sync));
  m.server_certificate_.Set(whole_seconds(status.control_plane.server_certificate_ends));
  m.client_certificate_.Set(whole_seconds(status.control_plane.client_certificate_ends));
  m.control_plane_proven_.Set(timestamp(status.control_plane.last_proven_sync, now, wall_now));
  m.control_plane_stale_.Set(zero_or_one(is_stale(status, status.control_plane, now)));

  m.gateway_state_.set(status.gateway.state);
  m.gateway_in_sync_.Set(zero_or_one(status.gateway.state == GatewayStatus::State::InSync));
  m.gateway_proven_.Set(timestamp(status.gateway.last_proven_sync, now, wall_now));
  m.gateway_stale_.Set(zero_or_one(is_stale(status, status.gateway, now)));

  std::map<Gauge*, double> offered;
  for (const auto& [kind, count] : status.store.resources) offered[&m.resources_[kind]] += static_cast<double>(count);
  m.resources_.for_each([&offered](Gauge& series) { series.Set(offered[&series]); });
  m.quarantined_.Set(static_cast<double>(status.counts.quarantined));
  m.push_held_.Set(zero_or_one(status.gateway.held_push.has_value()));
  m.held_.Set(static_cast<double>(status.counts.held));
  m.waiting_.Set(static_cast<double>(status.counts.waiting));
  const auto& staged = status.control_plane.staged;
  m.staged_.Set(zero_or_one(staged.has_value()));
  m.staged_held_.Set(zero_or_one(staged && staged->needs_operator));
  m.unanswered_.Set(static_cast<double>(status.store.unanswered));
  m.size_.Set(static_cast<double>(status.store.size_bytes));
  m.outbox_acks_.Set(static_cast<double>(status.store.outbox_acks));
  m.revision_.Set(static_cast<double>(status.store.revision.value_or(0)));
  m.degraded_.Set(zero_or_one(status.store.degraded));
}

void Metrics::count_auth_failure() {
  impl_->auth_failures_.Increment();
}
void Metrics::count_network_error(std::string_view reason) {
  impl_->network_errors_[reason].Increment();
}
void Metrics::count_reconnect_attempt(std::string_view reason) {
  impl_->reconnect_attempts_[reason].Increment();
}
void Metrics::count_dial() {
  impl_->dials_.Increment();
}
void Metrics::count_knock(std::string_view result) {
  impl_->knocks_[result].Increment();
}
void Metrics::count_event(std::string_view type) {
  impl_->events_received_[type].Increment();
}
void Metrics::count_event_dropped(std::uint64_t count) {
  impl_->events_dropped_.Increment(static_cast<double>(count));
}
void Metrics::count_event_age(Duration age) {
  impl_->event_age_.Observe(std::max(0.0, seconds(age)));
}
void Metrics::count_event_stored(Duration took) {
  impl_->event_stored_.Observe(seconds(took));
}
void Metrics::count_event_handled(Duration took) {
  impl_->event_handled_.Observe(seconds(took));
}
void Metrics::count_received(std::string_view channel, std::size_t bytes) {
  impl_->received_[channel].Increment(static_cast<double>(bytes));
}
void Metrics::count_sent(std::string_view channel, std::size_t bytes) {
  impl_->sent_[channel].Increment(static_cast<double>(bytes));
}
void Metrics::count_loop_lag(Duration late) {
  impl_->loop_lag_.Observe(std::max(0.0, seconds(late)));
}
void Metrics::count_rest_request(std::string_view call, int http_status) {
  const std::string known_call = member_or_unknown(impl_->labels_.rest_calls, call);
  impl_->rest_requests_.Add({{"call", known_call}, {"code", code_label(http_status)}}).Increment();
}
void Metrics::count_ack_sent(std::string_view status) {
  impl_->acks_sent_[status].Increment();
}
void Metrics::count_push(std::string_view mode, std::string_view result, Duration took) {
  const std::string known_mode = member_or_unknown({"put", "patch"}, mode);
  const std::string known_result =
      member_or_unknown({"applied", "elsewhere", "refused", "failed", "no_answer"}, result);
  impl_->pushes_.Add({{"mode", known_mode}, {"result", known_result}}).Increment();
  impl_->push_duration_.Observe(seconds(took));
}
void Metrics::count_commit(Duration took) {
  impl_->transactions_.Increment();
  impl_->commit_duration_.Observe(seconds(took));
}

std::string Metrics::text() const {
  std::vector<prometheus::MetricFamily> all = impl_->registry_.Collect();
  for (auto& family : read_process_metrics(impl_->start_time_s_)) all.push_back(std::move(family));
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, all);
  return out.str();
}

}  // namespace tether
