#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "tether/protocol/kinds.h"
#include "tether/store/connection.h"

namespace tether::sync::test {
namespace {

constexpr Instant kBegin{1'787'396'400'000'000'000};  // 2026-08-22T11:00:00Z
constexpr TimePoint kStart{std::chrono::hours(1)};

std::string text_of(Instant at) {
  return format_rfc3339_ms(at);
}

/// Whole seconds, as a `Date` header has them.
Instant second_of(Instant at) {
  return {at.ns / 1'000'000'000 * 1'000'000'000};
}

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}

void collect_strings(const nlohmann::json& value, std::vector<std::string>& out) {
  if (value.is_string()) out.push_back(value.get<std::string>());
  if (value.is_structured()) {
    for (const auto& member : value) collect_strings(member, out);
  }
}

}  // namespace

std::vector<std::string> ids_in(const std::string& body) {
  std::vector<std::string> ids;
  collect_strings(nlohmann::json::parse(body), ids);
  return ids;
}

World::World(EngineOptions options) : options_(std::move(options)), wall_(kBegin) {
  std::string name = (std::filesystem::temp_directory_path() / "tether-sync-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  folder_path_ = name;
  auto folder = store::StateFolder::take(folder_path_ / "state");
  REQUIRE(folder);
  folder_ = std::move(*folder);
  if (!options_.new_epoch) options_.new_epoch = [this] { return "epoch-" + std::to_string(++epochs_); };
  restart();
}

World::~World() {
  store_.reset();
  folder_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_path_, ignored);
}

void World::restart() {
  store_.reset();
  store::StoreOptions options;
  options.durable = false;
  options.key = Secret(std::string(32, store_key));
  store_ = store::Store::open(*folder_, options);
  requests.clear();
  engine_ = std::make_unique<Engine>(options_, /*seed=*/7);
  const std::string epoch = "epoch-" + std::to_string(++epochs_);
  transact([&epoch](Records& records) { records.begin_epoch(epoch); });
  with([this](Engine& engine, Records& records) { engine.on_gateway_presence(records, instance, now()); });
}

void World::transact(const std::function<void(Records&)>& work) {
  const auto done = store_->transact(work);
  if (!done) FAIL(done.error().message);
}

void World::with(const std::function<void(Engine&, Records&)>& input) {
  transact([this, &input](Records& records) { input(*engine_, records); });
  carry_out();
}

void World::carry_out() {
  for (const Command& command : engine_->take_commands()) {
    if (const auto* request = std::get_if<SendRequest>(&command)) {
      requests.push_back(*request);
      asked.push_back(request->method + " " + request->path);
      bodies.push_back(request->body);
    } else if (const auto* frame = std::get_if<SendFrame>(&command)) {
      const auto json = nlohmann::json::parse(frame->text);
      const auto& payload = json.at("payload");
      acks.push_back({payload.at("artifactId"), payload.at("deploymentId"), payload.at("action"), payload.at("status"),
                      payload.at("performedAt")});
    } else if (const auto* ping = std::get_if<SendPing>(&command)) {
      pings.push_back(ping->token);
    } else if (const auto* note = std::get_if<Note>(&command)) {
      notes.push_back(note->message);
    }
  }
}

Instant World::cp_now() const {
  return kBegin + std::chrono::duration_cast<std::chrono::nanoseconds>(steady_ - kStart);
}

void World::wake() {
  with([this](Engine& engine, Records& records) { engine.on_deadline(records, now()); });
}

