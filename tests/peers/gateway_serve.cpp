// The gateway's connections: state questions and bodies that are read as they come.
#include <algorithm>

#include "tether/peers/gateway.h"
#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

constexpr Duration kPatience = 1h;  // The stand-in never hangs up by itself.

}  // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Refusal, kind, id, handle, document_contains, reason)

void to_json(nlohmann::json& json, const GatewayFaults& faults) {
  json = {{"refuse", faults.refuse},
          {"refuse_bodies", faults.refuse_bodies},
          {"status", faults.status},
          {"status_count", faults.status_count},
          {"state_status", faults.state_status},
          {"error", faults.error},
          {"delay_ms", faults.delay_ms},
          {"cut_before", faults.cut_before},
          {"cut_after", faults.cut_after},
          {"stall", faults.stall},
          {"stall_body", faults.stall_body},
          {"lie_about_revision", nullptr},
          {"lie_about_epoch", nullptr}};
  if (faults.lie_about_revision) json["lie_about_revision"] = *faults.lie_about_revision;
  if (faults.lie_about_epoch) json["lie_about_epoch"] = *faults.lie_about_epoch;
}

Result<GatewayFaults> patched(const GatewayFaults& faults, const nlohmann::json& patch) {
  if (!patch.is_object()) return fail(ErrorKind::Reject, "faults: an object of knobs is expected");
  nlohmann::json all = faults;
  for (const auto& item : patch.items()) {
    if (!all.contains(item.key())) return fail(ErrorKind::Reject, "faults: no knob is named " + item.key());
    all[item.key()] = item.value();
  }
  GatewayFaults changed;
  try {
    all["refuse"].get_to(changed.refuse);
    all["refuse_bodies"].get_to(changed.refuse_bodies);
    all["status"].get_to(changed.status);
    all["status_count"].get_to(changed.status_count);
    all["state_status"].get_to(changed.state_status);
    all["error"].get_to(changed.error);
    all["delay_ms"].get_to(changed.delay_ms);
    all["cut_before"].get_to(changed.cut_before);
    all["cut_after"].get_to(changed.cut_after);
    all["stall"].get_to(changed.stall);
    all["stall_body"].get_to(changed.stall_body);
    if (!all["lie_about_revision"].is_null())
      changed.lie_about_revision = all["lie_about_revision"].get<std::int64_t>();
    if (!all["lie_about_epoch"].is_null()) changed.lie_about_epoch = all["lie_about_epoch"].get<std::string>();
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorKind::Reject, std::string("faults: ") + error.what());
  }
  return changed;
}

/// Cuts a body into lines as it comes: the first is the header, each other one a resource. `now` and `faults` are only
/// looked at during `take`.
class Gateway::BodyReader {
 public:
  BodyReader(bool replaces, const GatewayConfig& now, const GatewayFaults& faults)
      : replaces_(replaces), now_(now), faults_(faults) {}

  void take(std::string_view piece) {
    bytes_ += piece.size();
    rest_ += piece;
    std::size_t start = 0;
    for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', start)) {
      take_line(rest_.substr(start, end - start));
      start = end + 1;
    }
    rest_.erase(0, start);
  }

  bool ended_in_newline() const { return rest_.empty(); }
  std::uint64_t bytes() const { return bytes_; }
  const std::string& header_line() const { return header_line_; }
  const std::string& broken() const { return broken_; }
  ConfigChange* change() { return change_ ? &*change_ : nullptr; }

 private:
  void take_line(const std::string& line) {
    if (change_) return change_->take_line(line);
    if (!broken_.empty()) return;
    header_line_ = line;
    const auto header = read_config_header(line, replaces_);
    if (!header) {
      broken_ = header.error().message;
      return;
    }
    change_.emplace(*header, now_, faults_.refuse, faults_.refuse_bodies);
  }

  const bool replaces_;
  const GatewayConfig& now_;
  const GatewayFaults& faults_;
  std::uint64_t bytes_ = 0;
  std::string rest_;
  std::string header_line_;
  std::string broken_;
  std::optional<ConfigChange> change_;
};

void Gateway::serve(Connection& connection) {
  {
    const std::lock_guard lock(mutex_);
    open_[connection.number()] = &connection;
  }
  HttpReader reader(connection.stream());
  HttpRequest request;
  while (reader.read_head(request, Clock::now() + kPatience) == Io::Ok) {
    GatewayRequest seen;
    seen.at = wall_clock_now();
    seen.started = Clock::now();
    seen.method = request.method;
    seen.path = request.path;
    {
      const std::lock_guard lock(mutex_);
      check_head(request);
    }
    if (!passes(connection, &GatewayFaults::stall)) break;
    const bool is_state = request.method == "GET" && request.path == "/v1/config/state";
    const bool is_config = (request.method == "PUT" || request.method == "PATCH") && request.path == "/v1/config";
    bool goes_on = false;
    if (is_config) {
      goes_on = answer_config(connection, reader, request, seen);
    } else {
      std::string body;
      if (reader.read_body(request, body, Clock::now() + kPatience) != Io::Ok) break;
      goes_on = is_state ? answer_state(connection, seen) : send(connection, seen, 404, {{"error", "no such path"}});
    }
    if (!goes_on) break;
  }
  const std::lock_guard lock(mutex_);
  open_.erase(connection.number());
}

