#include "tether/protocol/frames.h"

#include <utility>

#include "tether/protocol/events.h"
#include "tether/protocol/fields.h"
#include "tether/protocol/json.h"

namespace tether::protocol {
namespace {

/// A string where one is welcome and anything else is as good as nothing.
std::string text_or_empty(const json::Object& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr ? std::string() : value->decoded();
}

Instant time_or_unset(const json::Object& object, std::string_view name) {
  const auto at = parse_rfc3339(text_or_empty(object, name));
  return at ? *at : Instant{};
}

Result<Frame> connection_ack(const json::Object& frame) {
  Fields in(frame);
  ConnectionAck ack;
  ack.gateway_id = in.text("gatewayId");
  if (in.failed()) return wrap("connection.ack", in.error().value());
  // Only for display and as a lower bound of the control plane's time: a link is not worth losing over them.
  ack.connection_id = text_or_empty(frame, "connectionId");
  ack.at = time_or_unset(frame, "timestamp");
  return ack;
}

Result<Frame> known_event(Event event, const json::Object& frame) {
  Fields in(frame);
  const json::Object payload = in.object("payload");
  if (in.failed()) return wrap(event.type, in.error().value());
  auto body = read_event_body(event.type, payload);
  if (!body) return wrap(event.type, std::move(body.error()));
  event.body = std::move(*body);
  return event;
}

}  // namespace

Result<Frame> parse_frame(std::string_view text) {
  if (text.size() > kMaxFrameBytes) {
    return fail(ErrorKind::Reject, "frame: over " + std::to_string(kMaxFrameBytes) + " bytes");
  }
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] != '{') {
    const auto other = json::parse(text, kMaxJsonDepth);
    if (!other) return wrap("frame", other.error());
    return UnknownFrame{};
  }
  const auto frame = json::parse_object(text, kMaxJsonDepth);
  if (!frame) return wrap("frame", frame.error());

  Event event;
  event.type = text_or_empty(*frame, "type");
  if (event.type == "connection.ack") return connection_ack(*frame);
  if (event.type == "error") return ServerError{text_or_empty(*frame, "message")};
  event.correlation_id = text_or_empty(*frame, "correlationId");
  event.at = time_or_unset(*frame, "timestamp");
  event.bytes = text.size();
  if (is_known_event(event.type)) return known_event(std::move(event), *frame);
  if (event.type.empty()) return UnknownFrame{};
  event.body = UnknownEvent{};
  return event;
}

std::string event_type_of(std::string_view text) {
  if (text.size() > kMaxFrameBytes) return "unknown";
  const auto frame = json::parse_object(text, kMaxJsonDepth);
  const std::string type = frame ? text_or_empty(*frame, "type") : "";
  return is_known_event(type) ? type : "unknown";
}

}  // namespace tether::protocol
