#pragma once

#include <map>
#include <string>

#include "scene.h"
#include "tether/peers/desire.h"
#include "tether/peers/documents.h"
#include "tether/peers/kinds.h"

namespace tether::test {

/// Texts that nobody may be told, nor any piece of them that is long enough to mean something.
class Planted {
 public:
  /// Values that are drawn at random, so that no piece of them is anywhere by accident. Returns `value`.
  const std::string& add(const std::string& name, const std::string& value) { return values_[name] = value; }

  /// All of them, each followed by a space: what somebody says who quotes without shame.
  std::string all() const;
  /// A failed check for each value that `text` has a piece of.
  void check_absent(const std::string& text, const std::string& where) const;

 private:
  std::map<std::string, std::string> values_;
};

/// What deploy_everything made: one artifact of each kind, all of them with secrets (the RestApi with a credential of
/// its own besides), and all that can belong to one.
struct Everything {
  std::map<std::string, peers::Deployed> artifacts;  ///< By kind.
  std::string subscription;                          ///< Of the RestApi.
};

/// The document of the artifact of this kind: it refers to two secrets.
peers::SampleDocument document_of(const peers::Kind& kind);

/// A control plane whose token is planted like the rest, a gateway, and nothing deployed yet.
void start_peers(Scene& scene, Planted& planted);
/// For a daemon between them that lists everything each second.
std::map<std::string, std::string> settings_of(Scene& scene, const std::string& log_format);

Everything deploy_everything(Scene& scene, Planted& planted);
/// New values for all that is secret in the control plane.
void change_values(Scene& scene, Planted& planted, const Everything& everything, const std::string& generation);

}  // namespace tether::test
