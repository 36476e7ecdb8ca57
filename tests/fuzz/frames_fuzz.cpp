#include <variant>

#include "fuzz.h"
#include "tether/base/check.h"
#include "tether/protocol/frames.h"
#include "tether/protocol/json.h"
#include "tether/protocol/rest.h"

using namespace tether;
using namespace tether::protocol;

namespace {

/// What is stored of a resource must be one line of JSON that reads back as itself.
void check_data(const ResourceState& state) {
  const auto again = json::parse(state.data, /*max_depth=*/64);
  check(again.has_value() && again->text == state.data, "data reads back as itself");
  check(state.data.find('\n') == std::string::npos, "data is one line");
  check(same_content(state.kind, state.data, state.data), "data is the same as itself");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto frame = parse_frame(fuzz::as_text(data, size));
  const auto* event = frame ? std::get_if<Event>(&*frame) : nullptr;
  if (event == nullptr) return 0;
  if (const auto* created = std::get_if<KeyCreated>(&event->body)) check_data(created->key);
  if (const auto* updated = std::get_if<KeyUpdated>(&event->body)) {
    check_data(updated->key);
    const auto merged = merge_data(R"({"uuid":"k","name":"n"})", updated->key.data);
    check(json::parse_object(merged, /*max_depth=*/64).has_value(), "merged data is an object");
  }
  if (const auto* application = std::get_if<ApplicationUpdated>(&event->body)) check_data(application->application);
  if (const auto* changed = std::get_if<SubscriptionChanged>(&event->body)) check_data(changed->subscription);
  if (const auto* plan = std::get_if<PlanChanged>(&event->body)) check_data(plan->plan);
  if (const auto* deployment = std::get_if<DeploymentChanged>(&event->body)) {
    const auto ack = write_ack({deployment->deployment_id, deployment->artifact_id, deployment->kind,
                                deployment->deployed, /*success=*/true, deployment->at_text});
    check(json::parse_object(ack, /*max_depth=*/4).has_value(), "an ack is JSON");
  }
  return 0;
}
