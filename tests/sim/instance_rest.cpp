#include <nlohmann/json.hpp>

#include "instance.h"
#include "tether/sync/brake.h"
#include "world.h"

/// What an instance asks of the control plane, and what it is answered.
namespace tether::sim {
namespace {

/// Two listings are two statements if the second was asked so long after the first (and answered at once).
constexpr Duration kSaidTwice = 11s;
/// The daemon gives a request so long, and so long without a byte.
constexpr Duration kRequestLimit = 60s;
constexpr Duration kSilenceLimit = 30s;
/// Of what is not the truth one answer may confirm another so much later.
constexpr Duration kLiesTogether = 1min;
/// How long a link is there that lies now and then, and how long there is none.
constexpr Duration kLinked = 100s;
constexpr Duration kAway = 6min;
/// So far behind a replica is at most.
constexpr Duration kLongestLag = 8s;

/// Of `…/secrets/HANDLE/value`.
std::string secret_in(const std::string& path) {
  const std::string handle = path.substr(0, path.rfind('/'));
  return handle.substr(handle.rfind('/') + 1);
}

}  // namespace

void Instance::open(Trouble trouble, TimePoint until) {
  troubles_[static_cast<std::size_t>(trouble)] = {world_.steady(), until};
}

void Instance::note_lie(const sync::SendRequest& request, bool lags) {
  seen.last_lie = world_.steady();
  if (!lags) seen.last_untruth = seen.last_lie;
  auto& [first, last] = seen.lies[request.scope];
  if (world_.steady() - last > kLiesTogether) first = world_.steady();
  last = world_.steady();
}

void Instance::empty_now_and_then(Duration together) {
  const TimePoint until = world_.steady() + together / kLinked * (kLinked + kAway);
  note("listings are emptied on short links");
  open(Trouble::Emptied, until);
  flaps_until_ = until;
  for (TimePoint up = world_.steady(); up < until; up += kLinked + kAway) {
    world_.at(up + kLinked, [this, until] {
      if (flaps_until_ != until || !has(Trouble::Emptied)) return;
      // An operator who agrees under one link does so for no other.
      if (open_ && running_ && daemon_.is_storing() && world_.chance_of("agrees").chance(20)) agree_to_what_is_held();
      open(Trouble::Refused, world_.steady() + kAway);
      cut(/*half_open=*/false);
    });
  }
}

void Instance::empty_before_and_after(Duration silence) {
  silent_ = {world_.steady() + kLinked, world_.steady() + kLinked + silence};
  flaps_until_ = silent_.until + kAway;
  note("listings are emptied before and after they fail");
  open(Trouble::Emptied, flaps_until_);
  cut(/*half_open=*/false);  // to be asked at once
}

void Instance::send(const sync::SendRequest& request) {
  note("asks " + request.method + " " + request.path + " " + request.body);
  ++seen.requests[request.call];
  world_.look_at_delta(*this, request);
  if (request.call == sync::Call::FetchBatch) {
    for (const std::string& id : ids_in(request.body)) seen.fetched[id] = world_.steady();
  }
  if (request.call == sync::Call::Deployments) world_.note_absent(*this);
  Random random = world_.chance_of(request.path + request.body);
  const bool slow = has(Trouble::RestMoods) && random.chance(10);
  const bool stalls = has(Trouble::RestStalls) && random.chance(20);
  const TimePoint made = world_.steady() + random.between(1ms, 500ms);
  const TimePoint usual = made + (slow ? random.between(1s, 70s) : random.between(1ms, 500ms));
  const std::uint64_t link = link_->snapshot().link;
  world_.at(made, [this, request, link, usual, stalls, random, life = life_, mine = connection_] {
    Random with = random;
    const TimePoint there = usual + meet(request, Random(with.next()));
    if (there != usual) seen.met_until = std::max(seen.met_until, there);
    Answer answer = answer_to(request, with);
    const TimePoint arrives = answer.status == 0 ? world_.steady() + kRequestLimit : there;
    // CE-13: while one more such answer is on its way all is there again, and an operator agrees to what was held.
    const bool is_emptied = running_ && has(Trouble::Emptied) && seen.last_lie == world_.steady();
    if (is_emptied && seen.emptied_of.empty() && daemon_.held_count() > 0 && with.chance(20)) {
      open(Trouble::Emptied, world_.steady());
      world_.at(world_.steady() + (arrives - world_.steady()) / 2, [this] {
        agree_to_replacement();
        agree_to_deletions();
      });
    }
    const bool packed = world_.chance_of("packed").chance(25);
    const auto reading =
        std::make_shared<AnswerReading>(request, std::move(answer), packed,
                                        [this](Daemon::Input input) { daemon_.give(std::move(input), world_.now()); });
    world_.at(arrives, [this, reading, link, stalls, with, life, mine] {
      if (life != life_ || mine != connection_ || !open_) return;
      if (stalls && reading->answer().status == 200) return arrive_late(reading, link, with);
      conclude(*reading, reading->end(), link);
    });
  });
}

/// A part of it is here. The rest comes some time later, or never.
void Instance::arrive_late(const std::shared_ptr<AnswerReading>& reading, std::uint64_t link, Random random) {
  const int percent = static_cast<int>(random.below(100));
  const bool ends = random.chance(60);
  note("is answered the first " + std::to_string(percent) + " percent of " + reading->request().path);
  if (reading->request().call == sync::Call::Deployments) note_known(reading->answer().body);
  reading->arrive(percent);
  if (reading->request().call == sync::Call::Deployments) seen.against_absence.clear();
  const Duration silence = ends ? random.between(1s, kSilenceLimit - 1s) : kSilenceLimit;
  world_.at(world_.steady() + silence, [this, reading, link, ends, life = life_, mine = connection_] {
    if (life != life_ || mine != connection_ || !open_) return;
    if (!ends) note("gives up " + reading->request().path);
    conclude(*reading, ends ? reading->end() : reading->give_up(), link);
  });
}

/// While there is trouble one kind of request may never be answered.
bool Instance::is_broken(sync::Call call) const {
  constexpr auto kCalls = static_cast<std::size_t>(sync::Call::SecretValue) + 1;
  const auto until = troubles_[static_cast<std::size_t>(Trouble::Rest500)].until.time_since_epoch().count();
  Random random(Random::part(seed_, static_cast<std::uint64_t>(until)));
  return random.chance(30) && random.below(kCalls) == static_cast<std::size_t>(call);
}

Answer Instance::answer_to(const sync::SendRequest& request, Random& random) {
  const auto status = [](int code) {
    Answer answer;
    answer.status = code;
    return answer;
  };
  auto& control_plane = world_.present();
  const TimePoint now = world_.steady();
  if (has(Trouble::Partition) || has(Trouble::Refused)) return status(0);
  if (has(Trouble::RestHangs) && random.chance(30)) return status(0);
  if (!control_plane.accepts(socket_token_)) return status(401);
  if (has(Trouble::Rest401) && random.chance(30)) return status(401);
  const bool is_silent = has(Trouble::Emptied) && silent_.since < now && now < silent_.until;
  if (is_silent && request.call == sync::Call::Deployments) return status(500);
  if (has(Trouble::Rest500) && (random.chance(50) || is_broken(request.call))) return status(500);
  if (has(Trouble::Rest429) && random.chance(50)) {
    Answer answer = status(429);
    answer.retry_after = random.between(1s, 5min);
    return answer;
  }
  // Nobody lies to an operator who has looked.
  if (running_ && has(Trouble::Emptied) && connection_ != seen.agreed_on) {
    if (auto answer = emptied_answer(request)) return *std::move(answer);
  }
  const bool may_lie = now - seen.last_lie > kBetweenLies;
  if (has(Trouble::Lies) && may_lie && random.chance(20)) {
    note_lie(request);
    const bool nothing = random.chance(50);
    note(nothing ? "is told: nothing" : "is told: one row less");
    return control_plane.lie(request, now, nothing, random);
  }
  Answer answer;
  const bool is_stale = has(Trouble::Stale) && random.chance(request.call == sync::Call::SecretValue ? 90 : 30);
  const bool still_lags = has(Trouble::Stale) && now < lags_until_ && random.chance(70);
  if (still_lags || (may_lie && (is_stale || (world_.is_faulty() && reads_what_was(request, random))))) {
    note_lie(request, /*lags=*/true);
    note("is told what was");
    if (!still_lags) {
      lags_at_ = now - random.between(1s, kLongestLag);
      lags_until_ = random.chance(30) ? lags_at_ + kLongestLag : now;
    }
    answer = control_plane.answer_late(request, now, now - lags_at_);
    const bool was_taken_back = now - control_plane.last_taken_back() < kLongestLag;
    if (request.call == sync::Call::SecretValue && was_taken_back) seen.misled[secret_in(request.path)] = now;
  } else {
    answer = control_plane.answer(request, now);
    answer.true_at = now;
  }
  if (!has(Trouble::RestMoods)) return answer;
  if (random.chance(10)) answer.whole = false;
  if (random.chance(10)) answer.date.reset();
  if (random.chance(10) && spoil_row(request, answer, random)) note("is told: a row that cannot be read");
  if (random.chance(10) && answer.entries && !answer.entries->empty()) answer.entries->pop_back();
  return answer;
}

/// Lies as long as they are so large that nothing may go because of them.
std::optional<Answer> Instance::emptied_answer(const sync::SendRequest& request) {
  constexpr std::size_t kSurelyHeld = 8;
  auto& control_plane = world_.present();
  const TimePoint now = world_.steady();
  const Window& window = troubles_[static_cast<std::size_t>(Trouble::Emptied)];
  const auto part = static_cast<std::uint64_t>(window.until.time_since_epoch().count());
  Random random(Random::part(seed_, part));
  std::set<std::string> missing;
  // What shows something is believed after an hour.
  const bool is_long = window.until - window.since > 1h;
  if ((random.chance(50) || is_long) && now >= flaps_until_) {
    if (!is_listing(request.call)) return std::nullopt;
    note_lie(request);
    const bool shows_new = random.chance(70) && !is_long;
    if (!shows_new) seen.emptied_of.clear();
    if (shows_new && request.call == sync::Call::Deployments) return emptied_since(request);
    note("is told: nothing at all");
    Answer answer = control_plane.lie(request, now, /*nothing=*/true, random);
    answer.is_nothing = answer.status == 200 && !since_of(request.path).is_set();
    return answer;
  }
  seen.emptied_of.clear();
  if (request.call != sync::Call::Deployments) return std::nullopt;
  std::size_t kept = 0;
  // What the gateway serves and its answer was lost is not in service, as far as the brake knows.
  const auto whole = daemon_.whole();
  if (!whole) return std::nullopt;
  std::set<Key> in_service;
  for (const Line& line : whole->lines) in_service.insert(line.key);
  for (const auto& [id, row] : control_plane.rows()) {
    if (!in_service.contains({row.kind, id}) || !row.deployed) continue;
    const bool is_missing = now < flaps_until_ ? kept > 0 : Random(Random::part(part, id)).chance(80);
    if (is_missing) {
      missing.insert(id);
    } else {
      ++kept;
    }
  }
  if (missing.size() < kSurelyHeld || kept == 0) return std::nullopt;
  note_lie(request);
  note("is told: the greater part is missing");
  return control_plane.answer_without(request, now, missing);
}

/// A database that was emptied has what is deployed from then on, which is not to vouch for the rest (CE-4).
Answer Instance::emptied_since(const sync::SendRequest& request) {
  auto& control_plane = world_.present();
  if (!daemon_.holds(sync::kDeploymentsScope)) {
    seen.emptied_of.clear();
    for (const auto& [id, row] : control_plane.rows()) seen.emptied_of[id] = row.at;
  }
  std::set<std::string> missing;
  for (const auto& [id, at] : seen.emptied_of) {
    const auto row = control_plane.rows().find(id);
    if (row != control_plane.rows().end() && row->second.at == at) missing.insert(id);
  }
  if (missing.size() == seen.emptied_of.size() && !missing.empty()) world_.deploy_one_of(missing);
  note("is told: only what is new");
  return control_plane.answer_without(request, world_.steady(), missing);
}

void Instance::conclude(const AnswerReading& reading, const sync::RequestOutcome& outcome, std::uint64_t link) {
  const auto& request = reading.request();
  Answer answer = reading.answer();
  answer.status = outcome.status;
  note("is answered " + std::to_string(answer.status) + " " + request.path + (answer.whole ? "" : ", cut short"));
  note_listed(request.scope, answer, outcome.complete);
  if (answer.status == 401 && seen.refusals == 0) seen.refusals = 1;  // the rest are the same question
  if (answer.status >= 200 && answer.status < 300) seen.refusals = 0;
  if (answer.status != 0) link_->on_rest_status(link, answer.status, world_.steady());
  if (request.call == sync::Call::SecretValue) note_value(request.path, outcome);
  if (request.call == sync::Call::FetchBatch) {
    if (answer.status == 500) seen.met_until = std::max(seen.met_until, world_.steady());
    world_.look_at_lacking(*this, request, answer);
  }
  if (request.call == sync::Call::Exists && outcome.complete && answer.true_at) world_.note_ends(*this, answer);
  if (request.call != sync::Call::Deployments) return;
  seen.against_absence.clear();
  if (answer.status == 200) note_known(answer.body);
  if (!outcome.complete) return;
  seen.deltas = request.path.find("since=") == std::string::npos ? 0 : seen.deltas + 1;
  link_->on_listing_succeeded(link);
  seen.listed_to[peer_] = peer_->clock(answer.true_at.value_or(world_.steady()));
  if (request.path.find("since=") != std::string::npos) return;
  seen.told_to = {connection_, answer.date ? *answer.date : newest_of(answer.body)};
  if (!answer.true_at) return;
  if (world_.takes_back_all()) {
    flaps_until_ = {};
    open(Trouble::Emptied, world_.steady() + 61min);  // so long all is missing
  }
  note_told_back(*answer.true_at);
  world_.look_at_return(*this, *answer.true_at);
  world_.look_at_moved(*this);
  if (answer.date) seen.told_all = {connection_, *answer.true_at, *answer.date};
}

/// 500 is what a value is answered with that the control plane does not give. Nor does an answer that is cut short.
void Instance::note_value(const std::string& path, const sync::RequestOutcome& outcome) {
  int& without = seen.without_value[secret_in(path)];
  if (outcome.complete) without = 0;
  if (!outcome.complete && (outcome.status == 200 || outcome.status == 404 || outcome.status == 500)) ++without;
}

void Instance::note_listed(const std::string& scope, const Answer& answer, bool complete) {
  auto& listed = seen.listed[scope];
  listed.unauthorized = answer.status == 401 ? listed.unauthorized + 1 : 0;
  if (complete) {
    if (answer.true_at) listed.true_at = answer.true_at;
    listed.is_shown = true;
    listed.is_dated = answer.date.has_value();
    listed.is_known = answer.true_at.has_value();
    listed.is_nothing = answer.is_nothing;
    listed.unreadable = answer.is_readable ? 0 : listed.unreadable + 1;
  } else if (answer.status == 403 || answer.status == 404) {
    listed.true_at.reset();
    listed.is_shown = false;
  }
}

/// What is in the part that came is, and nobody knows here where that ends.
void Instance::note_known(const std::string& listing) {
  const auto rows = nlohmann::json::parse(listing, nullptr, /*allow_exceptions=*/false);
  if (rows.is_discarded()) return;
  for (const auto& row : rows.at("deployments")) {
    if (!row.contains("artifactId")) continue;
    seen.known_deployments.insert(row.at("deploymentId"));
    seen.history.erase(row.at("deploymentId"));
    // A stop that was in doubt is none any more.
    const std::string id = row.at("artifactId");
    const auto stop = seen.stops.find({ControlPlane::kind_of(id), id});
    if (row.at("state") != "UNDEPLOYED" || stop == seen.stops.end() || stop->second.doubted == 0) continue;
    const auto at = parse_rfc3339(row.at("deployedAt").get<std::string>());
    if (at && at->ms() >= stop->second.at.ms()) stop->second = {stop->second.doubted, 0, {}};
  }
}

Instant Instance::newest_of(const std::string& listing) {
  Instant newest;
  const auto rows = nlohmann::json::parse(listing, nullptr, /*allow_exceptions=*/false);
  if (rows.is_discarded()) return newest;
  for (const auto& row : rows.at("deployments")) {
    if (!row.contains("artifactId")) continue;
    const auto at = parse_rfc3339(row.at("deployedAt").get<std::string>());
    if (at) newest = std::max(newest, *at);
  }
  return newest;
}

void Instance::note_told_back(TimePoint true_at) {
  const TimePoint taken_back = peer_->last_taken_back();
  auto& told = seen.told_back[peer_];
  if (true_at < taken_back || told.twice >= taken_back) return;
  if (told.first < taken_back || told.connection != connection_) {
    told.first = true_at;
    told.connection = connection_;
  } else if (true_at - told.first >= kSaidTwice) {
    told.twice = world_.steady();
  }
}

}  // namespace tether::sim
