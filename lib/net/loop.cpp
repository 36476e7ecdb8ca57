#include "tether/net/loop.h"

#include <asio/executor_work_guard.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <initializer_list>
#include <utility>

#include "tether/net/loop_impl.h"

namespace tether::net {
namespace {

void wait_for_signal(asio::signal_set& signals, const std::function<void()>& callback) {
  signals.async_wait([&signals, callback](const asio::error_code& error, int /*number*/) {
    if (error) return;
    callback();
    wait_for_signal(signals, callback);
  });
}

void watch_signals(asio::signal_set& signals, std::initializer_list<int> numbers,
                   const std::function<void()>& callback) {
  signals.cancel();
  for (const int number : numbers) {
    asio::error_code ignored;  // Only numbers that are no signals can fail.
    signals.add(number, ignored);
  }
  wait_for_signal(signals, callback);
}

}  // namespace

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::run() {
  const auto keep_running = asio::make_work_guard(impl_->io);
  impl_->io.restart();
  impl_->io.run();
}

void Loop::stop() {
  impl_->io.stop();
}

void Loop::post(std::function<void()> work) {
  asio::post(impl_->io, std::move(work));
}

void Loop::on_terminate(const std::function<void()>& callback) {
  watch_signals(impl_->terminate, {SIGTERM, SIGINT}, callback);
}

void Loop::on_reload(const std::function<void()>& callback) {
  watch_signals(impl_->reload, {SIGHUP}, callback);
}

void Loop::on_user_signal(const std::function<void()>& callback) {
  watch_signals(impl_->user, {SIGUSR1}, callback);
}

struct Timer::Impl {
  Impl(asio::io_context& io, std::function<void()> work) : timer(io), callback(std::move(work)) {}

  asio::steady_timer timer;
  std::function<void()> callback;
  /// Tells a wait that was already due when it was cancelled or replaced that it is not wanted any more.
  std::uint64_t turn = 0;
};

Timer::Timer(Loop& loop, std::function<void()> callback)
    : impl_(std::make_shared<Impl>(loop.impl().io, std::move(callback))) {}

Timer::~Timer() {
  cancel();
}

void Timer::arm(TimePoint at) {
  impl_->timer.expires_at(at);
  impl_->timer.async_wait([impl = impl_, turn = ++impl_->turn](const asio::error_code& error) {
    if (error || turn != impl->turn) return;
    const auto callback = impl->callback;  // Survives the destruction of its timer.
    callback();
  });
}

void Timer::cancel() {
  ++impl_->turn;
  impl_->timer.cancel();
}

struct FdWatch::Impl : std::enable_shared_from_this<FdWatch::Impl> {
  Impl(asio::io_context& io, int fd, std::function<void()> work) : descriptor(io, fd), callback(std::move(work)) {}

  void wait() {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [impl = shared_from_this()](const asio::error_code& error) {
                            if (error || impl->ended) return;
                            const auto work = impl->callback;  // Survives the destruction of its watch.
                            work();
                            if (!impl->ended) impl->wait();
                          });
  }

  asio::posix::stream_descriptor descriptor;
  std::function<void()> callback;
  bool ended = false;
};

FdWatch::FdWatch(Loop& loop, int fd, std::function<void()> on_readable)
    : impl_(std::make_shared<Impl>(loop.impl().io, fd, std::move(on_readable))) {
  impl_->wait();
}

FdWatch::~FdWatch() {
  impl_->ended = true;
  impl_->descriptor.release();  // The descriptor is its owner's to close.
}

}  // namespace tether::net
