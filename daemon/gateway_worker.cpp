#include "gateway_worker.h"

#include <utility>

#include "tether/protocol/sensitive.h"

namespace tether::daemon {
namespace {

/// A body of the store as the driver reads it.
class StoredBody : public gateway::PushSource {
 public:
  StoredBody(const delivery::Push& push, store::PushBody* body, const GatewayWorker::Callbacks& callbacks)
      : body_(body), callbacks_(callbacks) {
    header_.from_epoch = push.from_epoch;
    header_.from = push.from;
    header_.epoch = push.epoch;
    header_.revision = push.up_to;
    header_.count = body == nullptr ? 0 : body->count();
  }

  const gateway::PushHeader& header() const override { return header_; }

  Result<bool> next(gateway::PushLine& line) override {
    if (body_ == nullptr) return false;
    auto text = body_->next();
    if (!text) return tl::unexpected(text.error());
    if (!*text) return false;
    line.text.assign(**text);
    line.kind = body_->key().kind;
    line.id = body_->key().id;
    for (auto& value : protocol::sensitive_values(line.kind, body_->content()))
      callbacks_.on_secret(Secret(std::move(value)));
    callbacks_.on_line(line.kind, line.id);
    return true;
  }

 private:
  store::PushBody* body_;
  const GatewayWorker::Callbacks& callbacks_;
  gateway::PushHeader header_;
};

}  // namespace

GatewayWorker::GatewayWorker(std::unique_ptr<gateway::Driver> driver, Callbacks callbacks)
    : driver_(std::move(driver)), callbacks_(std::move(callbacks)), thread_([this] { run(); }) {}

GatewayWorker::~GatewayWorker() {
  stop();
  thread_.join();
}

void GatewayWorker::ask_state() {
  submit({});
}

void GatewayWorker::push(const delivery::Push& push, std::unique_ptr<store::PushBody> body) {
  submit({true, push, std::move(body)});
}

void GatewayWorker::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    job_ = std::make_unique<Job>(std::move(job));
  }
  changed_.notify_one();
}

void GatewayWorker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  driver_->cancel();
}

void GatewayWorker::run() {
  while (true) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || job_; });
      if (stopping_) return;
      job = std::move(job_);
    }
    carry_out(std::move(*job));
  }
}

void GatewayWorker::carry_out(Job job) {
  if (!job.is_push) {
    callbacks_.on_state(driver_->state());
    return;
  }
  StoredBody body(job.push, job.body.get(), callbacks_);
  const TimePoint started = Clock::now();
  auto outcome = job.push.full ? driver_->replace(body) : driver_->apply(body);
  job.body.reset();  // the snapshot must not outlive the request
  callbacks_.on_push(job.push.number, job.push.full, std::move(outcome), Clock::now() - started);
}

}  // namespace tether::daemon
