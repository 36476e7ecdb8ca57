#include "runner.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>

#include "tether/base/check.h"
#include "world.h"

namespace tether::sim {
namespace {

/// A world that takes longer is stuck.
constexpr unsigned kWorldSeconds = 300;
/// How often it is looked whether a process has ended, if none says anything.
constexpr int kLookAgainMs = 10;
/// How often it is told how far a run has come.
constexpr Duration kTellAgain = 1min;
constexpr std::size_t kMaxJobs = 256;
constexpr std::size_t kTextBytes = 2000;

/// What a process tells of a world that failed. Short enough for a pipe to take as a whole.
struct Message {
  std::uint64_t seed = 0;
  std::int64_t at_us = 0;
  std::array<char, 64> checker{};
  std::array<char, kTextBytes> what{};
};

template <std::size_t kSize>
void copy(const std::string& from, std::array<char, kSize>& to) {
  std::memcpy(to.data(), from.data(), std::min(from.size(), kSize - 1));
}

Message message_of(std::uint64_t seed, const Failure& failure) {
  Message message;
  message.seed = seed;
  message.at_us = static_cast<std::int64_t>(std::strtod(failure.what.c_str(), nullptr) * 1e6);
  copy(failure.checker, message.checker);
  copy(failure.what, message.what);
  return message;
}

Verdict verdict_of(const Message& message) {
  return {message.checker.data(), message.what.data(), std::chrono::microseconds(message.at_us)};
}

Verdict crash(int status) {
  if (!WIFSIGNALED(status)) return {"crash", "its process ended with " + std::to_string(WEXITSTATUS(status)), {}};
  if (WTERMSIG(status) == SIGALRM) return {"crash", "it was stuck for " + std::to_string(kWorldSeconds) + " s", {}};
  return {"crash", "its process died of signal " + std::to_string(WTERMSIG(status)), {}};
}

std::optional<Message> play(const WorldOptions& options, std::uint64_t& digest) {
  ::alarm(kWorldSeconds);
  World world(options);
  world.play();
  digest = Random::part(world.digest(), options.seed);
  if (world.failures().empty()) return std::nullopt;
  return message_of(options.seed, world.failures().front());
}

void send(int pipe, const Message& message) {
  check(::write(pipe, &message, sizeof message) == static_cast<ssize_t>(sizeof message), "the verdict is told");
}

std::optional<Message> receive(int pipe) {
  Message message;
  std::size_t got = 0;
  auto* bytes = reinterpret_cast<char*>(&message);
  while (got < sizeof message) {
    const ssize_t more = ::read(pipe, bytes + got, sizeof message - got);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return std::nullopt;
    got += static_cast<std::size_t>(more);
  }
  return message;
}

/// Shared with the processes.
struct Board {
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> ended{0};
  std::atomic<std::uint64_t> digest{0};  ///< The sum of the worlds'.
  std::atomic<bool> stops{false};
  std::array<std::atomic<std::uint64_t>, kMaxJobs> playing{};  ///< By process: the seed that it is at.
};

/// Set by SIGINT and SIGTERM: the worlds that have begun are played to their end, and what was seen is told.
volatile std::sig_atomic_t interrupted = 0;

/// While it exists, these signals do so; a second one ends the process as usual.
class Interrupts {
 public:
  Interrupts() {
    interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_[0]);
    ::sigaction(SIGTERM, &action, &before_[1]);
  }
  ~Interrupts() {
    ::sigaction(SIGINT, &before_[0], nullptr);
    ::sigaction(SIGTERM, &before_[1], nullptr);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  std::array<struct sigaction, 2> before_{};
};

class Pool {
 public:
  explicit Pool(const RunOptions& options)
      : options_(options), end_(options.time == Duration::max() ? TimePoint::max() : Clock::now() + options.time) {
    void* memory = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "memory is shared with the processes");
    board_ = new (memory) Board;
    check(::pipe(pipe_.data()) == 0, "there is a pipe");
  }
  ~Pool() {
    ::close(pipe_[0]);
    ::munmap(board_, sizeof(Board));
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  RunResult run() {
    const TimePoint begun = Clock::now();
    TimePoint told = begun;
    const Interrupts interrupts;
    for (int job = 0; job < options_.jobs; ++job) start(static_cast<std::size_t>(job));
    RunResult result;
    while (!processes_.empty()) {
      take_messages(result);
      if (interrupted != 0) board_->stops = true;
      if (Clock::now() - told >= kTellAgain) {
        told = Clock::now();
        std::fprintf(stderr, "%llu worlds so far, %zu failed\n", static_cast<unsigned long long>(board_->ended.load()),
                     result.failed.size());
      }
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      const auto process = processes_.find(pid);
      if (process == processes_.end()) {
        pollfd awaited{pipe_[0], POLLIN, 0};
        ::poll(&awaited, 1, kLookAgainMs);
        continue;
      }
      const std::size_t job = process->second;
      processes_.erase(process);
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
      ++board_->ended;
      note(result, {board_->playing.at(job), crash(status)});
      if (!board_->stops) start(job);
    }
    ::close(pipe_[1]);
    while (const auto message = receive(pipe_[0])) note(result, {message->seed, verdict_of(*message)});
    result.took = std::chrono::duration_cast<Duration>(Clock::now() - begun);
    result.worlds = board_->ended;
    result.digest = board_->digest;
    std::sort(result.failed.begin(), result.failed.end(), [](const auto& a, const auto& b) { return a.seed < b.seed; });
    return result;
  }

 private:
  void start(std::size_t job) {
    std::fflush(stdout);
    const pid_t pid = ::fork();
    check(pid >= 0, "a process is made");
    if (pid > 0) {
      processes_[pid] = job;
      return;
    }
    // They are the parent's, also where a terminal sends them to all.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGTERM, SIG_IGN);
    while (!board_->stops && Clock::now() < end_) {
      const std::uint64_t number = board_->begun++;
      if (options_.count && number >= *options_.count) break;
      const std::uint64_t seed = options_.first + number;
      board_->playing.at(job) = seed;
      if (options_.before) options_.before(seed);
      std::uint64_t digest = 0;
      if (const auto failed = play({seed, options_.hours, {}}, digest)) {
        if (options_.until_failure) board_->stops = true;
        send(pipe_[1], *failed);
      }
      board_->digest += digest;
      ++board_->ended;
    }
    ::_exit(0);
  }

  void take_messages(RunResult& result) {
    while (true) {
      fd_set readable;
      FD_ZERO(&readable);
      FD_SET(pipe_[0], &readable);
      timeval none{};
      if (::select(pipe_[0] + 1, &readable, nullptr, nullptr, &none) <= 0) return;
      const auto message = receive(pipe_[0]);
      if (!message) return;
      note(result, {message->seed, verdict_of(*message)});
    }
  }

  void note(RunResult& result, FailedSeed failed) {
    if (options_.until_failure) board_->stops = true;
    std::printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(failed.seed), failed.verdict.checker.c_str(),
                failed.verdict.what.c_str());
    std::fflush(stdout);
    result.failed.push_back(std::move(failed));
  }

  const RunOptions& options_;
  TimePoint end_;
  Board* board_ = nullptr;
  std::array<int, 2> pipe_{};
  std::map<pid_t, std::size_t> processes_;
};

}  // namespace

std::optional<Verdict> try_world(const WorldOptions& options) {
  std::array<int, 2> pipe{};
  check(::pipe(pipe.data()) == 0, "there is a pipe");
  std::fflush(stdout);
  const pid_t pid = ::fork();
  check(pid >= 0, "a process is made");
  if (pid == 0) {
    std::uint64_t digest = 0;
    if (const auto failed = play(options, digest)) send(pipe[1], *failed);
    ::_exit(0);
  }
  ::close(pipe[1]);
  const auto message = receive(pipe[0]);
  ::close(pipe[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (message) return verdict_of(*message);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  return crash(status);
}

bool are_few(std::size_t failed, std::uint64_t worlds, int percent) {
  return failed * 100 <= worlds * static_cast<std::uint64_t>(percent);
}

RunResult run_worlds(const RunOptions& options) {
  check(options.jobs > 0 && options.jobs <= static_cast<int>(kMaxJobs), "there are processes, and not too many");
  return Pool(options).run();
}

}  // namespace tether::sim
