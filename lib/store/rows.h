#pragma once

#include <optional>
#include <string>

#include "tether/store/connection.h"
#include "tether/sync/model.h"

/// How rows become structs: the column lists of the statements that read whole rows, and what reads them.
namespace tether::store {

/// Columns of `artifacts a JOIN offers o` and of `resources r JOIN offers o`, in the order that the readers expect.
extern const std::string kSelectArtifact;
extern const std::string kSelectResource;

sync::Artifact read_artifact(const Cursor& row);
sync::Resource read_resource(const Cursor& row);

/// Columns of `holds`, in the order that the reader expects.
extern const std::string kHoldColumns;
sync::Hold read_hold(const Cursor& row);

/// A nullable group of three columns: link, asked_ms, change.
struct ProposalColumns {
  explicit ProposalColumns(const std::optional<sync::Proposal>& proposal);
  std::optional<std::int64_t> link, asked_ms, change;
};

}  // namespace tether::store
