#include "daemon.h"

#include <malloc.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

#include "admin_access.h"
#include "connection.h"
#include "keeper.h"
#include "status_board.h"
#include "tether/admin/admin_server.h"
#include "tether/admin/heartbeat.h"
#include "tether/base/authority.h"
#include "tether/gateway/push_driver.h"
#include "tether/net/file_watch.h"
#include "tether/net/loop.h"
#include "tether/protocol/frames.h"
#include "tether/protocol/kinds.h"
#include "tether/protocol/rest.h"
#include "tether/proxy/connect.h"
#include "tether/store/state_folder.h"
#include "tether/store/store.h"
#include "wall_clock.h"

namespace tether::daemon {
namespace {

/// How long the first dial waits for the gateway to be asked, so that what it lacks is on its way before (R24). An
/// absent or silent gateway costs no more than this.
constexpr Duration kGatewayFirst = 200ms;
/// How long an orderly end may take, all parts together (R13 allows 5 s).
constexpr Duration kGoodbye = 4s;
constexpr Duration kBeat = 3s;

int give_up(const std::string& what, const std::string& why) {
  std::fprintf(stderr, "tetherd: %s: %s\n", what.c_str(), why.c_str());
  return kCouldNotStart;
}

/// `port`: the one that it listens on, where any was asked for.
std::string listen_text(const AdminSettings& admin, std::uint16_t port) {
  return admin.unix_path.empty() ? authority(admin.host, port) : "unix:" + admin.unix_path;
}

LogOptions log_options(const LogSettings& settings) {
  LogOptions options;
  options.level = static_cast<LogLevel>(settings.level);
  options.format = settings.format == LogSettings::Format::Text ? LogFormat::Text : LogFormat::Json;
  return options;
}

MetricLabels metric_labels() {
  MetricLabels labels;
  for (const auto& type : protocol::known_event_types()) labels.event_types.emplace_back(type);
  labels.event_types.emplace_back("unknown");
  for (const auto kind : protocol::known_kinds()) labels.kinds.emplace_back(kind);
  using sync::Call;
  for (const Call call : {Call::Manifest, Call::Deployments, Call::Keys, Call::Plans, Call::Secrets,
                          Call::Subscriptions, Call::HmacSecrets, Call::FetchBatch, Call::Exists, Call::SecretValue}) {
    labels.rest_calls.emplace_back(sync::name_of(call));
  }
  return labels;
}

KeeperOptions keeper_options(const Settings& settings, std::shared_ptr<tls::Trust> trust, std::uint32_t seed) {
  KeeperOptions options;
  options.engine.planner.poll_interval = settings.control_plane.poll_interval;
  options.engine.planner.full_list_every = static_cast<int>(settings.control_plane.full_list_every);
  options.engine.report_failures = settings.control_plane.report_failures;
  options.engine.deletion_release_after = settings.sync.deletion_release_after;
  options.engine.manifest = protocol::write_manifest(
      {settings.gateway.version, settings.gateway.functionality_type, settings.gateway.policies_json});
  options.courier.check_interval = settings.gateway.check_interval;
  const ControlPlaneAddress& address = settings.control_plane.address;
  options.engine.address = address.url();
  options.engine.new_epoch = new_epoch;
  options.rest.client.host = address.host;
  options.rest.client.port = address.port;
  options.rest.client.tls = address.tls;
  options.rest.client.proxy = settings.control_plane.proxy.through;
  options.rest.client.trust = std::move(trust);
  options.rest.client.rest_base = address.rest_base;
  options.rest.limits.max_listing_bytes = settings.limits.max_listing_bytes;
  options.rest.limits.archive.max_entry_bytes = settings.limits.max_document_bytes;
  options.rest.limits.archive.max_unpacked_bytes = settings.limits.max_archive_bytes;
  options.seed = seed;
  return options;
}

store::StoreOptions store_options(const Settings& settings) {
  store::StoreOptions options;
  options.key_file = settings.store.key_file;
  options.may_make_key = settings.store.key_from == StoreSettings::KeyFrom::File;
  return options;
}

std::unique_ptr<gateway::Driver> make_driver(const GatewaySettings& settings) {
  gateway::PushDriverOptions options;
  options.socket_path = settings.socket;
  if (settings.user) options.user = settings.user->uid;
  if (settings.group) options.group = settings.group->gid;
  return std::make_unique<gateway::PushDriver>(options);
}

/// Signals that come before the loop listens wait for it, and none is delivered to another thread.
void let_signals(int how) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, number);
  pthread_sigmask(how, &signals, nullptr);
}

