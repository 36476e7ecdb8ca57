#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"

namespace tether::peers {

struct ProcessOptions {
  std::string program;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  ///< All of it, besides PATH.
  bool full_disk = false;                          ///< As after `fill_disk(true)`.
};

struct Memory {
  std::uint64_t rss_kb = 0;
  std::uint64_t peak_rss_kb = 0;
  std::uint64_t pss_kb = 0;
};

/// A program started for a test. Its output is read into memory; it is killed with this object.
class DaemonProcess {
 public:
  /// Retry: it could not be started.
  static Result<std::unique_ptr<DaemonProcess>> start(const ProcessOptions& options);
  ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number);
  /// True: no write to a file succeeds from now on, as on a full disk (a limit of 0 on the size of files). Files can be
  /// made, and what is there can be read.
  void fill_disk(bool full);
  /// The exit status, 128 + n after signal n, or nullopt if it still runs at the limit. After the end all of its output
  /// is there.
  std::optional<int> wait_for_exit(Duration limit = 10s);
  bool is_running();

  std::vector<std::string> out() const;  ///< Lines of standard output so far.
  std::vector<std::string> err() const;
  std::string all_output() const;  ///< Both, for looking for what must not be there.
  /// The first line of either output, from the beginning, for which `fits` is true; nullopt at the limit or after the
  /// end.
  std::optional<std::string> wait_for_line(const std::function<bool(const std::string&)>& fits, Duration limit = 10s);
  std::optional<std::string> wait_for_text(const std::string& part, Duration limit = 10s);

  Memory memory() const;  ///< Zeros once it is gone.

 private:
  DaemonProcess(pid_t pid, int out_fd, int err_fd);
  void end_reading();
  void read_loop();
  void take(bool is_err, const char* data, std::size_t size);

  const pid_t pid_;
  const int out_fd_;
  const int err_fd_;
  const int stop_fd_;  ///< An eventfd: readable once the reader must end.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> out_, err_;
  std::string out_rest_, err_rest_;
  bool ended_ = false;  ///< Both outputs are closed.
  std::optional<int> status_;
  std::thread reader_;
};

}  // namespace tether::peers