void World::run(Duration time) {
  const TimePoint end = steady_ + time;
  for (int turns = 0;; ++turns) {
    REQUIRE(turns < 100'000);
    const auto next = engine_->next_deadline(steady_);
    const TimePoint at = next ? std::max(*next, steady_) : end;
    if (at > end) break;
    wall_ = wall_ + std::chrono::duration_cast<std::chrono::nanoseconds>(at - steady_);
    const bool stuck = at == steady_ && turns > 1000;
    REQUIRE_FALSE(stuck);  // a deadline that never passes
    steady_ = at;
    wake();
    if (steady_ == end) return;
  }
  wall_ = wall_ + std::chrono::duration_cast<std::chrono::nanoseconds>(end - steady_);
  steady_ = end;
}

void World::serve_for(Duration time) {
  const TimePoint end = steady_ + time;
  serve();
  while (steady_ < end) {
    const auto next = engine_->next_deadline(steady_);
    const TimePoint at = std::min(end, next ? std::max(*next, steady_ + 1ms) : end);
    run(at - steady_);
    serve();
  }
}

Deployment World::deploy(const std::string& id, const std::string& deployment_id, const std::string& kind) {
  Deployment deployment{kind, id, deployment_id, /*deployed=*/true, cp_now()};
  deployment.at_text = text_of(deployment.at);
  deployments[id] = deployment;
  artifacts.insert(id);
  return deployment;
}

Deployment World::undeploy(const std::string& id) {
  Deployment& deployment = deployments.at(id);
  deployment.deployed = false;
  deployment.at = cp_now();
  deployment.at_text = text_of(deployment.at);
  return deployment;
}

void World::clear() {
  deployments.clear();
  artifacts.clear();
  keys.clear();
  plans.clear();
  subscriptions.clear();
  secrets.clear();
}

void World::remove(const std::string& id) {
  deployments.erase(id);
  artifacts.erase(id);
}

protocol::ResourceState World::key(const std::string& id, const std::string& artifact_id, const std::string& name,
                                   Instant updated_at, const std::string& display) {
  protocol::ResourceState state;
  state.kind = protocol::kApiKey;
  state.id = id;
  state.artifact_id = artifact_id;
  state.name = name;
  state.updated_at = updated_at;
  state.data = R"({"uuid":")" + id + R"(","name":")" + name + R"(","artifactUuid":")" + artifact_id +
               R"(","maskedApiKey":")" + display + R"(","status":"active"})";
  return state;
}

protocol::ResourceState World::plan(const std::string& id) {
  protocol::ResourceState state;
  state.kind = protocol::kSubscriptionPlan;
  state.id = id;
  state.name = id;
  state.data = R"({"id":")" + id + R"("})";
  return state;
}

protocol::ResourceState World::subscription(const std::string& id, const std::string& api, const std::string& plan) {
  protocol::ResourceState state;
  state.kind = protocol::kSubscription;
  state.id = id;
  state.artifact_id = api;
  if (!plan.empty()) state.references = {plan};
  state.data = R"({"id":")" + id + R"(","subscriptionPlanId":")" + plan + R"("})";
  return state;
}

void World::open_link() {
  requests.clear();
  with([this](Engine& engine, Records& records) { engine.on_link_up(records, now()); });
}

void World::ack_link(const std::string& gateway_id) {
  const protocol::ConnectionAck ack{gateway_id, "connection", second_of(cp_now())};
  const TimePoint came = steady_;
  steady_ += ack_waits;
  with([&](Engine& engine, Records& records) { engine.on_connection_ack(records, ack, came, now()); });
}

void World::link_up(const std::string& gateway_id) {
  open_link();
  ack_link(gateway_id);
}

void World::link_down() {
  with([this](Engine& engine, Records& records) { engine.on_link_down(records, now()); });
  requests.clear();
}

void World::event(const std::string& type, protocol::EventBody body, const std::string& correlation_id) {
  protocol::Event event;
  event.type = type;
  event.correlation_id = correlation_id.empty() ? "c-" + std::to_string(++correlation_) : correlation_id;
  event.at = second_of(cp_now());
  event.body = std::move(body);
  with([this, &event](Engine& engine, Records& records) { engine.on_event(records, event, now()); });
}

void World::event(const Deployment& d) {
  const auto* kind = protocol::find_kind(d.kind);
  const std::string type = std::string(kind->event_prefix) + (d.deployed ? ".deployed" : ".undeployed");
  event(type, protocol::DeploymentChanged{d.kind, d.id, d.deployment_id, d.deployed, d.at, d.at_text});
}

void World::deleted_event(const std::string& id, const std::string& kind) {
  event(std::string(protocol::find_kind(kind)->event_prefix) + ".deleted", protocol::ArtifactDeleted{kind, id});
}

void World::pong() {
  if (pings.empty()) return;
  with([this](Engine& engine, Records& records) { engine.on_pong(records, pings.back(), now()); });
}

bool World::awaits(Call call) const {
  return std::any_of(requests.begin(), requests.end(),
                     [call](const SendRequest& request) { return request.call == call; });
}

SendRequest World::take_request(Call call) {
  const auto found = std::find_if(requests.begin(), requests.end(),
                                  [call](const SendRequest& request) { return request.call == call; });
  INFO("call " << name_of(call));
  REQUIRE(found != requests.end());
  const SendRequest request = *found;
  requests.erase(found);
  return request;
}

