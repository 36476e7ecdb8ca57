#include "tether/protocol/gateway.h"

#include <utility>

#include "tether/protocol/fields.h"
#include "tether/protocol/json.h"

namespace tether::protocol {
namespace {

Result<json::Object> answer(std::string_view body) {
  if (body.size() > kMaxGatewayAnswerBytes) {
    return fail(ErrorKind::Reject, "over " + std::to_string(kMaxGatewayAnswerBytes) + " bytes");
  }
  return json::parse_object(body, kMaxJsonDepth);
}

Result<GatewayState> state(const json::Object& object) {
  Fields in(object);
  GatewayState state;
  state.instance = in.text("instance");
  state.epoch = in.optional_text("epoch");
  if (object.find("epoch") == nullptr) in.blame("epoch", "is missing");
  state.revision = in.count("revision");
  state.resources = in.count("resources");
  if (in.failed()) return in.error();
  return state;
}

Result<RejectedLine> rejected_line(std::string_view element) {
  const auto object = json::parse_object(element, kMaxJsonDepth);
  if (!object) return tl::unexpected<Error>(object.error());
  Fields in(*object);
  RejectedLine line;
  line.kind = in.text("kind");
  line.id = in.text("id");
  if (in.failed()) return in.error();
  // A refusal without a usable reason is a refusal all the same.
  const json::Value* reason = object->find("reason");
  if (reason != nullptr) line.reason = reason->decoded();
  return line;
}

Result<PushAnswer> push_answer(const json::Object& object) {
  Fields in(object);
  PushAnswer answer;
  answer.epoch = in.text("epoch");
  answer.revision = in.count("revision");
  const auto rejected = in.array("rejected");
  if (in.failed()) return in.error();
  for (const json::Value& element : rejected) {
    auto line = rejected_line(element.text);
    if (!line) return wrap("rejected[]", std::move(line.error()));
    answer.rejected.push_back(std::move(*line));
  }
  return answer;
}

/// One line of NDJSON, written member by member. A document is up to 16 MiB: it is copied once, into the line.
class Line {
 public:
  Line& text(std::string_view name, std::string_view value) {
    json::append_quoted(begin(name), value);
    return *this;
  }
  Line& number(std::string_view name, std::int64_t value) {
    begin(name) += std::to_string(value);
    return *this;
  }
  Line& compact(std::string_view name, std::string_view value) {
    begin(name) += value;
    return *this;
  }
  std::string end() && {
    out_ += "}\n";
    return std::move(out_);
  }
  void reserve(std::size_t bytes) { out_.reserve(bytes); }

 private:
  std::string& begin(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    json::append_quoted(out_, name);
    out_ += ':';
    return out_;
  }

  std::string out_ = "{";
};

}  // namespace

Result<GatewayState> parse_gateway_state(std::string_view body) {
  const auto object = answer(body);
  if (!object) return wrap("gateway state", object.error());
  auto parsed = state(*object);
  if (!parsed) return wrap("gateway state", std::move(parsed.error()));
  return parsed;
}

Result<PushAnswer> parse_push_answer(std::string_view body) {
  const auto object = answer(body);
  if (!object) return wrap("push answer", object.error());
  auto parsed = push_answer(*object);
  if (!parsed) return wrap("push answer", std::move(parsed.error()));
  return parsed;
}

std::string write_put_header(std::string_view epoch, std::int64_t revision, std::int64_t count) {
  Line line;
  line.text("epoch", epoch).number("revision", revision).number("count", count);
  return std::move(line).end();
}

std::string write_patch_header(std::string_view from_epoch, std::int64_t from, std::string_view epoch,
                               std::int64_t revision, std::int64_t count) {
  Line line;
  line.text("from_epoch", from_epoch).number("from", from);
  line.text("epoch", epoch).number("revision", revision).number("count", count);
  return std::move(line).end();
}

std::string write_resource_line(const ResourceLine& resource, bool patch) {
  Line line;
  line.reserve(resource.document.size() + resource.document.size() / 16 + resource.data.size() + 512);
  if (patch) line.text("op", "put");
  line.text("kind", resource.kind).text("id", resource.id);
  if (!resource.artifact) return std::move(line.compact("data", resource.data)).end();
  line.text("handle", resource.handle).text("deploymentId", resource.deployment_id);
  line.text("deployedAt", resource.deployed_at).text("document", resource.document);
  return std::move(line).end();
}

std::string write_delete_line(std::string_view kind, std::string_view id) {
  Line line;
  line.text("op", "delete").text("kind", kind).text("id", id);
  return std::move(line).end();
}

}  // namespace tether::protocol
