#include "tether/delivery/footing.h"

#include <algorithm>
#include <utility>

namespace tether::delivery {

Left read_left(sync::Records& records) {
  return {records.marks(), records.epoch(), records.revision(), records.has_lost(), records.offered_count()};
}

Footing::Footing(std::function<std::string()> new_epoch) : new_epoch_(std::move(new_epoch)), epoch_(new_epoch_()) {}

void Footing::start_anew() {
  epochs_.clear();
  standing_ = {};
  marks_ = {};
  epoch_ = new_epoch_();
  begun_ = false;
}

const std::string& Footing::epoch_to_begin(std::int64_t revision) {
  if (revision < standing_.revision) {
    // Not the store that was read: what a gateway has under this epoch is not known here.
    epoch_ = new_epoch_();
    epochs_.clear();
  }
  return epoch_;
}

Footing::Stored Footing::on_stored(Left left, const sync::Standing& standing,
                                   const std::optional<std::string>& gateway_epoch) {
  Stored out;
  // With another identity another epoch has begun: the gateway is at one of the store's own all the same.
  out.switched = begun_ && left.epoch != standing_.epoch;
  if (out.switched) out.look_up.push_back(standing_.epoch);
  begun_ = true;
  marks_ = std::move(left.marks);
  standing_.epoch = std::move(left.epoch);
  standing_.revision = left.revision;
  standing_.floor = marks_.floor;
  standing_.answered = marks_.answered;
  standing_.complete = standing.complete;
  standing_.contains_known = standing.contains_known;
  standing_.lost = left.has_lost && !standing.lost_stays;
  standing_.offered = left.offered;
  standing_.storable = true;
  if (std::exchange(backoff_, Duration{}) == Duration{}) return out;
  retry_at_ = {};
  out.recovered = true;
  // The gateway's may have been given when the store could not be asked about it.
  if (gateway_epoch && is_foreign(*gateway_epoch)) out.look_up.push_back(*gateway_epoch);
  return out;
}

void Footing::on_not_stored(TimePoint now, const std::function<std::optional<Left>()>& read) {
  backoff_ = is_storing() ? kStoreRetryFirst : std::min(backoff_ * 2, kStoreRetryMax);
  retry_at_ = now + backoff_;
  standing_.storable = false;
  if (begun_) return;
  auto left = read();
  if (!left) return;
  marks_ = std::move(left->marks);
  standing_.revision = left->revision;
  standing_.epoch = epoch_;
  standing_.floor = marks_.floor;
  standing_.answered = marks_.answered;
  standing_.offered = left->offered;
}

std::optional<Standing> Footing::told() const {
  if (standing_.epoch.empty()) return std::nullopt;
  return standing_;
}

bool Footing::is_foreign(std::string_view gateway_epoch) const {
  return !gateway_epoch.empty() && gateway_epoch != standing_.epoch;
}

void Footing::note_last_revision(const std::string& epoch, std::optional<std::int64_t> last) {
  if (epochs_.size() >= kMaxEpochsKept) epochs_.clear();
  if (last) epochs_[epoch] = *last;
}

std::optional<std::int64_t> Footing::last_revision_of(std::string_view epoch) const {
  const auto known = epochs_.find(epoch);
  return known == epochs_.end() ? std::nullopt : std::optional(known->second);
}

}  // namespace tether::delivery
