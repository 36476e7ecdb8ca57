#include "doctor_steps.h"

#include "admin_access.h"
#include "tether/gateway/push_driver.h"
#include "tether/log/redactor.h"
#include "tether/protocol/rest.h"
#include "tether/proxy/connect.h"
#include "wall_clock.h"

namespace tether::daemon {
namespace {

constexpr Duration kConnectLimit = 10s;
constexpr Duration kAnswerLimit = 30s;

http::Server server(const Settings& settings) {
  return {settings.control_plane.address.host, settings.control_plane.address.port,
          settings.control_plane.proxy.through};
}

http::RestOutcome list_what_is_new(const Settings& settings) {
  const ControlPlaneAddress& address = settings.control_plane.address;
  http::ControlPlaneOptions options;
  options.host = address.host;
  options.port = address.port;
  options.tls = address.tls;
  options.proxy = settings.control_plane.proxy.through;
  options.trust = std::make_shared<tls::Trust>(settings.control_plane.tls);
  options.rest_base = address.rest_base;
  options.connect_timeout = kConnectLimit;
  options.read_timeout = options.total_limit = kAnswerLimit;
  http::ControlPlaneClient client(options);
  http::RestCall call;
  call.path = "/deployments?since=" + protocol::since_query(wall_now());
  call.max_answer_bytes = settings.limits.max_listing_bytes;
  return client.call(call, settings.control_plane.token.read().value_or(Secret()),
                     [](std::string_view) -> Result<Done> { return Done{}; });
}

/// A proxy may repeat in its answer what it was sent.
std::optional<http::Problem> try_tunnel(const Settings& settings) {
  auto problem = http::try_tcp(server(settings), kConnectLimit);
  if (!problem) return problem;
  Redactor redactor;
  for (const Secret& secret : proxy::secrets_of(*settings.control_plane.proxy.through)) redactor.add_secret(secret);
  problem->message = redactor.redact(problem->message);
  return problem;
}

delivery::StateOutcome ask_gateway(const Settings& settings) {
  gateway::PushDriverOptions options;
  options.socket_path = settings.gateway.socket;
  if (settings.gateway.user) options.user = settings.gateway.user->uid;
  if (settings.gateway.group) options.group = settings.gateway.group->gid;
  return gateway::PushDriver(options).state();
}

}  // namespace

terminal::DoctorEnds doctor_steps(const Settings& settings) {
  terminal::DoctorEnds ends;
  ends.daemon = [&settings] { return client_of(settings.admin).get("/readyz"); };
  ends.store = [&settings] { return store::check_database({settings.state_dir, settings.store.key_file}); };
  ends.has_token = [&settings] { return settings.control_plane.token.read().has_value(); };
  ends.why_no_token = [&settings] { return settings.control_plane.token.why_none(); };
  ends.look_up = [&settings] {
    const auto& proxy = settings.control_plane.proxy.through;
    return http::look_up(proxy ? proxy->host : settings.control_plane.address.host);
  };
  ends.connect = [&settings] {
    const auto& proxy = settings.control_plane.proxy.through;
    return http::try_tcp(proxy ? http::Server{proxy->host, proxy->port} : server(settings), kConnectLimit);
  };
  ends.tunnel = [&settings] { return try_tunnel(settings); };
  ends.shake_hands = [&settings] {
    tls::Trust trust(settings.control_plane.tls);
    return http::try_tls(server(settings), trust, kConnectLimit);
  };
  ends.list = [&settings] { return list_what_is_new(settings); };
  ends.gateway = [&settings] { return ask_gateway(settings); };
  ends.now = wall_now;
  return ends;
}

}  // namespace tether::daemon
