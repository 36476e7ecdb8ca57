#include "control_plane.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tether/protocol/kinds.h"

namespace tether::sim {
namespace {

constexpr Instant kBegin{1'787'396'400'000'000'000};  // 2026-08-22T11:00:00Z
constexpr Duration kAckLimit = 60s;
constexpr std::size_t kApis = 8;
constexpr std::size_t kProviders = 3;
constexpr std::size_t kProxies = 3;

std::chrono::nanoseconds nanoseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration);
}

Instant second_of(Instant at) {
  return {at.ns / 1'000'000'000 * 1'000'000'000};
}

std::vector<std::string> ids_in(const std::string& body) {
  std::vector<std::string> ids;
  const auto json = nlohmann::json::parse(body);
  for (const auto& member : json) {
    for (const auto& id : member) ids.push_back(id.get<std::string>());
  }
  return ids;
}

}  // namespace

ControlPlane::ControlPlane(TimePoint start) : start_(start) {
  for (const char* handle : {"secret-0", "secret-1", "secret-2"}) secrets_[handle] = {"hash-0", "value-0"};
}

Instant ControlPlane::clock(TimePoint now) const {
  return kBegin + nanoseconds(now - start_);
}

std::string ControlPlane::kind_of(const std::string& id) {
  if (id.starts_with("api")) return "RestApi";
  return id.starts_with("provider") ? "LlmProvider" : "LlmProxy";
}

std::string ControlPlane::pick_id() {
  switch (random_.below(4)) {
    case 0:
      return "provider-" + std::to_string(random_.below(kProviders));
    case 1:
      return "proxy-" + std::to_string(random_.below(kProxies));
    default:
      return "api-" + std::to_string(random_.below(kApis));
  }
}

std::string ControlPlane::new_id() {
  return std::to_string(number_) + "-" + std::to_string(++ids_);
}

void ControlPlane::write(std::string type, protocol::EventBody body, TimePoint now, bool quiet) {
  if (quiet) return;
  protocol::Event event;
  event.type = std::move(type);
  event.correlation_id = "c-" + new_id();
  event.at = second_of(clock(now));
  event.body = std::move(body);
  event.bytes = 200;
  hub_.push_back({now, std::move(event)});
}

/// Two operations on one artifact are never of the same instant, which is a millisecond wide.
std::string ControlPlane::stamp(Row& row, TimePoint now) {
  Instant at = from_ms(clock(now).ms());
  if (at.ms() <= row.at.ms() + 1) at = from_ms(row.at.ms() + 2);
  row.at = at;
  row.at_text = format_rfc3339(at);
  row.since = now;
  row.acked = row.failed = false;
  return row.at_text;
}

void ControlPlane::deploy(const std::string& id, const std::string& kind, std::string deployment_id, TimePoint now,
                          bool quiet) {
  artifacts_.insert(id);
  Row& row = rows_[id];
  row.kind = kind;
  row.deployment_id = std::move(deployment_id);
  row.deployed = true;
  stamp(row, now);
  history_[id].push_back({++operations_, now, true, row.deployment_id, row.at.ms()});
  const std::string prefix(protocol::find_kind(kind)->event_prefix);
  write(prefix + ".deployed", protocol::DeploymentChanged{kind, id, row.deployment_id, true, row.at, row.at_text}, now,
        quiet);
  for (const auto& [uuid, key] : keys_) {
    if (key.artifact_id == id && key.active) write("apikey.created", protocol::KeyCreated{key}, now, quiet);
  }
}

void ControlPlane::undeploy(const std::string& id, TimePoint now, bool quiet) {
  Row& row = rows_.at(id);
  if (row.failed) return;  // refused by the control plane
  row.deployed = false;
  stamp(row, now);
  history_[id].push_back({++operations_, now, false, row.deployment_id, row.at.ms()});
  const std::string prefix(protocol::find_kind(row.kind)->event_prefix);
  write(prefix + ".undeployed",
        protocol::DeploymentChanged{row.kind, id, row.deployment_id, false, row.at, row.at_text}, now, quiet);
}

