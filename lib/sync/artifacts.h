#pragma once

#include <optional>

#include "tether/sync/context.h"
#include "tether/sync/rule.h"

namespace tether::sync {

/// Carries out what the rule says about artifacts: statements of events and rows, absences, answers to `exists`,
/// documents.
class Artifacts {
 public:
  explicit Artifacts(Context& context) : context_(context) {}

  void on_event(const Statement& event, const std::string& type);
  void on_deleted_event(const protocol::ArtifactDeleted& event, const std::string& type, Instant at);
  /// `stored` is what is stored of the row's artifact.
  void on_row(std::optional<Artifact> stored, const Statement& row, const RowContext& row_context, Asked& asked);
  /// Rows of this listing brought these into service: what belongs to them is listed.
  void on_came(const Asked& asked);
  /// A full listing took it out of service by an older row that was said twice, and the brake allows.
  void on_taken_back(const Statement& row);
  /// A full listing lacks it, and the brake allows.
  void on_absent(Artifact artifact, const Asked& asked);
  void on_existence(const protocol::Existence& answer, const Asked& asked);
  void on_document(const Document& document);

 private:
  void create(const Statement& statement);
  void replace(Artifact& artifact, const Statement& statement);
  void take(Artifact& artifact, const Statement& statement);
  void note_coming(const Statement& row, Asked& asked);
  static bool lists_pass_over(const Artifact& artifact);
  void list_what_belongs_to(const Key& artifact);
  void repeat_ack(const Artifact& artifact);
  void ask_existence(Artifact& artifact, Question why);
  static bool is_back(const Artifact& artifact, const Asked& asked);
  bool is_stale(const Artifact& artifact, const Asked& asked) const;
  void remove(Artifact& artifact);
  void conclude_undeployed(Artifact& artifact);
  /// No list speaks about the keys and subscriptions of what is not wanted here: what one proposed before is void.
  void forget_absences(const std::string& artifact_id);

  Context& context_;
};

}  // namespace tether::sync
