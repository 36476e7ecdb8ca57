#include "fleet.h"

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <queue>
#include <utility>
#include <variant>

#include "tether/base/random.h"

namespace tether::herd {
namespace {

/// A SYN that is not answered is sent again by Linux after 1 s, then after twice as long each time.
constexpr std::array<Duration, 4> kSyns = {0s, 1s, 3s, 7s};
constexpr Duration kWindow = 60s;
/// Of a dial: TCP, TLS, the upgrade.
constexpr int kRoundTripsToUpgrade = 3;

struct Event {
  TimePoint at;
  std::uint64_t number = 0;  ///< Of two at one time the earlier made one is first.
  std::function<void()> what;

  friend bool operator>(const Event& a, const Event& b) { return a.at != b.at ? a.at > b.at : a.number > b.number; }
};

link::LinkLimits limits() {
  link::LinkLimits limits;
  limits.has_token = true;
  return limits;
}

struct Member {
  Member(std::uint64_t seed, TimePoint now, Duration away) : link(limits(), seed, now), round_trip(away) {}

  link::Link link;
  Duration round_trip;
  std::uint64_t dial = 0;   ///< The number of the last one: what an earlier one meets is of no interest.
  std::uint64_t knock = 0;  ///< Likewise.
  TimePoint armed{};
  bool is_back = false;
  std::size_t dials = 0;
};

std::size_t most_in_a_second(std::vector<TimePoint> times) {
  std::sort(times.begin(), times.end());
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    while (times[i] - times[first] >= 1s) ++first;
    most = std::max(most, i - first + 1);
  }
  return most;
}

class Fleet {
 public:
  explicit Fleet(const Outage& outage)
      : outage_(outage), random_(outage.seed), now_(1h), cut_(now_ + 1s), return_(cut_ + outage.away) {
    for (std::size_t i = 0; i < outage.links; ++i) {
      const auto seed = static_cast<std::uint64_t>(random_.between(0ns, Duration::max() / 2).count());
      members_.emplace_back(seed, now_, random_.between(1ms, 150ms));
      link::Link& link = members_.back().link;
      link.on_open(now_);
      link.on_connection_ack(now_);
      link.on_listing_succeeded(link.snapshot().link);
      link.take_commands();
    }
  }

  Return play() {
    now_ = cut_;
    for (Member& member : members_) {
      member.link.on_closed({link::NetworkError::Reset, 1006, "cut off"}, now_);
      pump(member);
    }
    while (back_.size() < members_.size() && !events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      event.what();
    }
    return sum_up();
  }

 private:
  void at(TimePoint when, std::function<void()> what) { events_.push({when, ++numbers_, std::move(what)}); }

  void pump(Member& member) {
    for (auto commands = member.link.take_commands(); !commands.empty(); commands = member.link.take_commands()) {
      for (const link::Command& command : commands) {
        if (std::holds_alternative<link::Dial>(command)) dial(member);
        if (std::holds_alternative<link::HangUp>(command)) ++member.dial;
        if (std::holds_alternative<link::Knock>(command)) knock(member);
        if (std::holds_alternative<link::Unwatch>(command)) ++member.knock;
      }
    }
    const auto next = member.link.next_deadline();
    if (member.is_back || !next || *next == member.armed) return;
    member.armed = *next;
    at(*next, [this, &member, due = *next] {
      if (member.is_back || member.armed != due) return;
      member.armed = {};
      member.link.on_deadline(now_);
      pump(member);
    });
  }

  /// When a connection that is begun now comes about, if it does within the limit. It is refused at once, or nothing is
  /// heard of it, while the control plane is away.
  std::optional<TimePoint> reached(Duration limit) const {
    for (const Duration syn : kSyns) {
      if (now_ + syn >= return_ && syn < limit) return now_ + syn;
      if (!outage_.is_unanswered) break;
    }
    return std::nullopt;
  }

  void dial(Member& member) {
    const auto mine = ++member.dial;
    const auto told = [&member, mine](auto tell) {
      return [&member, mine, tell] {
        if (member.dial == mine) tell();
      };
    };
    const auto reached_at = reached(limits().dial_timeout);
    if (!reached_at) {
      const auto reason = outage_.is_unanswered ? link::NetworkError::Timeout : link::NetworkError::Refused;
      at(now_ + (outage_.is_unanswered ? limits().dial_timeout : member.round_trip), told([this, &member, reason] {
           member.link.on_dial_failed({reason, 0, std::nullopt, "nobody"}, now_);
           pump(member);
         }));
      return;
    }
    dials_.push_back(*reached_at);
    ++member.dials;
    at(*reached_at + kRoundTripsToUpgrade * member.round_trip, told([this, &member] { upgrade(member); }));
  }

  void upgrade(Member& member) {
    while (!window_.empty() && now_ - window_.front() >= kWindow) window_.pop_front();
    if (outage_.dials_per_minute && window_.size() >= *outage_.dials_per_minute) {
      ++refused_;
      member.link.on_dial_failed({link::NetworkError::Http, 429, std::nullopt, "HTTP 429"}, now_);
      return pump(member);
    }
    if (outage_.dials_per_minute) window_.push_back(now_);
    admitted_.push_back(now_);
    member.is_back = true;
    back_.push_back(now_);
    member.link.on_open(now_);
    member.link.on_connection_ack(now_);
    pump(member);
  }

  void knock(Member& member) {
    const auto mine = ++member.knock;
    knocks_.push_back(now_);
    const auto reached_at = reached(link::kKnockTimeout);
    if (!reached_at && outage_.is_unanswered) return;
    at(reached_at.value_or(now_) + member.round_trip, [this, &member, mine, is_answered = reached_at.has_value()] {
      if (member.knock != mine) return;
      if (is_answered) {
        member.link.on_knock_answered(now_);
      } else {
        member.link.on_knock_failed(link::NetworkError::Refused, "nobody", now_);
      }
      pump(member);
    });
  }

  Return sum_up() const {
    Return result;
    result.peak_dials = most_in_a_second(dials_);
    result.peak_knocks = most_in_a_second(knocks_);
    const auto until = [this](std::size_t count) { return count == 0 ? Duration{} : back_[count - 1] - return_; };
    result.half = until(back_.size() / 2);
    result.most = until(back_.size() * 95 / 100);
    result.all = until(back_.size());
    result.dials = dials_.size();
    result.refused = refused_;
    for (const Member& member : members_) result.most_dials_of_one = std::max(result.most_dials_of_one, member.dials);
    for (const TimePoint when : admitted_) {
      const auto minute = static_cast<std::size_t>((when - admitted_.front()) / 1min);
      if (result.admitted.size() <= minute) result.admitted.resize(minute + 1);
      ++result.admitted[minute];
    }
    return result;
  }

  Outage outage_;
  Random random_;
  TimePoint now_;
  TimePoint cut_;
  TimePoint return_;
  std::deque<Member> members_;  ///< Stay where they are: events name them.
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t numbers_ = 0;

  std::deque<TimePoint> window_;  ///< Dials that were let in, of the last minute.
  std::vector<TimePoint> dials_, knocks_, admitted_, back_;
  std::size_t refused_ = 0;
};

}  // namespace

Return play(const Outage& outage) {
  return Fleet(outage).play();
}

}  // namespace tether::herd
