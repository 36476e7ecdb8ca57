#include "tether/link/state.h"

namespace tether::link {
namespace {

constexpr std::array<std::string_view, kStates> kStateNames = {"standalone",   "connecting", "connected",
                                                               "reconnecting", "rejected",   "disconnected"};
constexpr std::array<std::string_view, kRetryReasons> kReasonNames = {
    "dns", "refused", "timeout", "tls", "reset", "closed", "silent", "http", "auth", "token", "store"};

}  // namespace

std::string_view name_of(State state) {
  return kStateNames.at(static_cast<std::size_t>(state));
}

std::string_view name_of(NetworkError error) {
  return kReasonNames.at(static_cast<std::size_t>(error));
}

std::string_view name_of(RetryReason reason) {
  return kReasonNames.at(static_cast<std::size_t>(reason));
}

RetryReason retry_reason(NetworkError error) {
  return static_cast<RetryReason>(error);
}

}  // namespace tether::link
