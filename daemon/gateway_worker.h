#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "tether/base/secret.h"
#include "tether/delivery/courier.h"
#include "tether/gateway/driver.h"
#include "tether/store/push_body.h"

namespace tether::daemon {

/// The gateway's own thread: one request at a time, which may block for as long as the driver's limits allow.
/// Thread-safe; results are handed to the callbacks on the worker's thread.
class GatewayWorker {
 public:
  struct Callbacks {
    std::function<void(delivery::StateOutcome)> on_state;
    std::function<void(std::int64_t push, bool full, delivery::PushOutcome, Duration took)> on_push;
    /// A value that the gateway is about to be told, and that must not come back in anything that is shown.
    std::function<void(Secret)> on_secret;
    /// A line that the gateway is about to be told.
    std::function<void(std::string_view kind, std::string_view id)> on_line;
  };

  GatewayWorker(std::unique_ptr<gateway::Driver> driver, Callbacks callbacks);
  /// Cuts the request under way.
  ~GatewayWorker();

  void ask_state();
  /// `body` is null for a PUT that is to carry nothing.
  void push(const delivery::Push& push, std::unique_ptr<store::PushBody> body);

  /// Ends the request under way, and every later one at once.
  void stop();

 private:
  struct Job {
    bool is_push = false;
    delivery::Push push;
    std::unique_ptr<store::PushBody> body;
  };

  void submit(Job job);
  void run();
  void carry_out(Job job);

  std::unique_ptr<gateway::Driver> driver_;
  Callbacks callbacks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<Job> job_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tether::daemon
