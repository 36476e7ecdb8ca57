#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "tether/sync/model.h"

namespace tether::store {

/// Kinds of rows that are seldom there, and asked for at each input.
enum class Left {
  Document,
  Value,
  AbsentArtifact,
  WentBack,
  AbsentResource,
  Question,
  Hold,
  HeldResource,
  WaitingArtifact,
  WaitingResource,
  Refused,
  RefusedRemoval,
  Doubt,
  Lost,
};
inline constexpr std::size_t kLeftKinds = static_cast<std::size_t>(Left::Lost) + 1;

/// Of each kind whether there is such a row, as far as that is known.
class WorkLeft {
 public:
  std::optional<bool>& operator[](Left what) { return known_.at(static_cast<std::size_t>(what)); }

  /// A row was written that may be one of these, or is none of them now: what there is not stays so, or is to be looked
  /// for again.
  void note_written(Left what, bool may_be_one) {
    auto& known = (*this)[what];
    if (may_be_one || known.value_or(true)) known.reset();
  }
  /// Rows of any kind went.
  void note_erased() {
    for (auto& known : known_) {
      if (known.value_or(true)) known.reset();
    }
  }

 private:
  std::array<std::optional<bool>, kLeftKinds> known_;
};

/// Of one identity.
struct KnownIdentity {
  std::int64_t identity = 0;  ///< 0: there is none.
  std::int64_t revision = 0;  ///< As stored.
  std::optional<sync::Marks> marks;
  WorkLeft left;
  std::int64_t none_settles_up_to = -1;  ///< Nothing that may settle has a revision up to here.
};

/// What was read of the store, or written to it, and need not be read again while nobody else has written: the one
/// connection that writes keeps it from one transaction to the next. Never more than what a read would show.
struct Known {
  std::optional<KnownIdentity> served;
  std::optional<KnownIdentity> staged;
  std::optional<std::string> staged_gateway_id;
  std::optional<std::string> epoch;
  std::optional<std::int64_t> change;  ///< As stored.
};

}  // namespace tether::store