void prepare_process() {
  // A peer or a log reader that has gone is an error of that write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  // Past a limit on the size of files the disk is full, for us.
  std::signal(SIGXFSZ, SIG_IGN);
  let_signals(SIG_BLOCK);
  // Else each of the threads, most of which sleep, keeps a heap of its own: an eighth of the private memory (R26).
  mallopt(M_ARENA_MAX, 2);
}

/// The lasting ones that are known from the start. The token is read, and added, by the connection.
void add_secrets(const Settings& settings, Redactor& redactor) {
  if (const auto& proxy = settings.control_plane.proxy.through) {
    for (const Secret& secret : proxy::secrets_of(*proxy)) redactor.add_lasting_secret(secret);
  }
  if (!settings.admin.token.path()) return;
  if (const auto token = settings.admin.token.read()) redactor.add_lasting_secret(*token);
}

Status status_at_start(const Settings& settings, const std::string& version) {
  Status status;
  status.version = version;
  status.started = Clock::now();
  status.stale_after = settings.sync.stale_after;
  status.control_plane.url = settings.control_plane.address.url();
  status.control_plane.state = ControlPlaneStatus::State::Connecting;
  status.gateway.state = GatewayStatus::State::Connecting;
  status.gateway.socket = settings.gateway.socket;
  return status;
}

/// Calls itself again for as long as the loop turns.
class Beat {
 public:
  Beat(net::Loop& loop, Heartbeat& heartbeat, Metrics& metrics)
      : heartbeat_(heartbeat), metrics_(metrics), due_(Clock::now()), timer_(loop, [this] { beat(); }) {
    beat();
  }

 private:
  void beat() {
    const TimePoint now = Clock::now();
    metrics_.count_loop_lag(now - due_);
    heartbeat_.beat(now);
    due_ = now + kBeat;
    timer_.arm(due_);
  }

  Heartbeat& heartbeat_;
  Metrics& metrics_;
  TimePoint due_;
  net::Timer timer_;
};

/// Where the admin endpoint, which is there first, finds the keeper. Before that there is no link, and no consent.
class Consents {
 public:
  void go_to(Keeper* keeper) { keeper_ = keeper; }
  void release(const AgreedRelease& agreed) const {
    Keeper* const keeper = keeper_;
    if (keeper == nullptr) return;
    std::vector<sync::ShownHold> shown;
    shown.reserve(agreed.holds.size());
    for (const AgreedHold& hold : agreed.holds) shown.push_back({hold.listing, hold.noted});
    if (!shown.empty()) keeper->release_deletions(shown);
    const auto& push = agreed.push;
    if (push) keeper->release_push({push->instance, push->epoch, push->revision, push->has, push->would_get});
  }
  void accept(const AgreedIdentity& agreed) const {
    Keeper* const keeper = keeper_;
    if (keeper == nullptr) return;
    keeper->accept_identity({agreed.gateway_id, agreed.waits_for, static_cast<std::int64_t>(agreed.resources),
                             static_cast<std::int64_t>(agreed.in_service)});
  }

 private:
  std::atomic<Keeper*> keeper_ = nullptr;
};

/// What outlives the endpoint that shows it.
struct Shown {
  explicit Shown(const std::filesystem::path& folder) : catalogue(folder) {}

  StatusBoard board;
  Heartbeat heartbeat{Clock::now()};
  Consents consents;
  const store::Catalogue catalogue;
  EventTrail trail{wall_now};
};

AdminSources sources_of(const Shown& shown, const Redactor& redactor, const AdminSettings& settings) {
  AdminSources sources{[&shown] { return shown.board.copy(); },
                       [&shown] { return shown.heartbeat.is_alive(Clock::now()); },
                       [&redactor](std::string_view text) { return redactor.redact(text); },
                       [&shown](const AgreedRelease& agreed) { shown.consents.release(agreed); },
                       [&shown](const AgreedIdentity& agreed) { shown.consents.accept(agreed); },
                       [&shown](const ResourcesAsked& asked) { return resources_json(shown.catalogue, asked); },
                       [&shown](std::uint64_t after) { return shown.trail.json_after(after); }};
  if (settings.token.path()) sources.token = [source = settings.token] { return source.read(); };
  return sources;
}

