// The control plane's connections: REST calls one after the other, or the upgrade to a link.
#include <algorithm>

#include "tether/peers/control_plane.h"
#include "tether/peers/link_session.h"
#include "tether/peers/rest_api.h"
#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

constexpr std::string_view kDialPath = "/api/internal/v1/ws/gateways/connect";
// The time limits of the real server (protocol section 1.1).
constexpr Duration kIdleLimit = 120s;
constexpr Duration kBodyLimit = 60s;
constexpr Duration kWriteLimit = 120s;
constexpr Duration kRateWindow = 60s;
constexpr Duration kHeldLook = 10ms;  // How often a held answer looks if it may go.

HttpResponse plain_text(int status, const std::string& text) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = text;
  return response;
}

bool names_token(const std::string& header, std::string_view token) {
  std::string text = header;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.find(token) != std::string::npos;
}

bool is_upgrade(const HttpRequest& request) {
  return request.method == "GET" && names_token(request.header("connection"), "upgrade") &&
         names_token(request.header("upgrade"), "websocket") && request.header("sec-websocket-version") == "13" &&
         !request.header("sec-websocket-key").empty();
}

/// Waits for `limit` and sees if the connection ends before.
bool passes(Stream& stream, Duration limit) {
  const TimePoint until = Clock::now() + limit;
  while (true) {
    const Io io = stream.pause(until);
    if (io == Io::TimedOut) return true;
    if (io == Io::Closed) return false;
  }
}

}  // namespace

void ControlPlane::serve(Connection& connection) {
  Stream& stream = connection.stream();
  if (stream.chose_h2()) {
    const std::lock_guard lock(mutex_);
    // The upgrade would fail on HTTP/2, which is not spoken here: the client sees the end.
    return violation("a client let ALPN choose h2");
  }
  HttpReader reader(stream);
  HttpRequest request;
  while (reader.read_head(request, Clock::now() + kIdleLimit) == Io::Ok) {
    {
      const std::lock_guard lock(mutex_);
      check_request(request);
    }
    if (request.path == kDialPath) return serve_dial(connection, reader, request);
    if (!serve_rest(connection, reader, request)) return;
  }
}

/// No credential in any address.
void ControlPlane::check_request(const HttpRequest& request) {
  const std::string target = url_decoded(request.target);
  const std::string key = request.header("api-key");
  // Short made-up tokens may be part of an ordinary path.
  constexpr std::size_t kTellingSize = 16;
  const auto is_in_target = [&target](const std::string& token) {
    return token.size() >= kTellingSize && target.find(token) != std::string::npos;
  };
  const bool leaks =
      target.find("api-key=") != std::string::npos || is_in_target(key) || std::ranges::any_of(tokens_, is_in_target);
  if (leaks) violation("a credential was in the URL of a " + request.method);
}

bool ControlPlane::is_authorized(const HttpRequest& request) const {
  const std::string key = request.header("api-key");
  return !gateway_deleted_ && std::ranges::find(tokens_, key) != tokens_.end();
}

// -- REST

RestFault ControlPlane::take_rest_fault(const std::string& call) {
  auto found = faults_.rest.find(call);
  if (found == faults_.rest.end()) found = faults_.rest.find("*");
  if (found == faults_.rest.end()) return {};
  const RestFault fault = found->second;
  if (fault.count > 0 && --found->second.count == 0) faults_.rest.erase(found);
  return fault;
}

bool ControlPlane::is_held(const std::string& call) const {
  const std::lock_guard lock(mutex_);
  auto found = faults_.rest.find(call);
  if (found == faults_.rest.end()) found = faults_.rest.find("*");
  return found != faults_.rest.end() && found->second.hold;
}

