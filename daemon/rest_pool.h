#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "answer_reader.h"
#include "inbox.h"
#include "tether/admin/metrics.h"
#include "tether/base/secret.h"
#include "tether/http/control_plane_client.h"
#include "tether/log/log.h"
#include "tether/sync/engine.h"

namespace tether::daemon {

struct RestPoolOptions {
  http::ControlPlaneOptions client;
  AnswerLimits limits;
  std::size_t workers = sync::PlannerLimits().requests_at_once();
};

/// What a request's end means to the link.
struct RestEnd {
  std::uint64_t link = 0;
  int status = 0;       ///< 0: no answer.
  bool listed = false;  ///< A whole listing of deployments was received.
};

/// A small fixed pool of threads for requests that block. Answers are read as they arrive: rows and documents go to the
/// inbox in pieces, then the request's end. Thread-safe.
class RestPool {
 public:
  /// `on_end` is called on a worker's thread after each answer. Throws std::system_error if the system has no thread
  /// left.
  RestPool(RestPoolOptions options, sync::Engine& engine, Inbox& inbox, Metrics& metrics, const Redactor& redactor,
           Logger& log, std::function<void(const RestEnd&)> on_end);
  /// Ends what is under way.
  ~RestPool();

  /// Requests from now on belong to this link and carry its token; what is under way for an older one is cut. 0: there
  /// is no link, requests are dropped.
  void set_link(std::uint64_t link, Secret token);
  void send(sync::SendRequest request);

  /// Cuts what is under way and takes nothing more. Does not wait.
  void stop();
  /// After stop(): waits for the workers' end; false if one has not come to it by then (a name lookup can't be woken).
  bool wait_until(TimePoint at);

 private:
  struct Job {
    sync::SendRequest request;
    std::uint64_t link = 0;
    Secret token;
  };
  class Worker;

  RestPoolOptions options_;
  sync::Engine& engine_;
  Inbox& inbox_;
  Metrics& metrics_;
  const Redactor& redactor_;
  Logger& log_;
  std::function<void(const RestEnd&)> on_end_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::uint64_t link_ = 0;
  Secret token_;
  bool stopping_ = false;
  std::size_t running_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace tether::daemon
