#include "daemon.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "tether/base/check.h"
#include "tether/sync/brake.h"

namespace tether::sim {
namespace {

constexpr std::size_t kMaxLines = 2'000;

std::filesystem::path new_folder() {
  const std::filesystem::path memory("/dev/shm");
  const auto parent = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  std::string name = (parent / "tether-sim-XXXXXX").string();
  check(::mkdtemp(name.data()) != nullptr, "a folder for the store");
  return name;
}

}  // namespace

Daemon::Daemon(std::uint32_t seed, sync::EngineOptions options)
    : seed_(seed), options_(std::move(options)), folder_path_(new_folder()), footing_([this] { return new_epoch(); }) {
  options_.new_epoch = [this] { return new_epoch(); };
  auto folder = store::StateFolder::take(folder_path_ / "state");
  check(folder.has_value(), "the state folder is ours");
  folder_ = std::move(*folder);
  database_ = (folder_->path() / "tetherd.db").string();
}

Daemon::~Daemon() {
  store_.reset();
  folder_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_path_, ignored);
}

void Daemon::kill() {
  disk_.kill();
  store_.reset();
}

void Daemon::cut_power(const std::function<bool()>& keeps) {
  disk_.cut_power(keeps);
  store_.reset();
}

void Daemon::spoil_store() {
  // The log would mend the pages that it holds.
  spoil_log();
  disk_.spoil(database_, /*at=*/0, /*count=*/100);
}

void Daemon::spoil_log() {
  disk_.spoil(database_ + "-wal", /*at=*/0, /*count=*/32);
}

void Daemon::restart(sync::Now now) {
  if (store_) kill();
  store::StoreOptions options;
  options.files = &disk_;
  options.key = Secret(std::string(31, 'k') + static_cast<char>('a' + key_));
  store_ = store::Store::open(*folder_, options);
  notes_seen_ = 0;
  anew_ = lost_ = false;
  read_notes();
  engine_ = std::make_unique<sync::Engine>(options_, ++seed_);
  busy_until_ = now.steady;
  courier_.reset();
  waiting_.clear();
  events_ = 0;
  events_lost_ = false;
  batch_.clear();
  presence_ = nullptr;
  verdict_ = nullptr;
  footing_ = delivery::Footing([this] { return new_epoch(); });
  store_lost_ = false;
  links_lost_ = links_lost_known_ = 0;
  linked_ = false;
  in_sync_ = settled_ = false;
  commands_.clear();
  begin_epoch();
  settle(now);
}

void Daemon::read_notes() {
  using What = store::OpenedNote::What;
  const auto& notes = store_->opened_notes();
  for (; notes_seen_ < notes.size(); ++notes_seen_) {
    const What what = notes[notes_seen_].what;
    if (what == What::StartedAnew) anew_ = begun_anew_ = true;
    if (what == What::ContentLost) lost_ = content_lost_ = true;
  }
}

bool Daemon::is_later_epoch(const std::string& epoch, const std::string& than) {
  return std::pair(epoch.size(), epoch) > std::pair(than.size(), than);
}

void Daemon::begin_epoch() {
  batch_.push_back([this](sync::Engine&, sync::Records& records, sync::Now) {
    records.begin_epoch(footing_.epoch_to_begin(records.revision()));
  });
}

void Daemon::give(Input input, sync::Now now) {
  waiting_.push_back(std::move(input));
  if (now.steady >= busy_until_ && is_busy_for_) busy_until_ = now.steady + is_busy_for_(now.steady);
  if (now.steady >= busy_until_) settle(now);
}

void Daemon::event(protocol::Event event, sync::Now now) {
  if (has_room()) {
    ++events_;
    give([event = std::move(event)](sync::Engine& engine, sync::Records& records,
                                    sync::Now at) { engine.on_event(records, event, at); },
         now);
  } else if (!std::exchange(events_lost_, true)) {
    give(
        [this](sync::Engine& engine, sync::Records& records, sync::Now at) {
          events_lost_ = false;
          engine.on_events_lost(records, at);
        },
        now);
  }
}

void Daemon::link_up(sync::Now now) {
  linked_ = true;
  give([](sync::Engine& engine, sync::Records& records, sync::Now at) { engine.on_link_up(records, at); }, now);
}

void Daemon::link_down(sync::Now now) {
  linked_ = false;
  const std::uint64_t lost = ++links_lost_;
  in_sync_ = settled_ = false;
  give(
      [this, lost](sync::Engine& engine, sync::Records& records, sync::Now at) {
        engine.on_link_down(records, at);
        links_lost_known_ = lost;
      },
      now);
}

/// What waits is stored, unless that failed a moment ago.
void Daemon::settle(sync::Now now) {
  while (true) {
    if (is_storing()) {
      for (auto& input : waiting_) batch_.push_back(std::move(input));
      waiting_.clear();
      events_ = 0;
    }
    if (!footing_.is_due(has_inputs(), now.steady) || !commit(now)) return;
  }
}

