#include "story.h"

#include <csignal>
#include <utility>

#include "tether/peers/admin_client.h"
#include "tether/peers/documents.h"

namespace tether::demo {

namespace {

constexpr Duration kStopLimit = 5s;
constexpr Duration kPastTheListing = 2200ms;

json at(const json& object, const char* section, const char* name) {
  if (!object.is_object() || !object.contains(section)) return nullptr;
  return object[section].value(name, json());
}

std::string sample(const std::string& kind, const std::string& handle, const std::string& backend) {
  peers::SampleDocument document;
  document.kind = kind;
  document.handle = handle;
  document.backend = backend;
  return peers::sample_document(document);
}

}  // namespace

Story::Story(Stage& stage, Screen& screen) : stage_(stage), screen_(screen), timeline_(stage) {}

bool Story::play() {
  const bool played = everything_starts() && each_kind_is_deployed() && keys_plans_and_subscriptions() && both_die() &&
                      changes_are_missed() && control_plane_returns();
  if (!played) return screen_.check(false, is_stopped() ? "the demo was stopped" : "the demo was played to its end");
  secrets_stay_secret();
  nobody_broke_a_rule();
  return true;
}

// ---- Chapters ------------------------------------------------------------------------------------------------------

bool Story::everything_starts() {
  screen_.chapter("1  A control plane, a gateway, and tetherd between them");
  if (!started(stage_.start_control_plane()) || !started(stage_.start_gateway())) return false;
  screen_.line({wall_now(), Who::ControlPlane, "listens", stage_.url()});
  screen_.line({wall_now(), Who::Gateway, "listens", stage_.socket() + ", empty"});
  if (!started(stage_.start_tetherd())) return false;
  const bool in_sync = wait_until([this] { return is_in_sync(); });
  show_news();
  // An event as old as the listing that was just read is history to tetherd, and answered by another listing. The
  // protocol's clock has whole seconds, so a new one is two seconds away.
  wait_until([] { return false; }, kPastTheListing);
  return screen_.check(in_sync, "connected over TLS, verified by a throw-away authority, and in sync");
}

bool Story::each_kind_is_deployed() {
  screen_.chapter("2  One artifact of each kind: event, stored, pushed, acknowledged");
  tell(stage_.control(), "/secrets", {{"handle", "openai-key"}, {"value", kSecretValue}});
  const bool all = deploy("LlmProvider", "openai-provider", {{"secrets", {"openai-key"}}}) &&
                   deploy("LlmProxy", "docs-assistant", {{"providers", {"openai-provider"}}}) &&
                   deploy("RestApi", "petstore-v1.0") && deploy("Mcp", "weather-mcp") &&
                   deploy("WebSubApi", "order-events") && deploy("WebBrokerApi", "order-stream");
  const bool secret = wait_until([this] { return gateway_has("Secret", "openai-key"); });
  return screen_.check(secret, "the secret that a document names came before it") && all;
}

bool Story::keys_plans_and_subscriptions() {
  screen_.chapter("3  A key, a plan, a subscription, an application");
  const json key = tell(stage_.control(), "/keys", {{"artifact", "petstore-v1.0"}, {"name", "mobile-app"}});
  const json plan = tell(stage_.control(), "/plans", {{"handle", "gold"}});
  if (!key.is_object() || !plan.is_object()) return false;
  const json subscription = tell(
      stage_.control(), "/subscriptions",
      {{"artifact", "petstore-v1.0"}, {"plan", plan["id"]}, {"members", {{"subscriptionToken", kSubscriptionToken}}}});
  const json application =
      tell(stage_.control(), "/applications", {{"handle", "partner-app"}, {"keys", {key["uuid"]}}});
  if (!subscription.is_object() || !application.is_object()) return false;
  subscription_ = subscription["id"];
  const bool all = wait_until([&] {
    return gateway_has("ApiKey", key["uuid"]) && gateway_has("SubscriptionPlan", plan["id"]) &&
           gateway_has("Subscription", subscription_) && gateway_has("Application", application["applicationUuid"]);
  });
  wait_until([this] { return is_in_sync(); });
  show_news();
  screen_.figure("the gateway has " + std::to_string(gateway_lines().size()) + " resources; tetherd uses " +
                 std::to_string(stage_.tetherd().memory().rss_kb / 1024) + " MB");
  return screen_.check(all, "key, plan, subscription and application are with the gateway");
}

bool Story::both_die() {
  screen_.chapter("4  The control plane is killed, and the gateway restarted empty");
  std::vector<Happening> news{{wall_now(), Who::ControlPlane, "killed", "SIGKILL"}};
  stage_.kill_control_plane();
  const bool noticed = wait_until([this] { return at(stage_.status(), "control_plane", "state") == "reconnecting"; });
  // Only now, when nothing more can come from there: a list that was read meanwhile may have been pushed.
  wait_until([this] { return gateway_is_in_sync(); });
  gateway_before_ = gateway_lines();
  news.push_back({wall_now(), Who::Gateway, "killed", "SIGKILL"});
  stage_.kill_gateway();
  const Instant restarted = wall_now();
  if (!started(stage_.start_gateway())) return false;
  timeline_.gateway_is_new();
  news.push_back({restarted, Who::Gateway, "started", "a new process that knows nothing"});
  const bool configured = wait_until([this] { return gateway_lines() == gateway_before_; });
  const bool in_sync = wait_until([this] { return gateway_is_in_sync(); });
  Instant answered = wall_now();
  for (Happening& happening : timeline_.news()) {
    if (happening.who == Who::Gateway && happening.what == "replaced all") answered = happening.at;
    news.push_back(std::move(happening));
  }
  screen_.lines(std::move(news));
  if (!screen_.check(configured && in_sync,
                     "with the control plane dead, a gateway that lost everything has it again")) {
    return false;
  }
  screen_.figure("configured from the store in " + in_words(answered - restarted) +
                 ", its own start included: " + std::to_string(gateway_before_.size()) + " resources");
  const json status = stage_.status();
  if (!status.is_object()) return false;
  screen_.text("/status says: control plane " + at(status, "control_plane", "state").get<std::string>() + ", gateway " +
               at(status, "gateway", "state").get<std::string>() + ", in_sync " +
               (status.value("in_sync", true) ? "true" : "false"));
  return screen_.check(noticed && !status.value("in_sync", true),
                       "/status keeps the two apart: the gateway is in sync, the control plane is not there");
}

bool Story::changes_are_missed() {
  screen_.chapter("5  Meanwhile the control plane's users go on, and every event is lost");
  // Another process on the same database, at an address that tetherd does not know.
  if (!started(stage_.start_control_plane(peers::free_port()))) return false;
  tell(stage_.control(), "/faults", {{"drop_events", true}});
  const json redeployed = tell(stage_.control(), "/redeploy",
                               {{"artifact", "petstore-v1.0"},
                                {"document", sample("RestApi", "petstore-v1.0", "https://backend.example.com/v3")}});
  const json created = tell(stage_.control(), "/deploy", {{"kind", "RestApi"}, {"handle", "orders-v1.0"}});
  const json undeployed = tell(stage_.control(), "/undeploy", {{"artifact", "weather-mcp"}});
  const json rotated = tell(stage_.control(), "/secrets/rotate",
                            {{"handle", "openai-key"}, {"value", std::string(kSecretValue) + "-rotated"}});
  screen_.line({wall_now(), Who::ControlPlane, "redeploys", "petstore-v1.0 with another backend"});
  screen_.line({wall_now(), Who::ControlPlane, "deploys", "orders-v1.0"});
  screen_.line({wall_now(), Who::ControlPlane, "undeploys", "weather-mcp"});
  screen_.line({wall_now(), Who::ControlPlane, "rotates", "the secret openai-key"});
  stage_.kill_control_plane();
  return screen_.check(redeployed.is_object() && created.is_object() && undeployed.is_object() && rotated.is_object() &&
                           gateway_lines() == gateway_before_,
                       "nothing of that reached the gateway yet, and it went on with all it had");
}

bool Story::control_plane_returns() {
  screen_.chapter("6  The control plane is back");
  if (!started(stage_.start_control_plane())) return false;
  timeline_.control_plane_is_new();
  const Instant back = wall_now();
  screen_.line({back, Who::ControlPlane, "listens", stage_.url() + ", with its state file"});
  const bool connected =
      wait_until([this] { return at(stage_.status(), "control_plane", "state") == "connected"; }, 40s);
  const Instant connected_at = wall_now();
  const bool acknowledged = wait_until([this] {
    return is_acknowledged("petstore-v1.0", "DEPLOYED") && is_acknowledged("orders-v1.0", "DEPLOYED") &&
           is_acknowledged("weather-mcp", "UNDEPLOYED");
  });
  const bool in_sync = wait_until([this] { return is_in_sync(); }, 40s);
  const Instant in_sync_at = wall_now();
  show_news();
  screen_.text("(a control plane's new process sends the events of the last two minutes again: they change nothing)");
  if (!screen_.check(connected, "connected again without help, within 30 s")) return false;
  screen_.figure("connected after " + in_words(connected_at - back) + " (it waits for the back-off), in sync " +
                 in_words(in_sync_at - connected_at) + " later");
  screen_.check(acknowledged,
                "what was missed was found by listing, applied, and acknowledged: two deployed, one stopped");

  const json petstore = stage_.deployment("petstore-v1.0");
  const json line = ask(stage_.gateway_control(), "/resource?kind=RestApi&id=" + petstore.value("artifactId", ""));
  screen_.check(line.is_object() && line.value("document", "").find("/v3") != std::string::npos,
                "the gateway serves the new backend");
  const json secret = ask(stage_.gateway_control(), "/resource?kind=Secret&id=openai-key");
  screen_.check(at(secret, "data", "value") == std::string(kSecretValue) + "-rotated", "and has the rotated secret");
  return screen_.check(in_sync, "in sync, proven on both sides");
}

void Story::secrets_stay_secret() {
  const std::string seen = stage_.tetherd().all_output() + peers::admin_get(stage_.admin(), "/status").body +
                           peers::admin_get(stage_.admin(), "/metrics").body;
  bool clean = true;
  for (const char* secret : {kToken, kSecretValue, kSubscriptionToken}) {
    clean = clean && seen.find(secret) == std::string::npos;
  }
  screen_.check(clean, "no token and no secret in the log (at debug), in /status or in /metrics");
}

void Story::nobody_broke_a_rule() {
  bool clean = true;
  for (const std::string& address : {stage_.control(), stage_.gateway_control()}) {
    const json state = ask(address, "/state");
    if (!state.is_object()) clean = false;
    for (const json& violation : state.value("violations", json::array())) {
      screen_.text(violation.dump());
      clean = false;
    }
  }
  screen_.check(clean, "neither side has seen its protocol broken");
}

void Story::say_goodbye() {
  screen_.chapter("7  Goodbye");
  const TimePoint asked = Clock::now();
  stage_.tetherd().signal(SIGTERM);
  const auto status = stage_.tetherd().wait_for_exit(kStopLimit);
  show_news();
  screen_.check(status == 0, "stopped as asked, with a close frame and exit status 0, in " +
                                 in_words(std::chrono::nanoseconds(Clock::now() - asked)));
}

// ---- Steps ---------------------------------------------------------------------------------------------------------

bool Story::started(const Result<Done>& result) {
  if (!result) screen_.text(result.error().message);
  return result.has_value();
}

bool Story::deploy(const std::string& kind, const std::string& handle, const json& more) {
  if (std::exchange(deployed_, deployed_ + 1) > 0) screen_.gap();
  json body{{"kind", kind}, {"handle", handle}};
  body.update(more);
  if (!tell(stage_.control(), "/deploy", body).is_object()) return false;
  const bool acknowledged = wait_until([&] { return is_acknowledged(handle, "DEPLOYED"); });
  show_news();
  return screen_.check(acknowledged, kind + " " + handle + ": event, stored, pushed, acknowledged");
}

bool Story::is_acknowledged(const std::string& handle, const std::string& status) const {
  const json row = stage_.deployment(handle);
  return row.is_object() && row.value("status", "") == status;
}

bool Story::gateway_has(const std::string& kind, const std::string& id) const {
  for (const json& line : gateway_lines()) {
    if (line.value("kind", "") == kind && line.value("id", "") == id) return true;
  }
  return false;
}

bool Story::is_in_sync() const {
  const json status = stage_.status();
  return status.is_object() && status.value("in_sync", false);
}

bool Story::gateway_is_in_sync() const {
  return at(stage_.status(), "gateway", "state") == "in_sync";
}

json Story::gateway_lines() const {
  const json state = ask(stage_.gateway_control(), "/state");
  return state.is_object() ? state.value("lines", json::array()) : json::array();
}

void Story::show_news() {
  screen_.lines(timeline_.news());
}

}  // namespace tether::demo
