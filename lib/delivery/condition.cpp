#include "tether/delivery/courier.h"

/// How the courier's state is told to others.
namespace tether::delivery {

std::string_view to_string(GatewayCondition condition) {
  switch (condition) {
    case GatewayCondition::Away:
      return "away";
    case GatewayCondition::Connecting:
      return "connecting";
    case GatewayCondition::Behind:
      return "behind";
    case GatewayCondition::InSync:
      return "in_sync";
    case GatewayCondition::Refusing:
      return "refusing";
  }
  return "unknown";
}

GatewayCondition Courier::condition() const {
  if (away_) return GatewayCondition::Away;
  if (refusing_ || unreadable_) return GatewayCondition::Refusing;
  if (!reachable_) return GatewayCondition::Connecting;
  return agrees() ? GatewayCondition::InSync : GatewayCondition::Behind;
}

std::optional<std::string> Courier::present_instance() const {
  if (!reachable_) return std::nullopt;
  return instance_;
}

std::optional<HeldPut> Courier::held() const {
  if (plan_ != Plan::Hold) return std::nullopt;
  return replacement();
}

std::string Courier::last_error() const {
  if (!last_error_.empty()) return last_error_;
  if (plan_ == Plan::Hold) {
    return "the gateway has " + std::to_string(state_->resources) + " resources that this store does not know, and " +
           std::to_string(standing_->offered) + " would replace them: held for the operator";
  }
  if (plan_ == Plan::WaitForListing)
    return "the gateway has what this store does not know: waiting for a full listing, with nothing held";
  if (plan_ == Plan::WaitForStore && standing_) return "the store cannot be written: the gateway keeps what it has";
  if (plan_ == Plan::WaitForStore) return "the store cannot be read: the gateway keeps what it has";
  return {};
}

}  // namespace tether::delivery
