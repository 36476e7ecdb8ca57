#include "tether/peers/daemon_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace tether::peers {
namespace {

constexpr int kPipeBytes = 1024 * 1024;

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

int milliseconds_until(TimePoint deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

/// The number after `name` in a file of `name: number kB` lines.
std::uint64_t kb_in(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    std::uint64_t kb = 0;
    if (word == name && file >> kb) return kb;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<DaemonProcess>> DaemonProcess::start(const ProcessOptions& options) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) {
    return fail(ErrorKind::Retry, std::string("pipe: ") + std::strerror(errno));
  }
  // A daemon drops lines that its output has no room for, and on a busy machine they are read late. As large as anybody
  // may make a pipe; it works with a smaller one, too.
  for (const auto& pipe : {out, err}) ::fcntl(pipe[1], F_SETPIPE_SZ, kPipeBytes);
  std::vector<std::string> arguments{options.program};
  std::string program = options.program;
  if (options.full_disk) {  // the limit must be there before its first instruction
    program = "/bin/sh";
    arguments = {"sh", "-c", "ulimit -S -f 0 && exec \"$0\" \"$@\"", options.program};
  }
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment;
  if (const char* path = std::getenv("PATH")) environment.push_back(std::string("PATH=") + path);
  for (const auto& [name, value] : options.environment) environment.push_back(name + "=" + value);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, program.c_str(), &actions, nullptr, pointers_to(arguments).data(),
                                 pointers_to(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(err[1]);
  if (failed != 0) {
    ::close(out[0]);
    ::close(err[0]);
    return fail(ErrorKind::Retry, "start " + options.program + ": " + std::strerror(failed));
  }
  return std::unique_ptr<DaemonProcess>(new DaemonProcess(pid, out[0], err[0]));
}

DaemonProcess::DaemonProcess(pid_t pid, int out_fd, int err_fd)
    : pid_(pid), out_fd_(out_fd), err_fd_(err_fd), stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  reader_ = std::thread([this] { read_loop(); });
}

DaemonProcess::~DaemonProcess() {
  if (is_running()) {
    signal(SIGKILL);
    wait_for_exit();
  }
  end_reading();
  reader_.join();
  for (const int fd : {out_fd_, err_fd_, stop_fd_}) ::close(fd);
}

/// Returns once all that was written before is read.
void DaemonProcess::end_reading() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_fd_, &one, sizeof one);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_; });
}

void DaemonProcess::read_loop() {
  std::array<pollfd, 3> fds{{{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      std::array<char, 65536> bytes;  // NOLINT: filled by the read
      const ssize_t got = ::read(fds[i].fd, bytes.data(), bytes.size());
      if (got > 0) {
        take(/*is_err=*/i == 1, bytes.data(), static_cast<std::size_t>(got));
      } else {
        fds[i].fd = -1;
      }
    }
    // Only after what was written is read: a grandchild that keeps the outputs open must not hold us.
    if (fds[2].revents != 0 && fds[0].revents == 0 && fds[1].revents == 0) break;
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void DaemonProcess::take(bool is_err, const char* data, std::size_t size) {
  const std::lock_guard lock(mutex_);
  std::string& rest = is_err ? err_rest_ : out_rest_;
  std::vector<std::string>& lines = is_err ? err_ : out_;
  rest.append(data, size);
  for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
    lines.push_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  changed_.notify_all();
}

void DaemonProcess::signal(int number) {
  if (!status_) ::kill(pid_, number);
}

void DaemonProcess::fill_disk(bool full) {
  const struct rlimit limit { full ? 0 : RLIM_INFINITY, RLIM_INFINITY };
  if (!status_) ::prlimit(pid_, RLIMIT_FSIZE, &limit, nullptr);
}

std::optional<int> DaemonProcess::wait_for_exit(Duration limit) {
  if (status_) return status_;
  // glibc 2.36 declares pidfd_open without C linkage, so it is called by number.
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (handle < 0) return std::nullopt;
  const TimePoint deadline = Clock::now() + limit;
  pollfd ended{handle, POLLIN, 0};
  while (::poll(&ended, 1, milliseconds_until(deadline)) < 0 && errno == EINTR) {
  }
  ::close(handle);
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  constexpr int kSignalled = 128;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
  end_reading();
  return status_;
}

bool DaemonProcess::is_running() {
  return !wait_for_exit(0s);
}

std::vector<std::string> DaemonProcess::out() const {
  const std::lock_guard lock(mutex_);
  return out_;
}

std::vector<std::string> DaemonProcess::err() const {
  const std::lock_guard lock(mutex_);
  return err_;
}

std::string DaemonProcess::all_output() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const std::string& line : out_) all += line + "\n";
  for (const std::string& line : err_) all += line + "\n";
  return all + out_rest_ + err_rest_;
}

std::optional<std::string> DaemonProcess::wait_for_line(const std::function<bool(const std::string&)>& fits,
                                                        Duration limit) {
  std::size_t out_seen = 0;
  std::size_t err_seen = 0;
  std::optional<std::string> found;
  const auto look = [&found, &fits](const std::vector<std::string>& lines, std::size_t& seen) {
    for (; !found && seen < lines.size(); ++seen) {
      if (fits(lines[seen])) found = lines[seen];
    }
  };
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this, &look, &found, &out_seen, &err_seen] {
    look(out_, out_seen);
    look(err_, err_seen);
    return found || ended_;
  });
  return found;
}

std::optional<std::string> DaemonProcess::wait_for_text(const std::string& part, Duration limit) {
  return wait_for_line([&part](const std::string& line) { return line.find(part) != std::string::npos; }, limit);
}

Memory DaemonProcess::memory() const {
  const std::string folder = "/proc/" + std::to_string(pid_);
  return {kb_in(folder + "/status", "VmRSS:"), kb_in(folder + "/status", "VmHWM:"),
          kb_in(folder + "/smaps_rollup", "Pss:")};
}

}  // namespace tether::peers
