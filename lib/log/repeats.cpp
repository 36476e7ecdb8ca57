#include "tether/log/repeats.h"

#include <algorithm>

namespace tether {

Repeats::Decision Repeats::on_fault(LogLevel level, std::string_view event, std::string_view key, TimePoint now) {
  Decision out;
  const Id id(event, key);
  const auto known = faults_.find(id);
  if (known == faults_.end()) {
    out.made_room_by = make_room();
    faults_.emplace(id, Fault{level, now});
    out.write = true;
    return out;
  }
  Fault& fault = known->second;
  if (now - fault.written < window_) {
    ++fault.unwritten;
    return out;
  }
  out.write = true;
  out.unwritten = fault.unwritten;
  fault = Fault{level, now};
  return out;
}

std::optional<Repeats::Unwritten> Repeats::make_room() {
  if (faults_.size() < max_faults_) return std::nullopt;
  const auto by_time = [](const auto& a, const auto& b) { return a.second.written < b.second.written; };
  const auto oldest = std::ranges::min_element(faults_, by_time);
  const Unwritten gone{oldest->second.level, oldest->first.first, oldest->first.second, oldest->second.unwritten};
  faults_.erase(oldest);
  if (gone.count == 0) return std::nullopt;
  return gone;
}

template <class Matches>
std::vector<Repeats::Unwritten> Repeats::take_if(const Matches& matches) {
  std::vector<Unwritten> out;
  for (auto it = faults_.begin(); it != faults_.end();) {
    const auto& [id, fault] = *it;
    if (!matches(id)) {
      ++it;
      continue;
    }
    if (fault.unwritten > 0) out.push_back({fault.level, id.first, id.second, fault.unwritten});
    it = faults_.erase(it);
  }
  return out;
}

std::vector<Repeats::Unwritten> Repeats::take(std::string_view event, std::optional<std::string_view> key) {
  return take_if([event, key](const Id& id) { return id.first == event && (!key || id.second == *key); });
}

std::vector<Repeats::Unwritten> Repeats::take_all() {
  return take_if([](const Id&) { return true; });
}

}  // namespace tether
