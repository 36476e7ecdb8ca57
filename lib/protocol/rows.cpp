#include <utility>

#include "tether/protocol/fields.h"
#include "tether/protocol/kinds.h"
#include "tether/protocol/resources.h"
#include "tether/protocol/rest.h"

namespace tether::protocol {
namespace {

/// One element of a listing as an object. What is wrong with it is said as `row of what: …`.
Result<json::Object> row(std::string_view element) {
  if (element.size() > kMaxRowBytes) {
    return fail(ErrorKind::Reject, "over " + std::to_string(kMaxRowBytes) + " bytes");
  }
  return json::parse_object(element, kMaxJsonDepth);
}

Result<DeploymentRow> deployment(const json::Object& object) {
  Fields in(object);
  DeploymentRow row;
  row.kind = in.text("kind");
  row.artifact_id = in.text("artifactId");
  row.deployment_id = in.text("deploymentId");
  row.at_text = in.text("deployedAt");
  row.at = in.time("deployedAt");
  const std::string state = in.text("state");
  row.deployed = state == "DEPLOYED";
  if (!row.deployed && state != "UNDEPLOYED") in.blame("state", "is neither DEPLOYED nor UNDEPLOYED");
  if (in.failed()) return in.error();
  return row;
}

Result<ResourceState> key(json::Object object) {
  Fields in(object);
  in.text("uuid");
  in.text("name");
  if (in.failed()) return in.error();
  return key_state(std::move(object));
}

Result<ResourceState> secret(const json::Object& object) {
  Fields in(object);
  ResourceState secret;
  secret.kind = kSecret;
  secret.name = in.text("handle");
  secret.id = secret.name;
  secret.hash = in.text("hash");
  secret.updated_at = in.time("updatedAt");
  secret.references.push_back(in.text("type"));
  if (in.failed()) return in.error();
  return secret;
}

/// Reads an element with `read`, and says of what a row was bad.
template <class T, class Read>
Result<T> read_row(const char* what, std::string_view element, Read read) {
  auto object = row(element);
  if (!object) return wrap(what, std::move(object.error()));
  Result<T> parsed = read(std::move(*object));
  if (!parsed) return wrap(what, std::move(parsed.error()));
  return parsed;
}

}  // namespace

Result<DeploymentRow> parse_deployment_row(std::string_view element) {
  return read_row<DeploymentRow>("deployment row", element, deployment);
}

Result<ResourceState> parse_key_row(std::string_view element) {
  return read_row<ResourceState>("key row", element, key);
}

Result<ResourceState> parse_plan_row(std::string_view element) {
  return read_row<ResourceState>("plan row", element, plan_state);
}

Result<ResourceState> parse_subscription_row(std::string_view element) {
  return read_row<ResourceState>("subscription row", element, subscription_state);
}

Result<ResourceState> parse_secret_row(std::string_view element) {
  return read_row<ResourceState>("secret row", element, secret);
}

}  // namespace tether::protocol
