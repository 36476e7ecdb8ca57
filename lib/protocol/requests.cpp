#include "tether/protocol/json.h"
#include "tether/protocol/rest.h"

namespace tether::protocol {
namespace {

json::Value string_array(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    json::append_quoted(out, text);
  }
  out += ']';
  return {json::Type::Array, out};
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void append_encoded(std::string& out, char c) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kHex[byte >> 4U];
  out += kHex[byte & 0x0FU];
}

}  // namespace

std::string write_exists_request(const std::vector<std::string>& artifact_ids) {
  json::Object request;
  request.set("artifactIds", string_array(artifact_ids));
  return request.text();
}

std::string write_fetch_batch_request(const std::vector<std::string>& deployment_ids) {
  json::Object request;
  request.set("deploymentIds", string_array(deployment_ids));
  return request.text();
}

std::string since_query(Instant since) {
  return encode_segment(format_rfc3339_ms(since));
}

std::string encode_segment(std::string_view text) {
  // `.` and `..` are steps in a path, not names, so their dots are encoded too.
  const bool is_step = text == "." || text == "..";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) && !is_step) {
      out += c;
    } else {
      append_encoded(out, c);
    }
  }
  return out;
}

std::string write_manifest(const Manifest& manifest) {
  json::Object body;
  body.set("version", json::string_value(manifest.version));
  body.set("functionalityType", json::string_value(manifest.functionality_type));
  body.set("policies", {json::Type::Array, manifest.policies_json.empty() ? "[]" : manifest.policies_json});
  return body.text();
}

}  // namespace tether::protocol
