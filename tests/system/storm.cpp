#include "storm.h"

#include <array>
#include <vector>

#include "tether/peers/documents.h"

namespace tether::test {
namespace {

/// What the database refuses (another key of a name that is taken) simply does not happen.
template <class Value>
void may_be_refused(const Result<Value>&) {}

}  // namespace

void Storm::operate(peers::Desire& desire) {
  const int dice = up_to(99);
  if (dice < 15 || desire.rows().size() < 5) return deploy_new(desire);
  const std::string id = any_artifact(desire);
  if (dice < 45) {
    may_be_refused(desire.redeploy(id));
  } else if (dice < 60) {
    if (desire.rows().at(id).wanted) may_be_refused(desire.undeploy(id));
  } else if (dice < 68) {
    may_be_refused(desire.restore(any_deployment(desire, id)));
  } else if (dice < 71) {
    may_be_refused(desire.delete_artifact(id));
  } else {
    change_what_belongs_to(desire, id, dice);
  }
}

void Storm::deploy_new(peers::Desire& desire) {
  static constexpr std::array<const char*, 4> kKinds{"RestApi", "LlmProvider", "LlmProxy", "Mcp"};
  peers::SampleDocument sample;
  sample.kind = kKinds[static_cast<std::size_t>(up_to(kKinds.size() - 1))];
  sample.handle = "storm-" + std::to_string(++named_);
  // A gateway takes a proxy only with its provider; this one is there from the beginning.
  sample.providers = {"openai-provider"};
  if (up_to(3) == 0) sample.secrets = {"openai-key"};
  may_be_refused(desire.deploy(sample.kind, sample.handle, peers::sample_document(sample)));
}

void Storm::change_what_belongs_to(peers::Desire& desire, const std::string& id, int dice) {
  // Keys of MCP proxies and subscriptions of other kinds come by event only: a lost one is lost.
  const std::string kind = desire.artifacts().at(id).kind;
  const std::string name = "key-" + std::to_string(up_to(2));
  if (dice < 80) {
    if (kind != "Mcp") may_be_refused(desire.create_key(id, name));
  } else if (dice < 85) {
    if (kind != "Mcp") may_be_refused(desire.update_key(id, name));
  } else if (dice < 90) {
    if (kind != "Mcp") may_be_refused(desire.revoke_key(id, name));
  } else if (dice < 96) {
    if (kind == "RestApi") may_be_refused(desire.create_subscription(id, plan_of(desire)));
  } else {
    may_be_refused(desire.update_plan(plan_of(desire), {{"throttleLimitCount", up_to(1000)}}));
  }
}

std::string Storm::plan_of(peers::Desire& desire) {
  const auto plans = desire.plans();
  return plans.empty() ? desire.create_plan("gold") : plans[0]["id"].get<std::string>();
}

std::string Storm::any_artifact(const peers::Desire& desire) {
  // The provider that all proxies name stays as it is.
  std::vector<std::string> ids;
  for (const auto& [id, row] : desire.rows()) {
    if (desire.artifacts().at(id).handle != "openai-provider") ids.push_back(id);
  }
  return ids[static_cast<std::size_t>(up_to(static_cast<int>(ids.size()) - 1))];
}

std::string Storm::any_deployment(const peers::Desire& desire, const std::string& artifact_id) {
  std::vector<std::string> ids;
  for (const auto& [id, deployment] : desire.deployments()) {
    if (deployment.artifact_id == artifact_id) ids.push_back(id);
  }
  return ids[static_cast<std::size_t>(up_to(static_cast<int>(ids.size()) - 1))];
}

}  // namespace tether::test