void ControlPlane::remove(const std::string& id, TimePoint now, bool quiet) {
  const std::string kind = kind_of(id);
  artifacts_.erase(id);
  rows_.erase(id);
  history_[id].push_back({++operations_, now, false, "", 0});
  std::erase_if(keys_, [&id](const auto& key) { return key.second.artifact_id == id; });
  std::erase_if(subscriptions_, [&id](const auto& subscription) { return subscription.second.artifact_id == id; });
  write(std::string(protocol::find_kind(kind)->event_prefix) + ".deleted", protocol::ArtifactDeleted{kind, id}, now,
        quiet);
}

void ControlPlane::operate_on_key(const std::string& artifact_id, TimePoint now, bool quiet) {
  const std::string name = "key-" + std::to_string(random_.below(3));
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const auto& key) {
    return key.second.artifact_id == artifact_id && key.second.name == name && key.second.active;
  });
  const Instant at = clock(now);
  const auto written = [&](protocol::ResourceState key) {
    key.updated_at = at;
    key.data = R"({"uuid":")" + key.id + R"(","name":")" + key.name + R"(","maskedApiKey":")" + new_id() +
               R"(","artifactUuid":")" + artifact_id + R"(","status":"active"})";
    return key;
  };
  const auto as_event = [](protocol::ResourceState key) {
    key.updated_at = second_of(key.updated_at);
    return key;
  };
  if (found == keys_.end()) {
    protocol::ResourceState key;
    key.kind = protocol::kApiKey;
    key.id = "uuid-" + new_id();
    key.artifact_id = artifact_id;
    key.name = name;
    key = written(std::move(key));
    keys_[key.id] = key;
    write("apikey.created", protocol::KeyCreated{as_event(key)}, now, quiet);
  } else if (random_.chance(50)) {
    found->second = written(found->second);
    protocol::ResourceState update = as_event(found->second);
    update.id.clear();
    write("apikey.updated", protocol::KeyUpdated{std::move(update)}, now, quiet);
  } else {
    found->second.active = false;
    found->second.updated_at = at;
    write("apikey.revoked", protocol::KeyRevoked{artifact_id, name}, now, quiet);
  }
}

void ControlPlane::operate_on_subscription(const std::string& artifact_id, TimePoint now, bool quiet) {
  const std::string id = "sub-" + artifact_id + "-" + std::to_string(random_.below(2));
  if (subscriptions_.contains(id) && random_.chance(40)) {
    subscriptions_.erase(id);
    write("subscription.deleted", protocol::SubscriptionDeleted{artifact_id, id}, now, quiet);
    return;
  }
  const bool is_new = !subscriptions_.contains(id);
  protocol::ResourceState state;
  state.kind = protocol::kSubscription;
  state.id = id;
  state.artifact_id = artifact_id;
  if (!plans_.empty()) state.references = {plans_.begin()->first};
  state.data = R"({"id":")" + id + R"(","turn":")" + new_id() + R"("})";
  subscriptions_[id] = state;
  write(is_new ? "subscription.created" : "subscription.updated", protocol::SubscriptionChanged{state}, now, quiet);
}

void ControlPlane::operate_on_plan(TimePoint now, bool quiet) {
  protocol::ResourceState plan;
  plan.kind = protocol::kSubscriptionPlan;
  plan.id = "plan-" + std::to_string(random_.below(3));
  plan.name = plan.id;
  const bool is_used = std::any_of(subscriptions_.begin(), subscriptions_.end(), [&plan](const auto& subscription) {
    return subscription.second.references == std::vector<std::string>{plan.id};
  });
  if (plans_.contains(plan.id) && !is_used && random_.chance(30)) {
    plans_.erase(plan.id);
    write("subscriptionPlan.deleted", protocol::PlanDeleted{plan.id}, now, quiet);
    return;
  }
  const bool is_new = !plans_.contains(plan.id);
  plan.data = R"({"id":")" + plan.id + R"(","turn":")" + new_id() + R"("})";
  plans_[plan.id] = plan;
  write(is_new ? "subscriptionPlan.created" : "subscriptionPlan.updated", protocol::PlanChanged{plan}, now, quiet);
}