bool Daemon::commit(sync::Now now) {
  const auto writable = store_->make_writable();
  read_notes();
  if (!writable) {
    on_not_stored(now);
    return false;
  }
  if (anew_ && footing_.has_begun()) {
    start_anew();
  } else if (lost_ && footing_.has_begun()) {
    batch_.emplace_back(
        [](sync::Engine& engine, sync::Records& records, sync::Now at) { engine.on_content_lost(records, at); });
    store_lost_ = true;
  }
  anew_ = lost_ = false;
  const sync::Memory saved = engine_->memory();
  delivery::Left left;
  const auto done = store_->transact([&](sync::Records& records) {
    for (const Input& input : batch_) input(*engine_, records, now);
    if (verdict_) verdict_(*engine_, records, now);
    if (presence_) presence_(*engine_, records, now);
    left = delivery::read_left(records);
  });
  if (!done) {
    engine_->restore(saved);
    if (done.error().kind == ErrorKind::Corrupt) store_->distrust();
    on_not_stored(now);
    return false;
  }
  batch_.clear();
  presence_ = nullptr;
  verdict_ = nullptr;
  const auto state = courier_ ? courier_->gateway_state() : std::nullopt;
  const auto gateway_epoch = state ? std::optional(state->epoch) : std::nullopt;
  on_stored(footing_.on_stored(std::move(left), engine_->standing(), gateway_epoch), now);
  const bool is_dropped = !linked_ || links_lost_known_ != links_lost_;
  for (auto& command : engine_->take_commands()) {
    if (!is_dropped || std::holds_alternative<sync::Note>(command)) commands_.push_back(std::move(command));
  }
  return true;
}

void Daemon::on_stored(const delivery::Footing::Stored& stored, sync::Now now) {
  for (const std::string& epoch : stored.look_up) look_up_epoch(epoch);
  tell_courier(now);
}

void Daemon::on_not_stored(sync::Now now) {
  footing_.on_not_stored(now.steady, [this] {
    std::optional<delivery::Left> left;
    const auto read = store_->read([&left](sync::Records& records) { left = delivery::read_left(records); });
    return read ? left : std::nullopt;
  });
  tell_courier(now);
}

void Daemon::tell_courier(sync::Now now) {
  if (!courier_) {
    courier_ = std::make_unique<delivery::Courier>(
        delivery::CourierLimits{}, [this](std::string_view epoch) { return footing_.last_revision_of(epoch); },
        pushes_ += 1'000'000, now.steady);
  }
  if (const auto told = footing_.told()) courier_->on_standing(*told);
}

void Daemon::doubt_store() {
  if (!is_storing()) return;
  store_->distrust();
  batch_.emplace_back([](sync::Engine&, sync::Records&, sync::Now) {});
}

void Daemon::start_anew() {
  engine_->start_anew();
  links_lost_known_ = links_lost_;
  events_lost_ = false;
  batch_.clear();
  verdict_ = nullptr;
  presence_ = nullptr;
  courier_.reset();
  footing_.start_anew();
  begin_epoch();
  store_lost_ = true;
}

void Daemon::look_up_epoch(const std::string& epoch) {
  static_cast<void>(store_->read(
      [this, &epoch](sync::Records& records) { footing_.note_last_revision(epoch, records.last_revision_of(epoch)); }));
}

void Daemon::note_presence() {
  presence_ = nullptr;
  const auto instance = courier_->present_instance();
  if (engine_->memory().instance == instance) return;
  presence_ = [instance](sync::Engine& engine, sync::Records& records, sync::Now at) {
    engine.on_gateway_presence(records, instance, at);
  };
}

void Daemon::on_state(const delivery::StateOutcome& outcome, sync::Now now) {
  if (const auto* state = std::get_if<protocol::GatewayState>(&outcome)) {
    if (footing_.is_foreign(state->epoch)) look_up_epoch(state->epoch);
    courier_->on_state(*state, now.steady);
  } else {
    courier_->on_state_problem(std::get<delivery::GatewayProblem>(outcome), now.steady);
  }
  note_presence();
}

void Daemon::on_push(std::int64_t push, const delivery::PushOutcome& outcome, sync::Now now) {
  courier_->on_push_outcome(push, outcome, now.steady);
  const auto* problem = std::get_if<delivery::GatewayProblem>(&outcome.answer);
  if (problem != nullptr && problem->failure == delivery::GatewayFailure::Source) doubt_store();
  note_presence();
}

