#include "tether/terminal/event_words.h"

#include "tether/admin/command_json.h"

namespace tether::terminal {

std::string stage_in_words(const nlohmann::json& event) {
  std::string stage = shown_text(event, "stage");
  if (stage == "received") return "waits for the store";
  if (stage == "dropped") return "dropped: " + shown_text(event, "why");
  if (stage == "stored") return "stored";
  if (stage == "pushed") return "the gateway has answered a push with it";
  if (stage == "refused") return "the gateway has refused it";
  if (stage == "acknowledged") return "in effect, and acknowledged";
  if (stage == "failed") return "acknowledged as failed";
  return stage;
}

}  // namespace tether::terminal