void ControlPlane::operate(std::int64_t number, Random random, TimePoint now, bool quiet) {
  number_ = number;
  random_ = random;
  ids_ = 0;
  sweep(now);
  const std::string id = pick_id();
  const auto row = rows_.find(id);
  switch (random_.below(12)) {
    case 0:
      if (row != rows_.end() && row->second.deployed) return undeploy(id, now, quiet);
      break;
    case 1:
      if (random_.chance(50) && artifacts_.contains(id)) return remove(id, now, quiet);
      break;
    case 2:
      // A deployment that is stopped or failed is deleted: no event, no row.
      if (row != rows_.end() && (!row->second.deployed || row->second.failed)) {
        rows_.erase(row);
        history_[id].push_back({++operations_, now, false, "", 0});
        return;
      }
      break;
    case 3:
    case 4:
      if (artifacts_.contains(id)) return operate_on_key(id, now, quiet);
      break;
    case 5:
      if (artifacts_.contains(id) && kind_of(id) == "RestApi") return operate_on_subscription(id, now, quiet);
      break;
    case 6:
      return operate_on_plan(now, quiet);
    case 7: {
      auto& secret = secrets_["secret-" + std::to_string(random_.below(3))];
      const std::string turn = new_id();
      secret = {"hash-" + turn, "value-" + turn};
      return;
    }
    case 8: {  // an older deployment is restored
      std::vector<std::string> earlier;
      for (const auto& [deployment_id, content] : deployments_) {
        if (content.artifact_id == id && artifacts_.contains(id)) earlier.push_back(deployment_id);
      }
      if (!earlier.empty()) return deploy(id, kind_of(id), earlier[random_.below(earlier.size())], now, quiet);
      break;
    }
    default:
      break;
  }
  const std::string deployment_id = "d-" + new_id();
  Content content{id, {}, {}};
  if (kind_of(id) == "LlmProxy") content.providers = {"handle-provider-" + std::to_string(random_.below(kProviders))};
  if (random_.chance(30)) content.secrets = {"secret-" + std::to_string(random_.below(3))};
  deployments_[deployment_id] = content;
  if (random_.chance(8)) bad_.insert(deployment_id);
  deploy(id, kind_of(id), deployment_id, now, quiet);
}

void ControlPlane::heal(TimePoint now) {
  number_ = 1'000'000;  // beyond all actions
  ids_ = 0;
  bad_.clear();
  for (std::size_t i = 0; i < kProviders; ++i) {
    const std::string id = "provider-" + std::to_string(i);
    if (rows_.contains(id) && rows_.at(id).deployed) continue;
    const std::string deployment_id = "d-" + new_id();
    deployments_[deployment_id] = {id, {}, {}};
    deploy(id, kind_of(id), deployment_id, now, /*quiet=*/false);
  }
}

void ControlPlane::sweep(TimePoint now) {
  for (auto& [id, row] : rows_) {
    if (!row.acked && now - row.since > kAckLimit) row.failed = true;
  }
}

void ControlPlane::take_ack(const Ack& ack, TimePoint now) {
  sweep(now);
  const auto found = rows_.find(ack.artifact_id);
  if (found == rows_.end() || found->second.at_text != ack.performed_at) return;
  Row& row = found->second;
  if (!ack.success) {
    row.failed = true;
  } else if (!row.failed && row.deployed == (ack.action == "deploy")) {
    row.acked = true;
  }
}

