#include "tether/protocol/frames.h"
#include "tether/protocol/json.h"
#include "tether/protocol/kinds.h"

namespace tether::protocol {

std::string write_ack(const Ack& ack) {
  json::Object payload;
  payload.set("deploymentId", json::string_value(ack.deployment_id));
  payload.set("artifactId", json::string_value(ack.artifact_id));
  payload.set("resourceType", json::string_value(resource_type_of(ack.kind)));
  payload.set("action", json::string_value(ack.deploy ? "deploy" : "undeploy"));
  payload.set("status", json::string_value(ack.success ? "success" : "failed"));
  payload.set("performedAt", json::string_value(ack.at_text));
  if (!ack.success) payload.set("errorCode", json::string_value("GATEWAY_PROCESSING_ERROR"));
  json::Object frame;
  frame.set("type", json::string_value("deployment.ack"));
  frame.set("payload", {json::Type::Object, payload.text()});
  return frame.text();
}

}  // namespace tether::protocol