void World::done(const SendRequest& request, int status, bool complete) {
  RequestOutcome outcome;
  outcome.status = status;
  outcome.complete = complete;
  outcome.rows_rejected = request.call == Call::Deployments ? rows_rejected : unreadable.count(request.scope);
  if (status != 0) outcome.date = second_of(cp_now());
  with([&](Engine& engine, Records& records) { engine.on_done(records, request.number, outcome, now()); });
}

void World::answer(const SendRequest& request) {
  for (const std::string& name : {request.scope, std::string(name_of(request.call))}) {
    if (statuses.contains(name)) return done(request, statuses.at(name), /*complete=*/false);
  }
  const auto rest = request.scope.substr(request.scope.find('/') + 1);
  std::vector<protocol::DeploymentRow> rows;
  std::vector<protocol::ResourceState> states;
  std::vector<protocol::Existence> existences;
  std::vector<Document> documents;
  std::string value;
  bool listed = false;
  switch (request.call) {
    case Call::Deployments:
      listed = true;
      for (const auto& [id, d] : deployments) {
        rows.push_back({d.kind, d.id, d.deployment_id, d.deployed, d.at, d.at_text});
      }
      break;
    case Call::Keys:
      for (const auto& [id, key] : keys) {
        const auto owner = deployments.find(key.artifact_id);
        if (owner != deployments.end() && owner->second.kind == rest && owner->second.deployed) states.push_back(key);
      }
      break;
    case Call::Plans:
      for (const auto& [id, plan] : plans) states.push_back(plan);
      break;
    case Call::Subscriptions:
      for (const auto& [id, subscription] : subscriptions) {
        if (subscription.artifact_id == rest) states.push_back(subscription);
      }
      break;
    case Call::Secrets:
      for (const auto& [handle, secret] : secrets) {
        protocol::ResourceState state;
        state.kind = protocol::kSecret;
        state.id = state.name = handle;
        state.hash = secret.first;
        state.references = {"GENERIC"};
        states.push_back(state);
      }
      break;
    case Call::FetchBatch:
      for (const std::string& id : ids_in(request.body)) {
        for (const auto& [artifact_id, d] : deployments) {
          if (d.deployment_id != id || d.unavailable) continue;
          Document document{id, artifact_id, "document " + id, "handle-" + artifact_id, {}, {}, ""};
          document.secrets = needs_secrets[id];
          document.providers = needs_providers[id];
          documents.push_back(document);
        }
      }
      break;
    case Call::Exists:
      for (const std::string& id : ids_in(request.body)) existences.push_back({id, artifacts.contains(id)});
      break;
    case Call::SecretValue: {
      const std::string handle = request.path.substr(9, request.path.size() - 9 - 6);  // /secrets/…/value
      if (!secrets.contains(handle)) return done(request, 404, /*complete=*/false);
      value = secrets.at(handle).second;
      break;
    }
    case Call::Manifest:
    case Call::HmacSecrets:
      break;
  }
  with([&](Engine& engine, Records& records) {
    if (listed) engine.on_deployment_rows(records, request.number, rows, now());
    if (!states.empty()) engine.on_resource_rows(records, request.number, states, now());
    if (!documents.empty()) engine.on_documents(records, request.number, documents, now());
    if (!existences.empty()) engine.on_existences(records, request.number, existences, now());
    if (!value.empty()) engine.on_secret_value(records, request.number, value, now());
  });
  done(request, 200, /*complete=*/true);
}