Reply ControlPlane::answer(const sync::SendRequest& request, TimePoint now) {
  sweep(now);
  Reply reply;
  reply.outcome.status = 200;
  reply.outcome.complete = true;
  reply.outcome.date = second_of(clock(now));
  const auto refuse = [&reply](int status) {
    reply.outcome.status = status;
    reply.outcome.complete = false;
  };
  const std::string rest = request.scope.substr(request.scope.find('/') + 1);
  switch (request.call) {
    case sync::Call::Deployments: {
      Instant since;
      if (const auto at = request.path.find("since="); at != std::string::npos) {
        std::string text = request.path.substr(at + 6);
        for (auto colon = text.find("%3A"); colon != std::string::npos; colon = text.find("%3A")) {
          text.replace(colon, 3, ":");
        }
        since = parse_rfc3339(text).value_or(Instant{});
      }
      for (const auto& [id, row] : rows_) {
        if (row.at <= since) continue;
        reply.rows.push_back({row.kind, id, row.deployment_id, row.deployed, row.at, row.at_text});
      }
      break;
    }
    case sync::Call::Keys:
      for (const auto& [uuid, key] : keys_) {
        const auto row = rows_.find(key.artifact_id);
        if (row != rows_.end() && row->second.deployed && row->second.kind == rest) reply.states.push_back(key);
      }
      break;
    case sync::Call::Plans:
      for (const auto& [id, plan] : plans_) reply.states.push_back(plan);
      break;
    case sync::Call::Subscriptions: {
      const auto row = rows_.find(rest);
      if (!artifacts_.contains(rest)) {
        refuse(404);
      } else if (row == rows_.end() || row->second.failed) {
        refuse(403);
      } else {
        for (const auto& [id, subscription] : subscriptions_) {
          if (subscription.artifact_id == rest) reply.states.push_back(subscription);
        }
      }
      break;
    }
    case sync::Call::Secrets: {
      std::set<std::string> named;
      for (const auto& [id, row] : rows_) {
        if (!row.deployed) continue;
        const auto& secrets = deployments_.at(row.deployment_id).secrets;
        named.insert(secrets.begin(), secrets.end());
      }
      for (const auto& handle : named) {
        protocol::ResourceState state;
        state.kind = protocol::kSecret;
        state.id = state.name = handle;
        state.hash = secrets_.at(handle).first;
        state.references = {"GENERIC"};
        reply.states.push_back(state);
      }
      break;
    }
    case sync::Call::FetchBatch:
      for (const auto& id : ids_in(request.body)) {
        const auto found = deployments_.find(id);
        if (found == deployments_.end() || !artifacts_.contains(found->second.artifact_id)) continue;
        sync::Document document;
        document.deployment_id = id;
        document.artifact_id = found->second.artifact_id;
        document.text = "document " + id;
        document.handle = "handle-" + found->second.artifact_id;
        document.providers = found->second.providers;
        document.secrets = found->second.secrets;
        reply.documents.push_back(std::move(document));
      }
      break;
    case sync::Call::Exists:
      for (const auto& id : ids_in(request.body)) reply.existences.push_back({id, artifacts_.contains(id)});
      break;
    case sync::Call::SecretValue:
      reply.value = secrets_.at(request.path.substr(9, request.path.size() - 15)).second;  // /secrets/…/value
      break;
    case sync::Call::Manifest:
      reply.outcome.status = 204;
      break;
    case sync::Call::HmacSecrets:
      refuse(503);
      break;
  }
  return reply;
}

std::map<std::pair<std::string, std::string>, std::string> ControlPlane::desire() const {
  std::map<std::pair<std::string, std::string>, std::string> wanted;
  const auto is_deployed = [this](const std::string& id) {
    const auto row = rows_.find(id);
    return row != rows_.end() && row->second.deployed;
  };
  for (const auto& [id, row] : rows_) {
    if (!row.deployed) continue;
    const auto& content = deployments_.at(row.deployment_id);
    const bool has_providers = std::all_of(content.providers.begin(), content.providers.end(), [&](const auto& handle) {
      return is_deployed(handle.substr(7));  // handle-provider-0
    });
    if (!has_providers) continue;
    wanted[{row.kind, id}] = row.deployment_id + "@" + std::to_string(row.at.ms());
    for (const auto& handle : content.secrets) wanted[{"Secret", handle}] = secrets_.at(handle).second;
  }
  for (const auto& [uuid, key] : keys_) {
    if (key.active && wanted.contains({kind_of(key.artifact_id), key.artifact_id})) wanted[{"ApiKey", uuid}] = key.data;
  }
  for (const auto& [id, plan] : plans_) wanted[{"SubscriptionPlan", id}] = plan.data;
  for (const auto& [id, subscription] : subscriptions_) {
    if (wanted.contains({"RestApi", subscription.artifact_id})) wanted[{"Subscription", id}] = subscription.data;
  }
  return wanted;
}

}  // namespace tether::sim
