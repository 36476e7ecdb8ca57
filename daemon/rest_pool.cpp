#include "rest_pool.h"

#include <utility>

#include "status_parts.h"

namespace tether::daemon {
namespace {

/// Of no success. What the control plane says is shown if it is here to its end: half a secret would not be known.
std::string why(const http::RestOutcome& outcome, const Redactor& redactor) {
  if (const auto* problem = std::get_if<http::Problem>(&outcome)) return problem->message;
  const auto& answer = std::get<http::RestAnswer>(outcome);
  std::string out = "the control plane answered " + std::to_string(answer.status);
  const bool has_words = !answer.message.empty() && answer.message.size() < http::kMaxMessageBytes;
  if (has_words) out += ": " + redactor.redact(answer.message, kMaxWordsBytes);
  return out;
}

}  // namespace

/// One thread with one connection, which is made anew for each link.
class RestPool::Worker {
 public:
  explicit Worker(RestPool& pool) : pool_(pool), thread_([this] { run(); }) {}
  ~Worker() { thread_.join(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// The pool's mutex is held.
  void cut() {
    if (client_) client_->cancel();
    client_.reset();
  }

 private:
  void run() {
    while (auto job = take()) carry_out(*job);
    const std::lock_guard lock(pool_.mutex_);
    --pool_.running_;
    pool_.changed_.notify_all();
  }

  std::optional<Job> take() {
    std::unique_lock lock(pool_.mutex_);
    pool_.changed_.wait(lock, [this] { return pool_.stopping_ || !pool_.jobs_.empty(); });
    if (pool_.stopping_) return std::nullopt;
    Job job = std::move(pool_.jobs_.front());
    pool_.jobs_.pop_front();
    if (!client_) client_ = std::make_shared<http::ControlPlaneClient>(pool_.options_.client);
    current_ = client_;
    return job;
  }

  void carry_out(const Job& job) {
    const sync::SendRequest& request = job.request;
    const auto reader = make_answer_reader(request, pool_.engine_, pool_.inbox_, pool_.options_.limits);
    const auto outcome =
        current_->call(rest_call(request, pool_.options_.limits), job.token, [this, &reader](std::string_view chunk) {
          pool_.metrics_.count_received("rest", chunk.size());
          return reader->feed(chunk);
        });
    pool_.metrics_.count_sent("rest", request.body.size());
    current_.reset();
    const auto* answer = std::get_if<http::RestAnswer>(&outcome);
    const int status = answer == nullptr ? 0 : answer->status;
    const bool success = answer != nullptr && answer->is_success();
    const auto whole = success ? reader->finish() : Result<Done>(fail(ErrorKind::Retry, why(outcome, pool_.redactor_)));
    report(request, status, whole);

    sync::RequestOutcome end;
    end.status = status;
    end.complete = success && whole.has_value();
    end.too_large = !end.complete && reader->is_too_large();
    end.rows_rejected = reader->rows_rejected();
    if (answer != nullptr) {
      end.retry_after = answer->retry_after;
      if (const auto date = parse_http_date(answer->date)) end.date = *date;
    }
    pool_.inbox_.post({[engine = &pool_.engine_, number = request.number, end](sync::Records& records, sync::Now now) {
                         engine->on_done(records, number, end, now);
                       },
                       nullptr});
    pool_.on_end_({job.link, status, request.call == sync::Call::Deployments && end.complete});
  }

  void report(const sync::SendRequest& request, int status, const Result<Done>& whole) {
    const std::string_view call = sync::name_of(request.call);
    pool_.metrics_.count_rest_request(call, status);
    // Of what is FAILED or not here the control plane shows no subscriptions: an answer, for each such API.
    const bool shows_none = request.call == sync::Call::Subscriptions && (status == 403 || status == 404);
    if (whole || shows_none) {
      pool_.log_.debug("rest.answered", {{"call", call}, {"status", status}});
      if (whole) pool_.log_.resolved("rest.failed", call);
    } else {
      pool_.log_.repeated(LogLevel::Info, "rest.failed", call,
                          {{"call", call}, {"status", status}, {"reason", whole.error().message}});
    }
  }

  RestPool& pool_;
  std::shared_ptr<http::ControlPlaneClient> client_;   ///< Shared with current_, so that it can be cut meanwhile.
  std::shared_ptr<http::ControlPlaneClient> current_;  ///< Used by the worker's thread alone.
  std::thread thread_;
};

RestPool::RestPool(RestPoolOptions options, sync::Engine& engine, Inbox& inbox, Metrics& metrics,
                   const Redactor& redactor, Logger& log, std::function<void(const RestEnd&)> on_end)
    : options_(std::move(options)),
      engine_(engine),
      inbox_(inbox),
      metrics_(metrics),
      redactor_(redactor),
      log_(log),
      on_end_(std::move(on_end)) {
  try {
    const std::lock_guard lock(mutex_);
    running_ = options_.workers;
    for (std::size_t i = 0; i < options_.workers; ++i) workers_.push_back(std::make_unique<Worker>(*this));
  } catch (...) {
    stop();  // else those that are there would be waited for without end
    workers_.clear();
    throw;
  }
}

RestPool::~RestPool() {
  stop();
  workers_.clear();
}

void RestPool::set_link(std::uint64_t link, Secret token) {
  const std::lock_guard lock(mutex_);
  link_ = link;
  token_ = std::move(token);
  jobs_.clear();
  for (const auto& worker : workers_) worker->cut();
}

void RestPool::send(sync::SendRequest request) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || link_ == 0) return;  // the link it was meant for has gone
    jobs_.push_back({std::move(request), link_, token_});
  }
  changed_.notify_one();
}

void RestPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
    for (const auto& worker : workers_) worker->cut();
  }
  changed_.notify_all();
}

bool RestPool::wait_until(TimePoint at) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, at, [this] { return running_ == 0; });
}

}  // namespace tether::daemon