bool Daemon::take_verdicts(sync::Now now) {
  bool any = false;
  while (auto verdict = courier_->take_verdict()) {
    any = true;
    if (const auto* accepted = std::get_if<delivery::Accepted>(&*verdict)) {
      const sync::PushAnswered answer{accepted->push,           accepted->answered.instance,
                                      accepted->answered.epoch, accepted->after,
                                      accepted->up_to,          accepted->rejected};
      verdict_ = [answer](sync::Engine& engine, sync::Records& records, sync::Now at) {
        if (answer.epoch == records.epoch()) engine.on_push_answered(records, answer, at);
      };
    } else if (const auto* refused = std::get_if<delivery::LineRefused>(&*verdict)) {
      verdict_ = [refused = *refused](sync::Engine& engine, sync::Records& records, sync::Now at) {
        engine.on_line_refused(records, refused.push, refused.line, at);
      };
    } else {
      const auto replacing = std::get<delivery::Replacing>(*verdict);
      verdict_ = [replacing](sync::Engine& engine, sync::Records& records, sync::Now at) {
        engine.on_replacing(records, replacing.instance, at);
      };
    }
  }
  if (any) busy_until_ = now.steady;
  if (now.steady >= busy_until_) settle(now);
  return any;
}

std::optional<Body> Daemon::body_of(delivery::Push push, sync::Now now) {
  Body body{push.full, push.from_epoch, push.from, push.epoch, push.up_to, {}};
  const auto unreadable = [&](const Error& error) {
    delivery::PushOutcome outcome{push.epoch, push.up_to, 0, std::nullopt, {}};
    outcome.answer = delivery::GatewayProblem{delivery::GatewayFailure::Source, 0, error.message};
    courier_->on_push_outcome(push.number, outcome, now.steady);
    return std::nullopt;
  };
  std::optional<Error> error;
  if (!(push.full && push.capped)) {
    auto pinned = store_->push_body({push.full, push.after, push.up_to});
    if (pinned && !push.full && (*pinned)->revision() < push.up_to) {
      return unreadable({ErrorKind::Retry, "the store is behind what is to be pushed"});
    }
    if (!pinned) {
      unreadable(pinned.error());
      if (pinned.error().kind == ErrorKind::Corrupt) doubt_store();
      return std::nullopt;
    }
    if (push.full && !push.behind) push.up_to = body.revision = (*pinned)->revision();
    while (!error) {
      const auto text = (*pinned)->next();
      if (!text) {
        error = text.error();
      } else if (*text) {
        body.lines.push_back(line(**text));
      } else {
        break;
      }
    }
  }
  engine_->on_push_started(push.number, push.full ? 0 : push.after, body.revision);
  if (!error) return body;
  unreadable(*error);
  doubt_store();
  return std::nullopt;
}

const Line& Daemon::line(std::string_view text) {
  if (const auto read = lines_.find(text); read != lines_.end()) return read->second;
  if (lines_.size() >= kMaxLines) lines_.clear();
  return lines_.emplace(text, read_line(text)).first->second;
}

std::optional<Body> Daemon::whole() {
  auto pinned = store_->push_body({/*full=*/true, 0, 0});
  if (!pinned) return std::nullopt;
  Body body{true, "", 0, last_epoch(), (*pinned)->revision(), {}};
  auto text = (*pinned)->next();
  for (; text && *text; text = (*pinned)->next()) body.lines.push_back(line(**text));
  return text ? std::optional(std::move(body)) : std::nullopt;
}

std::optional<TimePoint> Daemon::next_deadline(TimePoint now) const {
  if (is_storing() && (has_inputs() || !waiting_.empty())) return std::max(now, busy_until_);
  auto next = is_storing() ? engine_->next_deadline(now) : std::optional(footing_.retry_at());
  const auto earlier = [&next](std::optional<TimePoint> at) {
    if (at) next = next ? std::min(*next, *at) : *at;
  };
  earlier(courier_->next_deadline());
  return next;
}

void Daemon::on_deadline(sync::Now now) {
  const auto due = engine_->next_deadline(now.steady);
  if (due && *due <= now.steady && is_storing()) {
    waiting_.emplace_back(
        [](sync::Engine& engine, sync::Records& records, sync::Now at) { engine.on_deadline(records, at); });
  }
  settle(now);
  if (const auto at = courier_->next_deadline(); at && *at <= now.steady) courier_->on_deadline(now.steady);
}

void Daemon::publish() {
  const auto& standing = engine_->standing();
  const bool may_say =
      courier_->condition() == delivery::GatewayCondition::InSync && links_lost_known_ == links_lost_ && is_storing();
  in_sync_ = standing.in_sync && may_say;
  settled_ = standing.settled && may_say;
}

std::int64_t Daemon::held_count() {
  const auto read = overview();
  return read ? read->held_count : 0;
}

bool Daemon::holds(const std::string& scope) {
  bool is_held = false;
  look([&](sync::Records& records) { is_held = sync::is_held(records, scope); });
  return is_held;
}

}  // namespace tether::sim
