#include "tether/peers/control_api.h"

#include <httplib.h>

namespace tether::peers {
namespace {

constexpr const char* kJson = "application/json";

void answer(httplib::Response& response, const Result<nlohmann::json>& result) {
  response.status = result ? 200 : 400;
  const nlohmann::json body = result ? *result : nlohmann::json{{"error", result.error().message}};
  response.set_content(body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", kJson);
}

Result<nlohmann::json> called(const std::function<Result<nlohmann::json>(const nlohmann::json&)>& call,
                              const nlohmann::json& body) {
  try {
    return call(body);
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorKind::Reject, error.what());
  }
}

Result<nlohmann::json> state_of_gateway(const Gateway& gateway) {
  nlohmann::json state = gateway.state();
  state["faults"] = gateway.faults();
  state["violations"] = gateway.violations();
  state["lines"] = nlohmann::json::array();
  for (const auto& [key, line] : gateway.resources()) {
    const auto resource = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    nlohmann::json row{{"kind", key.first}, {"id", key.second}};
    for (const char* name : {"handle", "deploymentId", "deployedAt"}) {
      if (resource.contains(name)) row[name] = resource[name];
    }
    state["lines"].push_back(std::move(row));
  }
  return state;
}

Result<nlohmann::json> history_of_gateway(const Gateway& gateway) {
  nlohmann::json list = nlohmann::json::array();
  for (const GatewayRequest& request : gateway.history()) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(request.ended - request.started);
    list.push_back({{"at", format_rfc3339_ms(request.at)},
                    {"method", request.method},
                    {"path", request.path},
                    {"status", request.status},
                    {"lines", request.lines},
                    {"bytes", request.body_bytes},
                    {"took_us", took.count()}});
  }
  return list;
}

}  // namespace

ControlApi::ControlApi() : server_(std::make_unique<httplib::Server>()) {}

ControlApi::~ControlApi() {
  server_->stop();
  if (thread_.joinable()) thread_.join();
}

Result<Done> ControlApi::listen(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos) {
    return fail(ErrorKind::Reject, "control port: HOST:PORT is expected, not " + address);
  }
  const std::string host = address.substr(0, colon);
  const int wanted = std::stoi(port);
  const bool bound = wanted == 0 ? (port_ = static_cast<std::uint16_t>(server_->bind_to_any_port(host.c_str()))) != 0
                                 : server_->bind_to_port(host.c_str(), wanted);
  if (!bound) return fail(ErrorKind::Retry, "control port: cannot listen on " + address);
  if (wanted != 0) port_ = static_cast<std::uint16_t>(wanted);
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running()) std::this_thread::yield();  // `stop` before that would be lost.
  return Done{};
}

void ControlApi::get(const std::string& path, Call call) {
  server_->Get(path, [call = std::move(call)](const httplib::Request& request, httplib::Response& response) {
    nlohmann::json parameters = nlohmann::json::object();
    for (const auto& [name, value] : request.params) parameters[name] = value;
    answer(response, called(call, parameters));
  });
}

void ControlApi::post(const std::string& path, Call call) {
  server_->Post(path, [this, call = std::move(call)](const httplib::Request& request, httplib::Response& response) {
    const std::string text = request.body.empty() ? "{}" : request.body;
    const auto body = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!body.is_object()) return answer(response, fail(ErrorKind::Reject, "the body is no JSON object"));
    const auto result = called(call, body);
    if (result && after_change_) after_change_();
    answer(response, result);
  });
}

Result<std::unique_ptr<ControlApi>> ControlApi::start(const std::string& address, ControlPlane& control_plane,
                                                      std::function<void()> after_change) {
  std::unique_ptr<ControlApi> api(new ControlApi);
  api->after_change_ = std::move(after_change);
  api->add_artifact_calls(control_plane);
  api->add_entity_calls(control_plane);
  api->add_process_calls(control_plane);
  if (const auto listening = api->listen(address); !listening) return tl::unexpected<Error>(listening.error());
  return api;
}

Result<std::unique_ptr<ControlApi>> ControlApi::start(const std::string& address, Gateway& gateway) {
  std::unique_ptr<ControlApi> api(new ControlApi);
  const nlohmann::json done = nlohmann::json::object();
  api->get("/state", [&gateway](const nlohmann::json&) { return state_of_gateway(gateway); });
  api->get("/history", [&gateway](const nlohmann::json&) { return history_of_gateway(gateway); });
  api->get("/resource", [&gateway](const nlohmann::json& body) -> Result<nlohmann::json> {
    auto resource = gateway.resource(body.at("kind"), body.at("id"));
    if (!resource) return fail(ErrorKind::Reject, "no such resource");
    return *resource;
  });
  api->post("/faults", [&gateway](const nlohmann::json& body) -> Result<nlohmann::json> {
    const auto changed = patched(gateway.faults(), body);
    if (!changed) return tl::unexpected<Error>(changed.error());
    gateway.change_faults([&changed](GatewayFaults& faults) { faults = *changed; });
    return nlohmann::json(*changed);
  });
  api->post("/forget", [&gateway, done](const nlohmann::json&) -> Result<nlohmann::json> {
    gateway.forget();
    return done;
  });
  api->post("/stop", [&gateway, done](const nlohmann::json&) -> Result<nlohmann::json> {
    gateway.stop();
    return done;
  });
  api->post("/restart", [&gateway, done](const nlohmann::json& body) -> Result<nlohmann::json> {
    const auto up = gateway.come_back(body.value("empty", true));
    if (!up) return tl::unexpected<Error>(up.error());
    return done;
  });
  if (const auto listening = api->listen(address); !listening) return tl::unexpected<Error>(listening.error());
  return api;
}

}  // namespace tether::peers
