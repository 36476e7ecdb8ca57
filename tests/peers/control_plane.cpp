#include "tether/peers/control_plane.h"

#include <algorithm>

#include "tether/base/check.h"
#include "tether/peers/link_session.h"
#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

constexpr std::size_t kActiveTokens = 2;

/// For the short forms, whose callers are tests that only ask for what must work.
template <class T>
T must(Result<T> result) {
  check(result.has_value(), result ? "" : result.error().message);
  return *result;
}

}  // namespace

Result<std::unique_ptr<ControlPlane>> ControlPlane::start(ControlPlaneOptions options) {
  std::vector<std::string> tokens = options.tokens.empty() ? std::vector{random_token()} : options.tokens;
  if (options.gateway_id.empty()) options.gateway_id = timed_uuid(wall_clock_now());
  std::unique_ptr<ControlPlane> control_plane(new ControlPlane(std::move(options), std::move(tokens)));
  control_plane->port_ = control_plane->options_.port;
  if (const auto listening = control_plane->revive(); !listening) return tl::unexpected<Error>(listening.error());
  ControlPlane& started = *control_plane;
  started.pump_thread_ = std::thread([&started] { started.pump(); });
  return control_plane;
}

ControlPlane::ControlPlane(ControlPlaneOptions options, std::vector<std::string> tokens)
    : options_(std::move(options)),
      desire_(options_.database ? *options_.database : Desire(options_.gateway_id)),
      tokens_(std::move(tokens)),
      next_sweep_(Clock::now() + std::chrono::milliseconds(faults_.sweep_interval_ms)),
      next_poll_(Clock::now()) {}

ControlPlane::~ControlPlane() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    pump_wakes_.notify_all();
  }
  if (pump_thread_.joinable()) pump_thread_.join();
  kill();
}

void ControlPlane::kill() {
  const std::lock_guard server_lock(server_mutex_);
  {
    const std::lock_guard lock(mutex_);
    note("killed", {});
  }
  server_.reset();
}

Result<Done> ControlPlane::revive() {
  const std::lock_guard server_lock(server_mutex_);
  if (server_) return Done{};
  ServerOptions options;
  options.host = options_.host;
  options.port = port_;
  options.certificate_file = options_.certificate_file;
  options.key_file = options_.key_file;
  options.client_ca_file = options_.client_ca_file;
  options.stalls = [this] { return faults().stall_handshake; };
  auto server = Server::listen(options, [this](Connection& connection) { serve(connection); });
  if (!server) return wrap("control plane", server.error());
  server_ = std::move(*server);
  port_ = server_->port();
  const std::lock_guard lock(mutex_);
  connected_before_ = false;
  recent_dials_.clear();
  note("listening", {{"port", port_.load()}});
  return Done{};
}

std::string ControlPlane::websocket_url(const std::string& host) const {
  return std::string(tls() ? "wss" : "ws") + "://" + host + ":" + std::to_string(port_) +
         "/api/internal/v1/ws/gateways/connect";
}

std::string ControlPlane::token() const {
  const std::lock_guard lock(mutex_);
  return tokens_.empty() ? "" : tokens_.front();
}

std::vector<std::string> ControlPlane::tokens() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

std::string ControlPlane::gateway_id() const {
  const std::lock_guard lock(mutex_);
  return desire_.gateway_id();
}

Faults ControlPlane::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

void ControlPlane::take_faults(Faults changed) {
  const TimePoint now = Clock::now();
  if (changed.stale_list && !faults_.stale_list) frozen_listing_ = *desire_.listing(std::nullopt);
  if (changed.dial_status != 0 && faults_.dial_status == 0) dial_fault_set_ = now;
  const bool sweeps_otherwise = changed.sweep_interval_ms != faults_.sweep_interval_ms;
  faults_ = std::move(changed);
  if (sweeps_otherwise) next_sweep_ = now + std::chrono::milliseconds(faults_.sweep_interval_ms);
  desire_.habits.drop_events = faults_.drop_events;
  desire_.habits.performed_at_decimals = faults_.performed_at_decimals;
  desire_.habits.performed_at_padding = faults_.performed_at_padding;
  desire_.habits.equal_times = faults_.equal_times;
  desire_.habits.clock_offset = std::chrono::milliseconds(faults_.clock_offset_ms);
  note("faults", {});
  after_change();
  release_kept_back();
  for (const auto& [number, link] : links_) link->stream.wake();
}

// -- Changes

Deployed ControlPlane::deploy(const std::string& kind, const std::string& handle, const std::string& document) {
  return must(change([&](Desire& desire) { return desire.deploy(kind, handle, document); }));
}

Deployed ControlPlane::redeploy(const std::string& artifact_id, const std::string& document) {
  return must(change([&](Desire& desire) { return desire.redeploy(artifact_id, document); }));
}

Deployed ControlPlane::restore(const std::string& deployment_id) {
  return must(change([&](Desire& desire) { return desire.restore(deployment_id); }));
}

void ControlPlane::undeploy(const std::string& artifact_id) {
  must(change([&](Desire& desire) { return desire.undeploy(artifact_id); }));
}