void dial(Connection& connection) {
  if (!connection.has_started()) connection.start();
}

/// What the keeper asks for on its threads is done on the loop's.
LinkSide link_side(net::Loop& loop, Connection& connection) {
  return {[&loop, &connection](Frames frames) {
            loop.post([&connection, frames = std::move(frames)] { connection.send(frames); });
          },
          [&loop, &connection](const RestEnd& end) { loop.post([&connection, end] { connection.on_rest_end(end); }); },
          [&loop, &connection] { loop.post([&connection] { connection.on_store_lost(); }); },
          [&loop, &connection] { loop.post([&connection] { dial(connection); }); }};
}

/// Turns the loop until the daemon was asked to stop and the link has said goodbye. Returns by when the rest must have
/// ended.
TimePoint serve(net::Loop& loop, Connection& connection, Logger& log) {
  std::optional<TimePoint> stop_by;
  loop.on_reload([&connection] { connection.reload_token(/*insist=*/true); });
  loop.on_user_signal([&log] { log.switch_level(); });
  loop.on_terminate([&] {
    if (std::exchange(stop_by, stop_by.value_or(Clock::now() + kGoodbye))) return;
    log.info("daemon.stopping");
    connection.stop([&loop] { loop.stop(); });
  });
  let_signals(SIG_UNBLOCK);
  loop.run();
  return *stop_by;
}

}  // namespace

int run_daemon(const Settings& settings, const std::vector<UnknownVariable>& unknown, const std::string& version) {
  prepare_process();
  auto folder = store::StateFolder::take(settings.state_dir);
  if (!folder) return give_up("state_dir", folder.error().message);
  auto store = store::Store::open(**folder, store_options(settings));

  Redactor redactor;
  add_secrets(settings, redactor);
  Logger log(log_options(settings.log), redactor);
  for (const auto& variable : unknown) {
    log.warn("settings.unknown_variable", {{"variable", variable.name}, {"closest", variable.closest}});
  }

  std::random_device random;
  Metrics metrics(version, metric_labels());
  Shown shown((*folder)->path());
  shown.board.update([&](Status& status) { status = status_at_start(settings, version); });
  auto admin = AdminServer::start(endpoint_of(settings.admin), sources_of(shown, redactor, settings.admin), metrics);
  if (!admin) return give_up("admin.listen " + listen_text(settings.admin, settings.admin.port), admin.error().message);

  net::Loop loop;
  // Shared by the loop and the REST workers, of which one may outlive an end that takes too long.
  const auto trust = std::make_shared<tls::Trust>(settings.control_plane.tls);
  Keeper keeper(keeper_options(settings, trust, random()), std::move(store), make_driver(settings.gateway), shown.board,
                metrics, shown.trail, redactor, log);
  shown.consents.go_to(&keeper);
  Connection connection(loop, settings, *trust, keeper, shown.board, metrics, shown.trail, redactor, log, random());
  log.info("daemon.started", {{"version", version},
                              {"control_plane", settings.control_plane.address.url()},
                              {"gateway_socket", settings.gateway.socket},
                              {"state_dir", settings.state_dir},
                              {"admin", listen_text(settings.admin, (*admin)->port())}});

  Beat beat(loop, shown.heartbeat, metrics);
  // What the gateway lacks goes first; the dial waits neither for its answer nor for an absent gateway.
  net::Timer dial_anyway(loop, [&connection] { dial(connection); });
  dial_anyway.arm(Clock::now() + kGatewayFirst);
  try {
    keeper.start(link_side(loop, connection));
  } catch (const std::system_error& error) {
    (*admin)->stop();  // nobody asks the keeper for anything any more
    return give_up("a thread cannot be made", error.what());
  }
  net::FileWatch socket_watch(loop, settings.gateway.socket, [&keeper] { keeper.gateway_appeared(); });

  const TimePoint stop_by = serve(loop, connection, log);
  keeper.stop();
  const bool ended = keeper.wait_until(stop_by);
  (*admin)->stop();
  log.flush_repeats();
  log.info("daemon.stopped", {{"in_time", ended}});
  // A thread that is stuck in a name lookup can't be woken; what matters is stored.
  if (!ended) std::_Exit(kStopped);
  return kStopped;
}

}  // namespace tether::daemon
