#pragma once

#include <string>
#include <string_view>

#include "tether/peers/control_plane.h"
#include "tether/peers/http_message.h"

namespace tether::peers {

/// One call of the internal REST API, read from method and path.
struct RestRoute {
  std::string call;  ///< As in `Faults::rest`; empty: no such path.
  std::string kind;  ///< Of `artifact`, `api-keys`.
  std::string id;    ///< What the path names: an artifact, a secret, a gateway.
};
RestRoute route_of(const HttpRequest& request);

HttpResponse json_response(int status, const nlohmann::json& body);
/// `{"code", "message", "description"}`: the internal API's shape.
HttpResponse internal_error(int status, const std::string& description);
/// `{"status":"error", "code", "message"}`: the public API's shape, on the WebSocket route and on unknown paths.
HttpResponse public_error(int status, const std::string& code, const std::string& message);
HttpResponse unauthorized_in_public();

/// The true answers of protocol section 4. Everything with the control plane's lock held.
class RestApi {
 public:
  explicit RestApi(ControlPlane& control_plane) : control_plane_(control_plane) {}

  HttpResponse answer(const HttpRequest& request, const RestRoute& route, const std::string& body);

 private:
  HttpResponse deployments(const HttpRequest& request);
  HttpResponse fetch_batch(const HttpRequest& request, const std::string& body);
  HttpResponse exists(const std::string& body);
  HttpResponse artifact(const RestRoute& route);
  HttpResponse subscriptions(const RestRoute& route);
  HttpResponse secrets(const HttpRequest& request);
  HttpResponse secret_value(const RestRoute& route);
  HttpResponse websub_secrets(const RestRoute& route);
  HttpResponse manifest(const std::string& body);
  bool is_emptied(const std::string& call) const;
  HttpResponse ok(nlohmann::json body) const;

  ControlPlane& control_plane_;
};

}  // namespace tether::peers