void Gateway::check_head(const HttpRequest& request) {
  const std::string host = request.header("host");
  if (host.empty() || host.find('/') != std::string::npos) violations_.push_back("the Host header is `" + host + "`");
  const bool has_body = request.method == "PUT" || request.method == "PATCH";
  if (has_body && request.header("content-type") != "application/x-ndjson") {
    violations_.push_back("the Content-Type of a body is `" + request.header("content-type") + "`");
  }
}

bool Gateway::passes(Connection& connection, bool(GatewayFaults::*knob)) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (!(faults_.*knob)) return true;
    }
    if (connection.stream().pause(Clock::now() + kPatience) == Io::Closed) return false;
  }
}

bool Gateway::answer_state(Connection& connection, GatewayRequest& seen) {
  int status = 200;
  nlohmann::json body;
  {
    const std::lock_guard lock(mutex_);
    body = state_locked();
    if (faults_.state_status != 0) {
      status = faults_.state_status;
      body = {{"error", faults_.error}};
    }
  }
  return send(connection, seen, status, body);
}

bool Gateway::answer_config(Connection& connection, HttpReader& reader, const HttpRequest& request,
                            GatewayRequest& seen) {
  if (!passes(connection, &GatewayFaults::stall_body)) return false;
  BodyReader body(request.method == "PUT", config_, faults_);
  const Io io = reader.read_body(
      request,
      [this, &body](std::string_view piece) {
        const std::lock_guard lock(mutex_);
        body.take(piece);
      },
      Clock::now() + kPatience);
  if (io != Io::Ok) return false;

  std::pair<int, nlohmann::json> answer;
  bool cut = false;
  std::int64_t delay_ms = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!body.ended_in_newline()) violations_.push_back("a body does not end in a newline");
    seen.body_bytes = body.bytes();
    seen.header = body.header_line();
    const bool cut_before = faults_.cut_before > 0;
    const bool cut_after = !cut_before && faults_.cut_after > 0;
    faults_.cut_before -= cut_before ? 1 : 0;
    faults_.cut_after -= cut_after ? 1 : 0;
    if (!cut_before) answer = apply(body.change(), body.broken(), seen);
    cut = cut_before || cut_after;
    delay_ms = faults_.delay_ms;
    changed_.notify_all();
    if (cut) finish(seen);
  }
  if (cut) return false;
  const TimePoint until = Clock::now() + std::chrono::milliseconds(delay_ms);
  while (delay_ms > 0 && Clock::now() < until) {
    if (connection.stream().pause(until) == Io::Closed) return false;
  }
  return send(connection, seen, answer.first, answer.second);
}

std::pair<int, nlohmann::json> Gateway::apply(ConfigChange* change, const std::string& broken, GatewayRequest& seen) {
  if (change != nullptr) {
    seen.lines = static_cast<std::uint64_t>(change->lines());
    for (const std::string& sentence : change->violations()) violations_.push_back(sentence);
  }
  if (faults_.status != 0) {
    const int status = faults_.status;
    if (faults_.status_count > 0 && --faults_.status_count == 0) {
      faults_.status = 0;
      faults_.status_count = -1;
    }
    return {status, status == 409 ? state_locked() : nlohmann::json{{"error", faults_.error}}};
  }
  const std::string refused = change != nullptr ? change->refused_whole()
                              : broken.empty()  ? "the body has no first line"
                                                : broken;
  if (change != nullptr && !change->starts_from(config_)) return {409, state_locked()};
  if (!refused.empty()) {
    violations_.push_back("a body was refused whole: " + refused);
    return {400, {{"error", refused}}};
  }
  if (const std::string& told = change->told_to_refuse(); !told.empty()) return {400, {{"error", told}}};
  change->apply_to(config_);
  seen.applied = change->applied();
  const std::int64_t revision = faults_.lie_about_revision.value_or(config_.revision);
  const std::string epoch = faults_.lie_about_epoch.value_or(*config_.epoch);
  return {200, {{"epoch", epoch}, {"revision", revision}, {"rejected", change->rejected()}}};
}

bool Gateway::send(Connection& connection, GatewayRequest& seen, int status, const nlohmann::json& body) {
  HttpResponse response;
  response.status = status;
  response.body = body.dump();
  seen.status = status;
  {
    const std::lock_guard lock(mutex_);
    finish(std::move(seen));
  }
  return connection.stream().write_all(serialized(response), Clock::now() + kPatience) == Io::Ok;
}

}  // namespace tether::peers
