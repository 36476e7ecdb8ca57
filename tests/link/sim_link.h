#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tether/link/link.h"

namespace tether::link {

inline LinkLimits default_limits() {
  LinkLimits limits;
  limits.has_token = true;
  limits.token_setting = "TETHER_REGISTRATION_TOKEN";
  return limits;
}

/// A Link, a virtual clock, and a record of what it asked for. Time moves only in `run` and `run_until`.
class SimLink {
 public:
  explicit SimLink(LinkLimits limits = default_limits(), std::uint64_t seed = 1)
      : link_(std::move(limits), seed, now_) {
    collect();
  }

  /// Lets `duration` pass, waking the link at each of its deadlines. Every ping is answered if `peer_is_alive`.
  void run(Duration duration) { run_to(now_ + duration); }

  /// Lets time pass until the link has asked for a `T` (again), at most `limit`. False: it has not.
  template <class T>
  bool run_until(Duration limit) {
    const std::size_t before = count<T>();
    const TimePoint end = now_ + limit;
    while (count<T>() == before) {
      const auto next = link_.next_deadline();
      if (!next || *next > end) {
        run_to(end);
        return false;
      }
      run_to(*next);
    }
    return true;
  }

  /// Lets `duration` pass without waking the link.
  void oversleep(Duration duration) { now_ += duration; }

  template <class Call>
  void tell(Call call) {
    call(link_, now_);
    collect();
  }

  // The usual stories.
  void open() {
    tell([](Link& link, TimePoint now) { link.on_open(now); });
  }
  void ack() {
    tell([](Link& link, TimePoint now) {
      link.on_frame(now);
      link.on_connection_ack(now);
    });
  }
  void connect() {
    open();
    ack();
  }
  void frame() {
    tell([](Link& link, TimePoint now) { link.on_frame(now); });
  }
  void fail(NetworkError reason = NetworkError::Refused, std::string message = "nobody listens",
            bool was_reached = false) {
    tell([&](Link& link, TimePoint now) {
      link.on_dial_failed({reason, 0, std::nullopt, std::move(message), was_reached}, now);
    });
  }
  void answer(int status, std::optional<Duration> retry_after = std::nullopt) {
    tell([&](Link& link, TimePoint now) {
      link.on_dial_failed({NetworkError::Http, status, retry_after, "HTTP " + std::to_string(status)}, now);
    });
  }
  void refuse() { answer(401); }
  void lose(NetworkError reason = NetworkError::Closed, int code = 1000) {
    tell([&](Link& link, TimePoint now) { link.on_closed({reason, code, "gone"}, now); });
  }
  void rest(int status) {
    tell([&](Link& link, TimePoint now) { link.on_rest_status(link.snapshot().link, status, now); });
  }
  void listing() {
    tell([](Link& link, TimePoint /*now*/) { link.on_listing_succeeded(link.snapshot().link); });
  }

  template <class T>
  std::size_t count() const {
    return static_cast<std::size_t>(std::count_if(
        seen_.begin(), seen_.end(), [](const Command& command) { return std::holds_alternative<T>(command); }));
  }
  template <class T>
  bool did() const {
    return count<T>() > 0;
  }
  template <class T>
  const T* last() const {
    for (auto it = seen_.rbegin(); it != seen_.rend(); ++it) {
      if (const T* found = std::get_if<T>(&*it)) return found;
    }
    return nullptr;
  }
  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Command& command : seen_) {
      if (const T* one = std::get_if<T>(&command)) found.push_back(*one);
    }
    return found;
  }
  void forget() { seen_.clear(); }

  /// From now to the planned attempt.
  std::optional<Duration> wait() const {
    const auto at = link_.snapshot().next_attempt;
    return at ? std::optional<Duration>(*at - now_) : std::nullopt;
  }
  TimePoint now() const { return now_; }
  State state() const { return link_.state(); }
  Snapshot snapshot() const { return link_.snapshot(); }
  bool is_finished() const { return link_.is_finished(); }

  bool peer_is_alive = false;
  /// What becomes of a knock: no answer, a refusal or an answer, both at once, or an answer that has no words.
  enum class Door { Gone, Shut, Open, Mute };
  Door door = Door::Gone;

 private:
  void run_to(TimePoint end) {
    for (;;) {
      const auto next = link_.next_deadline();
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      link_.on_deadline(now_);
      collect();
    }
    now_ = end;
  }

  void collect() {
    for (Command& command : link_.take_commands()) {
      const auto* ping = std::get_if<SendPing>(&command);
      if (ping != nullptr && peer_is_alive) link_.on_pong(ping->payload, now_);
      if (const auto* knock = std::get_if<Knock>(&command)) on_knock(*knock);
      seen_.push_back(std::move(command));
    }
    if (std::exchange(is_told_, false)) collect();
  }

  void on_knock(const Knock& knock) {
    is_told_ = true;
    const bool is_answered = door == Door::Open || (door == Door::Mute && !knock.wants_words);
    if (is_answered) return link_.on_knock_answered(now_);
    if (door == Door::Shut) link_.on_knock_failed(NetworkError::Refused, "nobody listens", now_);
  }

  TimePoint now_{std::chrono::hours(1)};
  Link link_;
  std::vector<Command> seen_;
  bool is_told_ = false;  ///< Of a knock: it may have more commands.
};

inline std::uint64_t errors(const SimLink& link, NetworkError reason) {
  return link.snapshot().counters.network_errors.at(static_cast<std::size_t>(reason));
}

}  // namespace tether::link
