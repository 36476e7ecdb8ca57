#include "terminal_commands.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "admin_access.h"
#include "daemon.h"
#include "doctor_steps.h"
#include "terminal_output.h"
#include "tether/store/upkeep.h"
#include "tether/terminal/database_command.h"
#include "tether/terminal/events_command.h"
#include "tether/terminal/health.h"
#include "tether/terminal/progress.h"
#include "tether/terminal/resources_command.h"
#include "tether/terminal/status_command.h"
#include "wall_clock.h"

namespace tether::daemon {
namespace {

constexpr std::chrono::seconds kLookEvery{2};
constexpr std::chrono::milliseconds kFollowEvery{500};

/// Nothing is left to be undone: the person has seen enough.
void end_at_ctrl_c() {
  std::signal(SIGINT, [](int) { std::_Exit(kStopped); });
}

bool is_terminal() {
  return ::isatty(STDOUT_FILENO) != 0;
}

std::optional<terminal::ScreenSize> screen() {
  winsize size{};
  if (!is_terminal()) return std::nullopt;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    return terminal::ScreenSize();
  }
  return terminal::ScreenSize{size.ws_row, size.ws_col};
}

std::function<void(const std::string&)> progress_writer() {
  if (::isatty(STDERR_FILENO) == 0) return nullptr;
  return write_to_error;
}

/// Shows on the terminal, if there is one, that `work` is at it.
auto with_progress(const std::string& what, const auto& work) {
  terminal::Progress progress(progress_writer());
  progress.begin(what);
  return work();
}

terminal::DatabaseEnds database_ends(const Settings& settings) {
  const store::StoreAt at{settings.state_dir, settings.store.key_file};
  return {[at] { return with_progress("checking the store", [&at] { return store::check_database(at); }); },
          [at](const std::string& file) {
            return with_progress("copying the store", [&at, &file] { return store::back_up(at, file); });
          },
          say, complain};
}

bool may_colour() {
  return terminal::may_colour(is_terminal(), std::getenv("NO_COLOR"), std::getenv("TERM"));
}

}  // namespace

int run_status(const AdminSettings& admin, const Options& options) {
  const AdminClient client = client_of(admin);
  if (options.watch) end_at_ctrl_c();
  const terminal::StatusEnds ends = {[&client] { return client.status(); },
                                     say,
                                     complain,
                                     [] {
                                       std::this_thread::sleep_for(kLookEvery);
                                       return true;
                                     },
                                     wall_now,
                                     screen};
  return terminal::run_status(ends, {options.json, options.watch, may_colour()}) ? kStopped : kCouldNotStart;
}

int run_resources(const AdminSettings& admin, const Options& options) {
  const AdminClient client = client_of(admin);
  const terminal::ResourcesEnds ends = {[&client](const auto& asked) { return client.get("/resources", asked); },
                                        [&client] { return client.get("/events"); }, say, complain};
  const terminal::ResourcesWishes wishes{options.name, options.kind, options.state, options.json, may_colour()};
  return terminal::run_resources(ends, wishes) ? kStopped : kCouldNotStart;
}

int run_database_check(const Settings& settings) {
  return terminal::run_database_check(database_ends(settings)) ? kStopped : kCouldNotStart;
}

int run_database_backup(const Settings& settings, const Options& options) {
  // Past a limit on the size of files the disk is full, for us.
  std::signal(SIGXFSZ, SIG_IGN);
  return terminal::run_database_backup(database_ends(settings), options.file) ? kStopped : kCouldNotStart;
}

int run_doctor(const LoadedSettings& loaded, const std::vector<UnknownVariable>& unknown) {
  terminal::Progress progress(progress_writer());
  terminal::DoctorEnds ends = loaded.settings ? doctor_steps(*loaded.settings) : terminal::DoctorEnds();
  ends.say = say;
  ends.begin = [&progress](const std::string& what) { progress.begin(what); };
  ends.end = [&progress] { progress.end(); };
  return terminal::run_doctor(ends, loaded, unknown, may_colour()) ? kStopped : kCouldNotStart;
}

int run_events(const AdminSettings& admin, const Options& options) {
  const AdminClient client = client_of(admin);
  if (options.follow) end_at_ctrl_c();
  terminal::EventsEnds ends;
  ends.ask = [&client](std::uint64_t after) { return client.get("/events", {{"after", std::to_string(after)}}); };
  ends.say = say;
  ends.complain = complain;
  ends.pause = [] {
    std::this_thread::sleep_for(kFollowEvery);
    return true;
  };
  const terminal::EventsWishes wishes{options.count, options.follow, options.json, may_colour()};
  return terminal::run_events(ends, wishes) ? kStopped : kCouldNotStart;
}

int run_health(const AdminSettings& admin, const Options& options) {
  const AdminClient client = client_of(admin);
  const auto ask = [&client](const std::string& path) { return client.get(path); };
  return terminal::run_health({ask, say, complain}, options.ready) ? kStopped : kCouldNotStart;
}

}  // namespace tether::daemon
