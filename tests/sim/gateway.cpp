#include "gateway.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tether/protocol/gateway.h"
#include "tether/protocol/kinds.h"

namespace tether::sim {

namespace {

/// What tells two versions of a resource apart that is no artifact, by its REST names.
std::string version_of_data(const std::string& kind, const nlohmann::json& data) {
  const auto text = [&data](const char* name) {
    const auto member = data.find(name);
    return member == data.end() || member->is_null() ? std::string() : member->get<std::string>();
  };
  if (kind == protocol::kSecret) return text("value");
  if (kind == protocol::kApiKey) return text("artifactUuid") + " " + text("name") + " " + text("maskedApiKey");
  if (kind == protocol::kHmacSecret) return text("artifactId") + " " + text("name") + " " + text("secret");
  if (kind == protocol::kSubscriptionPlan) return text("planName") + " " + text("status");
  if (kind == protocol::kSubscription) {
    return text("apiId") + " " + text("subscriptionToken") + " " + text("subscriptionPlanId") + " " + text("status");
  }
  std::string version = text("applicationName");
  for (const auto& mapping : data.at("mappings")) version += " " + mapping.at("apiKeyUuid").get<std::string>();
  return version;
}

}  // namespace

bool is_artifact(const std::string& kind) {
  return protocol::find_kind(kind) != nullptr;
}

Line read_line(std::string_view text) {
  const auto json = nlohmann::json::parse(text);
  Line line;
  line.key = {json.at("kind"), json.at("id")};
  line.removes = json.value("op", "put") == "delete";
  if (line.removes) return line;
  if (!is_artifact(line.key.first)) {
    line.version = version_of_data(line.key.first, json.at("data"));
    return line;
  }
  line.deployment_id = json.at("deploymentId");
  line.document = json.at("document");
  line.version =
      line.deployment_id + "@" + std::to_string(parse_rfc3339(json.at("deployedAt").get<std::string>())->ms());
  return line;
}

/// The place of a kind in the order of application (docs/gateway-protocol.md).
int Gateway::place_of(const std::string& kind) {
  if (kind == protocol::kSecret) return 0;
  if (kind == protocol::kSubscriptionPlan) return 1;
  if (kind == "LlmProvider") return 2;
  if (kind == "LlmProxy") return 3;
  return is_artifact(kind) ? 4 : 5;
}

std::string Gateway::out_of_order(const std::vector<Line>& lines) {
  int highest_put = 0;
  int lowest_removal = 5;
  for (const Line& line : lines) {
    const int place = place_of(line.key.first);
    if (line.removes ? place > lowest_removal : place < highest_put) return line.key.first + " " + line.key.second;
    (line.removes ? lowest_removal : highest_put) = place;
  }
  return "";
}

/// Puts the values of secrets into an artifact, once, when it comes.
void Gateway::resolve(const Line& line) {
  constexpr std::string_view kReference = "secret \"";
  auto& values = resolved[line.key];
  values.clear();
  for (auto at = line.document.find(kReference); at != std::string::npos; at = line.document.find(kReference, at)) {
    at += kReference.size();
    const std::string handle = line.document.substr(at, line.document.find('"', at) - at);
    const auto secret = served.find({"Secret", handle});
    values[handle] = secret == served.end() ? "" : secret->second;
  }
}

std::string Gateway::state() const {
  const nlohmann::json state = {{"instance", instance},
                                {"epoch", epoch.empty() ? nlohmann::json() : nlohmann::json(epoch)},
                                {"revision", revision},
                                {"resources", served.size()}};
  return state.dump();
}

/// All or nothing: a body that is not whole, or starts elsewhere, changes nothing.
Gateway::Reaction Gateway::apply(const Body& body) {
  Reaction reaction;
  const auto count = static_cast<std::int64_t>(body.lines.size());
  const std::string text =
      body.full ? protocol::write_put_header(body.epoch, body.revision, count)
                : protocol::write_patch_header(body.from_epoch, body.from, body.epoch, body.revision, count);
  const auto header = nlohmann::json::parse(text);
  const auto fail = [&reaction](int status) {
    reaction.status = status;
    return reaction;
  };
  if (!body.full && (header.at("from_epoch") != epoch || header.at("from") != revision)) return fail(409);
  if (header.at("count") != body.lines.size()) return fail(400);
  for (const Line& line : body.lines) {
    if (is_malformed && is_malformed(line)) return fail(400);
  }
  reaction.out_of_order = out_of_order(body.lines);
  const auto before = served;
  reaction.had = before.size();
  reaction.said_less = revision < most_;
  if (body.full) {
    served.clear();
    resolved.clear();
  }
  auto rejected = nlohmann::json::array();
  for (const Line& line : body.lines) {
    if (refuses && refuses(line)) {
      rejected.push_back({{"kind", line.key.first}, {"id", line.key.second}, {"reason", "refused"}});
      reaction.refused.push_back(line);
    } else if (line.removes) {
      served.erase(line.key);
      resolved.erase(line.key);
    } else {
      served[line.key] = line.version;
      if (is_artifact(line.key.first)) resolve(line);
    }
  }
  epoch = header.at("epoch");
  revision = header.at("revision");
  most_ = body.full ? revision : std::max(most_, revision);
  reaction.body = nlohmann::json{{"epoch", epoch}, {"revision", revision}, {"rejected", rejected}}.dump();
  for (const auto& [key, version] : before) {
    const auto now = served.find(key);
    if (now == served.end()) reaction.changes.push_back({key, version, ""});
    if (now != served.end() && now->second != version) reaction.changes.push_back({key, version, now->second});
  }
  for (const auto& [key, version] : served) {
    if (!before.contains(key)) reaction.changes.push_back({key, "", version});
  }
  return reaction;
}

}  // namespace tether::sim
