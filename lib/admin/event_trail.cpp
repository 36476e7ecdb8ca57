#include "tether/admin/event_trail.h"

#include <algorithm>
#include <array>

#include "tether/admin/json_values.h"

namespace tether {
namespace {

constexpr std::array<std::string_view, 7> kStages = {"received", "dropped",      "stored", "pushed",
                                                     "refused",  "acknowledged", "failed"};

void cut(std::string& text) {
  if (text.size() > kMaxEventTextBytes) text.resize(kMaxEventTextBytes);
}

}  // namespace

std::string_view name_of(EventTrail::Stage stage) {
  return kStages.at(static_cast<std::size_t>(stage));
}

std::uint64_t EventTrail::received(EventNote note, std::size_t bytes, TimePoint arrived) {
  for (std::string* text : {&note.type, &note.correlation_id, &note.kind, &note.id, &note.deployment_id}) cut(*text);
  const std::lock_guard lock(mutex_);
  if (entries_.size() == kKeptEvents) {
    const Entry& oldest = entries_.front();
    const auto [begin, end] = by_id_.equal_range(oldest.note.id);
    const auto its = std::find_if(begin, end, [&oldest](const auto& one) { return one.second == oldest.number; });
    if (its != end) by_id_.erase(its);
    entries_.pop_front();
  }
  const Instant now = clock_();
  if (!note.id.empty()) by_id_.emplace(note.id, numbers_ + 1);
  entries_.push_back({++numbers_, ++changes_, now, now, arrived, std::move(note), bytes, Stage::Received, ""});
  return numbers_;
}

EventTrail::Entry* EventTrail::find(std::uint64_t number) {
  if (entries_.empty() || number < entries_.front().number || number > entries_.back().number) return nullptr;
  return &entries_[number - entries_.front().number];
}

void EventTrail::move_to(Entry& entry, Stage stage) {
  entry.stage = stage;
  entry.change = ++changes_;
  entry.changed_at = clock_();
}

void EventTrail::dropped(std::uint64_t number, std::string_view why) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = find(number);
  if (entry == nullptr) return;
  entry->why = why;
  cut(entry->why);
  move_to(*entry, Stage::Dropped);
}

void EventTrail::stored(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = find(number);
  if (entry != nullptr && entry->stage == Stage::Received) move_to(*entry, Stage::Stored);
}

void EventTrail::push_begins() {
  const std::lock_guard lock(mutex_);
  in_push_.clear();
  pushed_up_to_ = numbers_;
  // Those that are not stored yet are in none.
  for (const Entry& entry : entries_) {
    if (entry.stage == Stage::Received) {
      pushed_up_to_ = entry.number - 1;
      break;
    }
  }
}

void EventTrail::push_line(std::string_view kind, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_id_.equal_range(id);
  for (auto one = begin; one != end; ++one) {
    Entry* const entry = find(one->second);
    const bool counts =
        entry != nullptr && entry->stage == Stage::Stored && entry->number <= pushed_up_to_ && entry->note.kind == kind;
    if (counts) in_push_.push_back(entry->number);
  }
}

std::string EventTrail::push_correlations() {
  const std::lock_guard lock(mutex_);
  std::string out;
  std::size_t named = 0;
  std::size_t more = 0;
  for (const std::uint64_t number : in_push_) {
    const Entry* const entry = find(number);
    if (entry == nullptr || entry->note.correlation_id.empty()) continue;
    if (named == kMaxNamedCorrelations) {
      ++more;
      continue;
    }
    out += (named++ == 0 ? "" : " ") + entry->note.correlation_id;
  }
  if (more > 0) out += " and " + std::to_string(more) + " more";
  return out;
}

std::vector<Duration> EventTrail::push_answered(const std::set<std::pair<std::string, std::string>>& refused,
                                                TimePoint now) {
  const std::lock_guard lock(mutex_);
  std::vector<Duration> took;
  for (const std::uint64_t number : in_push_) {
    Entry* const entry = find(number);
    if (entry == nullptr || entry->stage != Stage::Stored) continue;
    const bool is_refused = refused.contains({entry->note.kind, entry->note.id});
    move_to(*entry, is_refused ? Stage::Refused : Stage::Pushed);
    if (!is_refused) took.push_back(now - entry->arrived);
  }
  in_push_.clear();
  return took;
}

void EventTrail::push_failed() {
  const std::lock_guard lock(mutex_);
  in_push_.clear();
}

std::string EventTrail::acknowledged(const AckNote& ack) {
  const std::lock_guard lock(mutex_);
  std::string correlation_id;
  const auto [begin, end] = by_id_.equal_range(ack.artifact_id);
  for (auto one = begin; one != end; ++one) {
    Entry* const entry = find(one->second);
    if (entry == nullptr || entry->note.deployment_id.empty() || entry->note.deployment_id != ack.deployment_id)
      continue;
    // Both name the same deployment.
    if (entry->note.type.ends_with(".undeployed") == ack.deploy) continue;
    correlation_id = entry->note.correlation_id;
    const Stage stage = ack.success ? Stage::Acknowledged : Stage::Failed;
    if (entry->stage != Stage::Dropped && entry->stage != stage) move_to(*entry, stage);
  }
  return correlation_id;
}

std::string EventTrail::json_after(std::uint64_t after) const {
  const std::lock_guard lock(mutex_);
  std::string out = "{\"next\":" + std::to_string(changes_) + ",\n\"events\":[";
  const char* before = "\n";
  for (const Entry& entry : entries_) {
    if (entry.change <= after) continue;
    const OrderedJson line = {{"number", entry.number},
                              {"at", format_rfc3339_ms(entry.at)},
                              {"type", entry.note.type},
                              {"correlation_id", text_or_null(entry.note.correlation_id)},
                              {"kind", text_or_null(entry.note.kind)},
                              {"id", text_or_null(entry.note.id)},
                              {"deployment_id", text_or_null(entry.note.deployment_id)},
                              {"bytes", entry.bytes},
                              {"stage", name_of(entry.stage)},
                              {"stage_at", format_rfc3339_ms(entry.changed_at)},
                              {"why", text_or_null(entry.why)}};
    out += before + line.dump(-1, ' ', /*ensure_ascii=*/false, OrderedJson::error_handler_t::replace);
    before = ",\n";
  }
  return out + "\n]}\n";
}

}  // namespace tether