void ControlPlane::delete_artifact(const std::string& artifact_id) {
  must(change([&](Desire& desire) { return desire.delete_artifact(artifact_id); }));
}

std::vector<std::string> ControlPlane::bulk_deploy(const std::string& kind, std::size_t count,
                                                   const std::string& prefix) {
  return change([&](Desire& desire) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < count; ++i) {
      ids.push_back(must(desire.deploy(kind, prefix + "-" + std::to_string(i))).artifact_id);
    }
    return ids;
  });
}

void ControlPlane::send_frame(const std::string& text) {
  const std::lock_guard lock(mutex_);
  note("frame.sent", {{"bytes", text.size()}});
  queue_frame(text);
}

// -- Tokens

std::string ControlPlane::add_token() {
  const std::lock_guard lock(mutex_);
  tokens_.push_back(random_token());
  if (tokens_.size() > kActiveTokens) tokens_.erase(tokens_.begin());
  note("token.added", {});
  return tokens_.back();
}

void ControlPlane::revoke_token(const std::string& token) {
  const std::lock_guard lock(mutex_);
  std::erase(tokens_, token);
  note("token.revoked", {});
}

std::string ControlPlane::rotate_token() {
  const std::lock_guard lock(mutex_);
  tokens_ = {random_token()};
  note("token.rotated", {});
  return tokens_.front();
}

void ControlPlane::delete_gateway() {
  const std::lock_guard lock(mutex_);
  gateway_deleted_ = true;
  tokens_.clear();
  desire_ = Desire(desire_.gateway_id());
  note("gateway.deleted", {});
  changed_.notify_all();
}

// -- The database as a whole

void ControlPlane::swap_database(const std::string& gateway_id) {
  const std::lock_guard lock(mutex_);
  if (gateway_id == desire_.gateway_id()) return;
  const Habits habits = desire_.habits;
  const auto parked = parked_.find(gateway_id);
  Desire next = parked == parked_.end() ? Desire(gateway_id) : parked->second;
  parked_.insert_or_assign(desire_.gateway_id(), std::move(desire_));
  desire_ = std::move(next);
  desire_.habits = habits;
  connected_before_ = false;
  cursor_ = desire_.events().empty() ? 0 : desire_.events().back().number;
  note("database.swapped", {{"gatewayId", gateway_id}});
}

Desire ControlPlane::backup() const {
  const std::lock_guard lock(mutex_);
  return desire_;
}

void ControlPlane::restore_backup(const Desire& backup) {
  const std::lock_guard lock(mutex_);
  const Habits habits = desire_.habits;
  desire_ = backup;
  desire_.habits = habits;
  cursor_ = std::min(cursor_, desire_.events().empty() ? 0 : desire_.events().back().number);
  note("database.restored", {{"gatewayId", desire_.gateway_id()}});
  after_change();
}

// -- Links

void ControlPlane::end_links(Ending how) {
  const std::lock_guard lock(mutex_);
  note("links.ended", {{"links", links_.size()}});
  for (const auto& [number, link] : links_) {
    link->ending = how;
    link->stream.wake();
  }
}

void ControlPlane::sweep_now() {
  const std::lock_guard lock(mutex_);
  const int failed = desire_.sweep(std::chrono::milliseconds(faults_.deploy_timeout_ms));
  if (failed > 0) note("timed.out", {{"deployments", failed}});
}

// -- Observing

Observed ControlPlane::observed() const {
  const std::lock_guard lock(mutex_);
  return observed_;
}

std::vector<std::string> ControlPlane::violations() const {
  const std::lock_guard lock(mutex_);
  return observed_.violations;
}

std::optional<Status> ControlPlane::status_of(const std::string& artifact_id) const {
  const std::lock_guard lock(mutex_);
  const auto row = desire_.rows().find(artifact_id);
  return row == desire_.rows().end() ? std::nullopt : std::optional(row->second.status);
}

bool ControlPlane::wait_until(const std::function<bool(const Observed&, const Desire&)>& holds, Duration limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this, &holds] { return holds(observed_, desire_); });
}

void ControlPlane::forget_observed() {
  const std::lock_guard lock(mutex_);
  Observed fresh;
  for (const auto& [number, link] : observed_.links) {
    if (link.open) fresh.links[number] = {link.opened, true, 0, 0, 0, {}};
  }
  fresh.journal_first = observed_.journal_first + observed_.journal.size();
  observed_ = std::move(fresh);
}

void ControlPlane::note(const std::string& what, nlohmann::json detail) {
  observed_.journal.push_back({wall_clock_now(), what, std::move(detail)});
  if (options_.on_journal) options_.on_journal(observed_.journal.back());
  if (observed_.journal.size() > Observed::kKept) {
    observed_.journal.pop_front();
    ++observed_.journal_first;
  }
  changed_.notify_all();
}

void ControlPlane::violation(const std::string& sentence) {
  observed_.violations.push_back(sentence);
  note("violation", {{"sentence", sentence}});
}

}  // namespace tether::peers
