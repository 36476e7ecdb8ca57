#include <utility>

#include "tether/protocol/fields.h"
#include "tether/protocol/kinds.h"
#include "tether/protocol/rest.h"

namespace tether::protocol {
namespace {

Result<json::Object> answer(std::string_view body) {
  if (body.size() > kMaxAnswerBytes) {
    return fail(ErrorKind::Reject, "over " + std::to_string(kMaxAnswerBytes) + " bytes");
  }
  return json::parse_object(body, kMaxJsonDepth);
}

Result<Existence> existence(std::string_view element) {
  const auto object = json::parse_object(element, kMaxJsonDepth);
  if (!object) return tl::unexpected<Error>(object.error());
  Fields in(*object);
  Existence existence{in.text("artifactId"), in.flag("exists")};
  if (in.failed()) return in.error();
  return existence;
}

Result<ResourceState> hmac_secret(const std::string& artifact_id, std::string_view element) {
  const auto object = json::parse_object(element, kMaxJsonDepth);
  if (!object) return tl::unexpected<Error>(object.error());
  Fields in(*object);
  ResourceState secret;
  secret.kind = kHmacSecret;
  secret.artifact_id = artifact_id;
  secret.name = in.text("name");
  secret.id = artifact_id + '/' + secret.name;
  const std::string value = in.any_text("secret");
  if (in.failed()) return in.error();
  json::Object data;
  data.set("artifactId", json::string_value(artifact_id));
  data.set("name", json::string_value(secret.name));
  data.set("secret", json::string_value(value));
  secret.data = data.text();
  return secret;
}

}  // namespace

Result<std::string> parse_secret_value(std::string_view body) {
  const auto object = answer(body);
  if (!object) return wrap("secret value", object.error());
  Fields in(*object);
  std::string value = in.any_text("value");
  if (in.failed()) return wrap("secret value", in.error().value());
  return value;
}

std::string write_secret_data(const ResourceState& row, std::string_view value) {
  json::Object data;
  data.set("handle", json::string_value(row.id));
  data.set("type", json::string_value(row.references.empty() ? std::string_view() : row.references.front()));
  data.set("hash", json::string_value(row.hash));
  data.set("updatedAt", json::string_value(format_rfc3339(row.updated_at)));
  data.set("value", json::string_value(value));
  return data.text();
}

Result<std::vector<ResourceState>> parse_hmac_secrets(std::string_view body) {
  const auto object = answer(body);
  if (!object) return wrap("HMAC secrets", object.error());
  Fields in(*object);
  const std::string artifact_id = in.text("artifactId");
  const auto elements = in.array("secrets");
  if (in.failed()) return wrap("HMAC secrets", in.error().value());
  std::vector<ResourceState> secrets;
  for (const json::Value& element : elements) {
    auto secret = hmac_secret(artifact_id, element.text);
    if (!secret) return wrap("HMAC secrets: secrets[]", std::move(secret.error()));
    secrets.push_back(std::move(*secret));
  }
  return secrets;
}

Result<std::vector<Existence>> parse_exists(std::string_view body) {
  const auto object = answer(body);
  if (!object) return wrap("exists", object.error());
  Fields in(*object);
  const auto elements = in.array("artifacts");
  if (in.failed()) return wrap("exists", in.error().value());
  std::vector<Existence> existences;
  for (const json::Value& element : elements) {
    auto one = existence(element.text);
    if (!one) return wrap("exists: artifacts[]", std::move(one.error()));
    existences.push_back(std::move(*one));
  }
  return existences;
}

}  // namespace tether::protocol