void World::serve() {
  for (int turns = 0; !requests.empty(); ++turns) {
    REQUIRE(turns < 10'000);  // asks the same without end
    const SendRequest request = requests.front();
    requests.erase(requests.begin());
    answer(request);
  }
}

void World::settle() {
  if (!engine_->memory().up) link_up();
  serve();
  push();
  pong();
  run(3s);
}

void World::relist() {
  if (now().steady < relisted_ + kRoundsApart) run(relisted_ + kRoundsApart - now().steady);
  relisted_ = now().steady;
  with([this](Engine& engine, Records& records) { engine.on_events_lost(records, now()); });
}

std::size_t World::count_asked(const std::string& prefix) const {
  return static_cast<std::size_t>(std::count_if(
      asked.begin(), asked.end(), [&prefix](const std::string& line) { return starts_with(line, prefix); }));
}

std::int64_t World::start_push() {
  const auto marks = read<Marks>([](Records& records) { return records.marks(); });
  const auto epoch = read<std::string>([](Records& records) { return records.epoch(); });
  const auto revision = read<std::int64_t>([](Records& records) { return records.revision(); });
  out_ = {++pushes_, instance, epoch, marks.answered.instance == instance ? marks.answered.revision : 0, revision, {}};
  engine_->on_push_started(out_.push, out_.after, out_.up_to);
  return out_.push;
}

std::int64_t World::read_push_body() {
  auto body = store_->push_body({.full = false, .after = out_.after, .up_to = out_.up_to});
  REQUIRE(body.has_value());
  std::int64_t lines = 0;
  for (auto line = (*body)->next(); line && *line; line = (*body)->next()) ++lines;
  CHECK(lines == (*body)->count());
  return lines;
}

void World::answer_push(std::int64_t push, const std::vector<protocol::RejectedLine>& rejected) {
  REQUIRE(push == out_.push);
  out_.rejected = rejected;
  with([this](Engine& engine, Records& records) { engine.on_push_answered(records, out_, now()); });
}

void World::push(const std::vector<protocol::RejectedLine>& rejected) {
  answer_push(start_push(), rejected);
}

void World::restart_gateway(const std::string& name) {
  instance = name;
  with([this](Engine& engine, Records& records) { engine.on_gateway_presence(records, instance, now()); });
}

std::optional<Artifact> World::artifact(const std::string& id) {
  return read<std::optional<Artifact>>([&id](Records& records) { return records.artifact(id); });
}

std::optional<Resource> World::resource(const std::string& kind, const std::string& id) {
  return read<std::optional<Resource>>([&](Records& records) { return records.resource(kind, id); });
}

std::string World::offered(const std::string& artifact_id) {
  const auto found = artifact(artifact_id);
  return found ? found->offering.offered.body : "";
}

std::string World::staged(const std::string& artifact_id) {
  return read<std::string>([&artifact_id](Records& records) {
    if (records.staged_gateway_id().empty()) return std::string();
    records.work_on(Side::Staged);
    const auto found = records.artifact(artifact_id);
    records.work_on(Side::Served);
    return found ? found->offering.offered.body : std::string();
  });
}

std::string World::offered(const std::string& kind, const std::string& id) {
  const auto found = resource(kind, id);
  if (!found || !found->offering.offered.is_set()) return "";
  return read<std::string>([&](Records& records) {
    const auto body = records.body({kind, id}, found->offering.offered.body);
    return body ? body->document : std::string("(no body)");
  });
}

Instant World::timestamp(const std::string& type) {
  const auto all =
      read<std::vector<std::pair<std::string, Instant>>>([](Records& records) { return records.event_timestamps(); });
  for (const auto& [name, at] : all) {
    if (name == type) return at;
  }
  return {};
}

std::set<std::string> World::held() {
  std::set<std::string> ids;
  const auto overview = store_->overview();
  if (!overview) FAIL(overview.error().message);
  for (const auto& resource : overview->held) ids.insert(resource.id);
  return ids;
}

void World::release(const std::string& scope, std::optional<Hold> shown) {
  if (!shown) shown = hold(scope);
  REQUIRE(shown);
  const ShownHold agreed{shown->scope, shown->noted};
  with([this, &agreed](Engine& engine, Records& records) { engine.on_release_deletions(records, {agreed}, now()); });
}

namespace {

std::int64_t count_in(const std::filesystem::path& folder, const std::string& sql, const std::string& argument) {
  const auto raw = store::Connection::open((folder / "state" / "tetherd.db").string(), {store::Access::Read});
  if (!raw) FAIL(raw.error().message);
  return (*raw)->number(sql, argument);
}

}  // namespace

std::int64_t World::outbox(const std::string& gateway_id) {
  return count_in(folder_path_,
                  "SELECT count(*) FROM outbox o JOIN identities i ON i.identity = o.identity WHERE "
                  "iif(?1 = '', i.serving = 1, i.gateway_id = ?1)",
                  gateway_id);
}

std::int64_t World::known_identities() {
  return count_in(folder_path_, "SELECT count(*) FROM identities WHERE gateway_id <> ?1", "");
}

void World::move_to(const std::string& address) {
  options_.address = address;
  restart();
}

std::optional<Hold> World::hold(const std::string& scope) {
  return read<std::optional<Hold>>([&scope](Records& records) { return records.hold(scope); });
}

}  // namespace tether::sync::test
