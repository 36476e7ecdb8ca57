#include "daemon.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "tether/base/check.h"

namespace tether::sim {
namespace {

std::filesystem::path new_folder() {
  const std::filesystem::path memory("/dev/shm");
  const auto parent = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  std::string name = (parent / "tether-sim-XXXXXX").string();
  check(::mkdtemp(name.data()) != nullptr, "a folder for the store");
  return name;
}

Line line_of(std::string_view text) {
  const auto json = nlohmann::json::parse(text);
  Line line;
  line.key = {json.at("kind"), json.at("id")};
  line.removes = json.value("op", "put") == "delete";
  if (line.removes) return line;
  if (json.contains("deploymentId")) {
    line.deployment_id = json.at("deploymentId");
    line.version =
        line.deployment_id + "@" + std::to_string(parse_rfc3339(json.at("deployedAt").get<std::string>())->ms());
  } else if (line.key.first == "Secret") {
    line.version = json.at("data").at("value");
  } else {
    line.version = json.at("data").dump();
  }
  return line;
}

}  // namespace

Daemon::Daemon(std::uint32_t seed) : seed_(seed), folder_path_(new_folder()) {
  auto folder = store::StateFolder::take(folder_path_ / "state");
  check(folder.has_value(), "the state folder is ours");
  folder_ = std::move(*folder);
}

Daemon::~Daemon() {
  store_.reset();
  folder_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_path_, ignored);
}

void Daemon::restart(sync::Now now) {
  store_.reset();
  store::StoreOptions options;
  options.durable = false;
  store_ = store::Store::open(*folder_, options);
  commands_.clear();
  epochs_.clear();
  standing_ = {};
  sync::EngineOptions engine_options;
  engine_ = std::make_unique<sync::Engine>(engine_options, ++seed_);
  courier_.reset();
  const std::string epoch = "epoch-" + std::to_string(++epoch_);
  give([&epoch](sync::Engine&, sync::Records& records) { records.begin_epoch(epoch); }, now);
}

void Daemon::give(const std::function<void(sync::Engine&, sync::Records&)>& input, sync::Now now) {
  sync::Marks marks;
  const auto done = store_->transact([&](sync::Records& records) {
    input(*engine_, records);
    marks = records.marks();
    standing_.epoch = records.epoch();
    standing_.revision = records.revision();
    // Which of the earlier epochs a gateway may name is asked when it names it.
    for (int number = 1; number < epoch_; ++number) {
      const std::string epoch = "epoch-" + std::to_string(number);
      if (epochs_.contains(epoch)) continue;
      if (const auto last = records.last_revision_of(epoch)) epochs_[epoch] = *last;
    }
  });
  check(done.has_value(), "the transaction is committed");
  standing_.floor = marks.floor;
  standing_.answered = marks.answered;
  standing_.complete = engine_->standing().complete;
  standing_.contains_known = engine_->standing().contains_known;
  standing_.offered = overview().offered_count;
  if (!courier_) {
    courier_ = std::make_unique<delivery::Courier>(
        delivery::CourierLimits{},
        [this](std::string_view epoch) -> std::optional<std::int64_t> {
          const auto known = epochs_.find(epoch);
          return known == epochs_.end() ? std::nullopt : std::optional(known->second);
        },
        pushes_ += 1'000'000, now.steady);
  }
  courier_->on_standing(standing_, now.steady);
  for (auto& command : engine_->take_commands()) commands_.push_back(std::move(command));
}

void Daemon::take_verdicts(sync::Now now) {
  while (auto verdict = courier_->take_verdict()) {
    if (const auto* accepted = std::get_if<delivery::Accepted>(&*verdict)) {
      const sync::PushAnswered answer{accepted->push,           accepted->answered.instance,
                                      accepted->answered.epoch, accepted->after,
                                      accepted->up_to,          accepted->rejected};
      give([&](sync::Engine& engine, sync::Records& records) { engine.on_push_answered(records, answer, now); }, now);
    } else {
      const auto refused = std::get<delivery::LineRefused>(*verdict);
      give([&](sync::Engine& engine,
               sync::Records& records) { engine.on_line_refused(records, refused.push, refused.line, now); },
           now);
    }
  }
  const auto instance = courier_->present_instance();
  if (engine_->memory().instance == instance) return;
  give([&](sync::Engine& engine, sync::Records& records) { engine.on_gateway_presence(records, instance, now); }, now);
}

Body Daemon::body_of(delivery::Push push) {
  Body body{push.full, push.from_epoch, push.from, push.epoch, push.up_to, {}};
  if (!(push.full && push.capped)) {
    auto pinned = store_->push_body({push.full, push.after, push.up_to});
    check(pinned.has_value(), "the body can be read");
    if (push.full) body.revision = (*pinned)->revision();
    while (true) {
      const auto text = (*pinned)->next();
      check(text.has_value(), "the line can be read");
      if (!*text) break;
      body.lines.push_back(line_of(**text));
    }
  }
  engine_->on_push_started(push.number, push.full ? 0 : push.after, body.revision);
  return body;
}

std::optional<TimePoint> Daemon::next_deadline(TimePoint now) const {
  auto next = engine_->next_deadline(now);
  const auto courier = courier_->next_deadline();
  if (courier && (!next || *courier < *next)) next = courier;
  return next;
}

void Daemon::on_deadline(sync::Now now) {
  if (const auto due = engine_->next_deadline(now.steady); due && *due <= now.steady) {
    give([&](sync::Engine& engine, sync::Records& records) { engine.on_deadline(records, now); }, now);
  }
  if (const auto due = courier_->next_deadline(); due && *due <= now.steady) courier_->on_deadline(now.steady);
}

bool Daemon::is_in_sync() const {
  return engine_->standing().in_sync && courier_->condition() == delivery::GatewayCondition::InSync;
}

store::Overview Daemon::overview() {
  auto overview = store_->overview();
  check(overview.has_value(), "the overview can be read");
  return std::move(*overview);
}

}  // namespace tether::sim
