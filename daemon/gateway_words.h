#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "tether/delivery/outcome.h"
#include "tether/log/redactor.h"
#include "tether/store/store.h"

namespace tether::daemon {

/// Clears what a gateway says in its own words of secret values, before anybody keeps or shows it.
///
/// The redactor knows what this process has pushed. A gateway may quote what an earlier one pushed, or so many ago that
/// it was forgotten: what stands in the store is looked for as well. That reads every stored secret and document; a
/// gateway that refuses nothing costs nothing. What is looked at of one answer has an end, however long that is: the
/// rest is not kept. State thread only.
class GatewayWords {
 public:
  GatewayWords(store::Store& store, Redactor& redactor) : store_(store), redactor_(redactor) {}

  void clear(delivery::StateOutcome& outcome);
  void clear(delivery::PushOutcome& outcome);

 private:
  void clear(delivery::GatewayProblem& problem);
  void clear(std::vector<protocol::RejectedLine>& rejected);
  /// Makes the stored values known to the redactor that may be quoted in the first `max_bytes` of one of these.
  void look_for_secrets_in(const std::vector<std::string_view>& texts, std::size_t max_bytes);
  void note_harmless(std::size_t hash);

  store::Store& store_;
  Redactor& redactor_;
  /// Hashes of what was seen to hold no credential: most documents, and to read them all again would take long.
  std::unordered_set<std::size_t> harmless_;
};

}  // namespace tether::daemon
