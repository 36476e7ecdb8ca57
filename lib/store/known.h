#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/sync/model.h"

namespace tether::store {

/// Kinds of rows that are seldom there, and asked for at each input.
enum class Left {
  Document,
  Value,
  AbsentArtifact,
  WentBack,
  AbsentResource,
  UnheldResource,  ///< Of the last: those that no brake holds.
  Question,
  OpenQuestion,
  Hold,
  UnreleasedHold,
  HoldOfArtifacts,  ///< Not released.
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

/// A few rows of one table as they are stored, or that there is no such row: those that were read or written last,
/// since one input often comes back to the same ones.
template <class Row>
class RecentRows {
 public:
  struct Slot {
    std::string kind;
    std::string id;
    std::optional<Row> row;
    std::string unnamed;  ///< Key of a body that was put since, and that the row may not name; or empty.
  };

  /// Null: it is not known.
  Slot* find(std::string_view kind, std::string_view id) {
    if (slots_.empty()) return nullptr;
    auto& slot = slots_[place_of(kind, id)];
    return slot && slot->id == id && slot->kind == kind ? &*slot : nullptr;
  }
  void note(std::string_view kind, std::string_view id, const std::optional<Row>& row) {
    if (slots_.empty()) slots_.resize(kRowsKept);
    slots_[place_of(kind, id)] = Slot{std::string(kind), std::string(id), row, {}};
  }
  void note_unnamed(std::string_view kind, std::string_view id, const std::string& body) {
    Slot* slot = find(kind, id);
    if (slot == nullptr) return;
    if (!slot->unnamed.empty() && slot->unnamed != body) return forget(kind, id);
    slot->unnamed = body;
  }
  void forget(std::string_view kind, std::string_view id) {
    if (find(kind, id) != nullptr) slots_[place_of(kind, id)].reset();
  }

 private:
  static constexpr std::size_t kRowsKept = 256;

  static std::size_t place_of(std::string_view kind, std::string_view id) {
    return (std::hash<std::string_view>()(id) ^ kind.size()) % kRowsKept;
  }

  std::vector<std::optional<Slot>> slots_;  ///< Each row has one place.
};

/// Of one identity.
struct KnownIdentity {
  std::int64_t identity = 0;  ///< 0: there is none.
  std::int64_t revision = 0;  ///< As stored.
  std::optional<sync::Marks> marks;
  WorkLeft left;
  std::int64_t none_settles_up_to = -1;  ///< Nothing that may settle has a revision up to here.
  RecentRows<sync::Artifact> artifacts;  ///< Of any kind: an id is one artifact's.
  RecentRows<sync::Resource> resources;
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
