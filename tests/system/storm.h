#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tether/peers/desire.h"

namespace tether::test {

/// Random operations on a database, as people make them: mostly on what is there already. An LlmProvider
/// `openai-provider` and a secret `openai-key` are there from the beginning, and stay.
class Storm {
 public:
  explicit Storm(std::uint32_t seed) : random_(seed) {}

  int up_to(int most) { return std::uniform_int_distribution(0, most)(random_); }

  void operate(peers::Desire& desire);

 private:
  void deploy_new(peers::Desire& desire);
  void change_what_belongs_to(peers::Desire& desire, const std::string& id, int dice);
  std::string plan_of(peers::Desire& desire);
  std::string any_artifact(const peers::Desire& desire);
  std::string any_deployment(const peers::Desire& desire, const std::string& artifact_id);

  std::mt19937 random_;
  int named_ = 0;
};

}  // namespace tether::test
