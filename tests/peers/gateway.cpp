#include "tether/peers/gateway.h"

#include <utility>

#include "tether/peers/texts.h"

namespace tether::peers {

Result<std::unique_ptr<Gateway>> Gateway::start(GatewayOptions options) {
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(options)));
  if (const auto up = gateway->come_back(/*empty=*/true); !up) return tl::unexpected<Error>(up.error());
  return gateway;
}

Gateway::Gateway(GatewayOptions options) : options_(std::move(options)) {}

Gateway::~Gateway() {
  stop();
}

void Gateway::stop() {
  const std::lock_guard server_lock(server_mutex_);
  server_.reset();
}

Result<Done> Gateway::come_back(bool empty) {
  const std::lock_guard server_lock(server_mutex_);
  server_.reset();
  {
    const std::lock_guard lock(mutex_);
    instance_ = random_uuid();
    if (empty) config_ = {};
    config_.providers_heard_of.clear();
    for (const auto& [key, line] : config_.resources) {
      if (key.first != "LlmProvider") continue;
      const auto provider = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
      config_.providers_heard_of.insert(provider.value("handle", ""));
    }
  }
  ServerOptions options;
  options.unix_path = options_.socket_path;
  auto server = Server::listen(options, [this](Connection& connection) { serve(connection); });
  if (!server) return wrap("gateway", server.error());
  server_ = std::move(*server);
  return Done{};
}

void Gateway::forget() {
  const std::lock_guard lock(mutex_);
  config_ = {};
  changed_.notify_all();
}

GatewayConfig Gateway::backup() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

void Gateway::restore_backup(GatewayConfig config) {
  const std::lock_guard lock(mutex_);
  config_ = std::move(config);
  changed_.notify_all();
}

GatewayFaults Gateway::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

void Gateway::wake_all() {
  for (const auto& [number, connection] : open_) connection->stream().wake();
}

std::map<ResourceKey, std::string> Gateway::resources() const {
  const std::lock_guard lock(mutex_);
  return config_.resources;
}

std::optional<nlohmann::json> Gateway::resource(const std::string& kind, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = config_.resources.find({kind, id});
  if (found == config_.resources.end()) return std::nullopt;
  return nlohmann::json::parse(found->second, nullptr, /*allow_exceptions=*/false);
}

std::vector<GatewayRequest> Gateway::history() const {
  const std::lock_guard lock(mutex_);
  return history_;
}

std::vector<std::string> Gateway::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

nlohmann::json Gateway::state() const {
  const std::lock_guard lock(mutex_);
  return state_locked();
}

nlohmann::json Gateway::state_locked() const {
  return {{"instance", instance_},
          {"epoch", config_.epoch ? nlohmann::json(*config_.epoch) : nlohmann::json()},
          {"revision", config_.revision},
          {"resources", config_.resources.size()}};
}

bool Gateway::wait_until(const std::function<bool(const GatewayView&)>& holds, Duration limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this, &holds] {
    return holds(GatewayView{instance_, config_, history_, violations_});
  });
}

void Gateway::finish(GatewayRequest seen) {
  seen.ended = Clock::now();
  history_.push_back(std::move(seen));
  if (history_.size() > kAppliedKept) history_[history_.size() - kAppliedKept - 1].applied = {};
  if (options_.on_request) options_.on_request(history_.back());
  changed_.notify_all();
}

}  // namespace tether::peers