bool ControlPlane::serve_rest(Connection& connection, HttpReader& reader, const HttpRequest& request) {
  Stream& stream = connection.stream();
  RestCall call;
  call.at = Clock::now();
  const RestRoute route = route_of(request);
  call.call = route.call;
  call.method = request.method;
  call.path = request.path;
  call.query = request.query;
  if (reader.read_body(request, call.body, Clock::now() + kBodyLimit) != Io::Ok) return false;

  RestFault fault;
  HttpResponse response;
  {
    const std::lock_guard lock(mutex_);
    fault = take_rest_fault(route.call);
    // The answer is of now, also if it leaves later: what a client gets may be older than what it heard meanwhile.
    if (fault.status == 0) {
      response = RestApi(*this).answer(request, route, call.body);
    } else {
      response = internal_error(fault.status, "told to answer so");
    }
    if (!fault.body.empty()) response.body = fault.body;
    if (!faults_.no_date) response.headers.emplace_back("Date", http_date_text(desire_.now()));
    if (fault.hold) note("rest.held", {{"call", route.call}});
  }
  while (fault.hold && is_held(route.call)) {
    if (!passes(stream, kHeldLook)) return false;
  }
  if (fault.hang) {
    passes(stream, 1h);
    return false;
  }
  if (fault.delay_ms > 0 && !passes(stream, std::chrono::milliseconds(fault.delay_ms))) return false;

  call.status = response.status;
  const std::string bytes = serialized(response);
  const std::size_t size = fault.cut ? bytes.size() / 2 : bytes.size();
  {
    const std::lock_guard lock(mutex_);
    nlohmann::json detail{{"method", call.method}, {"path", call.path}, {"query", call.query}};
    detail["status"] = call.status;
    observed_.rest.push_back(std::move(call));
    if (observed_.rest.size() > Observed::kKept) observed_.rest.pop_front();
    note("rest", std::move(detail));
  }
  const Io io = stream.write_all(std::string_view(bytes).substr(0, size), Clock::now() + kWriteLimit);
  return io == Io::Ok && !fault.cut && !names_token(request.header("connection"), "close");
}

// -- Dials

/// The checks of protocol section 1.3, in their order; a dial that is told to fail fails first.
std::optional<HttpResponse> ControlPlane::refusal_of_dial(const HttpRequest& request) {
  const TimePoint now = Clock::now();
  if (faults_.dial_status != 0 && faults_.dial_status_for_ms > 0 &&
      now - dial_fault_set_ > std::chrono::milliseconds(faults_.dial_status_for_ms)) {
    faults_.dial_status = 0;
  }
  const int told = faults_.dial_status;
  if (told != 0 && faults_.dial_status_count > 0 && --faults_.dial_status_count == 0) {
    faults_.dial_status = 0;
    faults_.dial_status_count = -1;
  }
  if (told == 401) return unauthorized_in_public();
  if (told != 0 && told != 429) return plain_text(told, "from something in between\n");
  while (!recent_dials_.empty() && now - recent_dials_.front() > kRateWindow) recent_dials_.pop_front();
  const bool too_many = static_cast<std::int64_t>(recent_dials_.size()) >= faults_.rate_limit_per_min;
  if (too_many || told == 429) {
    return public_error(429, "TOO_MANY_REQUESTS", "Connection rate limit exceeded. Please try again later.");
  }
  recent_dials_.push_back(now);
  if (!is_authorized(request)) return unauthorized_in_public();
  if (!is_upgrade(request)) return plain_text(400, "Bad Request\n");
  return std::nullopt;
}

void ControlPlane::serve_dial(Connection& connection, HttpReader& reader, const HttpRequest& request) {
  Stream& stream = connection.stream();
  std::optional<HttpResponse> refusal;
  std::string too_many_links;
  {
    const std::lock_guard lock(mutex_);
    observed_.dials.push_back(Clock::now());
    refusal = refusal_of_dial(request);
    if (!refusal && static_cast<std::int64_t>(links_.size()) >= faults_.max_connections) {
      const std::string limit = std::to_string(faults_.max_connections);
      const nlohmann::json error{{"type", "error"}, {"message", "maximum connection limit reached (" + limit + ")"}};
      too_many_links = error.dump();
    }
    note("dial", {{"status", refusal ? refusal->status : 101}});
    if (refusal && !faults_.no_date) refusal->headers.emplace_back("Date", http_date_text(desire_.now()));
  }
  const TimePoint deadline = Clock::now() + kWriteLimit;
  if (refusal) {
    refusal->headers.emplace_back("Connection", "close");
    stream.write_all(serialized(*refusal), deadline);
    return;
  }
  HttpResponse upgraded;
  upgraded.status = 101;
  upgraded.headers = {{"Upgrade", "websocket"},
                      {"Connection", "Upgrade"},
                      {"Sec-WebSocket-Accept", accept_key(request.header("sec-websocket-key"))}};
  if (stream.write_all(serialized(upgraded), deadline) != Io::Ok) return;
  if (!too_many_links.empty()) {
    stream.write_all(server_frame(Opcode::Text, too_many_links), deadline);
    return;
  }
  LinkSession(*this, connection, reader.take_rest()).run();
}

}  // namespace tether::peers
