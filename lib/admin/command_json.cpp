#include "tether/admin/command_json.h"

#include "tether/admin/operator_command.h"
#include "tether/base/controls.h"

namespace tether {

std::optional<Json> read_consent(std::string_view body, int depth) {
  bool too_deep = false;
  const auto watch_depth = [&too_deep, depth](int at, Json::parse_event_t, Json&) {
    too_deep = too_deep || at > depth;
    return !too_deep;
  };
  if (body.size() > kMaxConsentBytes) return std::nullopt;
  Json json = Json::parse(body, watch_depth, /*allow_exceptions=*/false);
  if (too_deep || !json.is_object()) return std::nullopt;
  return json;
}

Result<Json> read_status(const Result<std::string>& body) {
  if (!body) return tl::unexpected(body.error());
  Json json = Json::parse(*body, nullptr, /*allow_exceptions=*/false);
  const auto has = [&json](const char* member, Json::value_t type) {
    return json.contains(member) && json[member].type() == type;
  };
  const bool readable = json.is_object() && has("control_plane", Json::value_t::object) &&
                        json["control_plane"].contains("staged") && has("store", Json::value_t::object) &&
                        has("gateway", Json::value_t::object) && has("holds", Json::value_t::array) &&
                        has("held", Json::value_t::array);
  if (!readable) return fail(ErrorKind::Reject, "what answers there is no tetherd of this version");
  return json;
}

std::string link_state(const Json& status) {
  return shown_text(status["control_plane"], "state");
}

std::string shown_text(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? without_controls(found->get<std::string>()) : "";
}

std::int64_t shown_number(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

}  // namespace tether
