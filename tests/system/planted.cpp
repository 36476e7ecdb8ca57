#include "planted.h"

#include <catch2/catch.hpp>

#include "tether/peers/texts.h"

namespace tether::test {
namespace {

constexpr std::size_t kPiece = 12;
/// Of a long value its ends are enough: who shows the middle shows one of them too, or cut it there.
constexpr std::size_t kEnd = 100;
constexpr std::size_t kAround = 200;

std::size_t first_piece_in(const std::string& text, const std::string& value) {
  for (std::size_t i = 0; i + kPiece <= value.size(); ++i) {
    if (i > kEnd && i + kPiece + kEnd < value.size()) continue;
    if (const auto at = text.find(value.substr(i, kPiece)); at != std::string::npos) return at;
  }
  return std::string::npos;
}

/// A value with line ends, as a private key has: who quotes it in JSON writes it in another way.
std::string random_pem() {
  std::string text = peers::random_token();
  for (int i = 0; i < 3; ++i) text += "\n" + peers::random_token();
  return text + "\n";
}

}  // namespace

std::string Planted::all() const {
  std::string text;
  for (const auto& [name, value] : values_) text += value + " ";
  return text;
}

void Planted::check_absent(const std::string& text, const std::string& where) const {
  for (const auto& [name, value] : values_) {
    const auto at = first_piece_in(text, value);
    if (at == std::string::npos) continue;
    const std::size_t begin = at < kAround ? 0 : at - kAround;
    FAIL_CHECK(where << " tells of the " << name << ": …" << text.substr(begin, 2 * kAround) << "…");
  }
}

peers::SampleDocument document_of(const peers::Kind& kind) {
  peers::SampleDocument sample;
  sample.kind = kind.name;
  sample.handle = "one-" + std::string(kind.event_prefix);
  sample.secrets = {"backend-key", "client-key"};
  sample.providers = {"one-llmprovider"};
  return sample;
}

void start_peers(Scene& scene, Planted& planted) {
  scene.start_control_plane();
  planted.add("token", scene.control_plane().rotate_token());
  scene.start_gateway();
}

std::map<std::string, std::string> settings_of(Scene& scene, const std::string& log_format) {
  return {{"TETHER_REGISTRATION_TOKEN", scene.control_plane().token()},
          {"TETHER_LOG_FORMAT", log_format},
          {"TETHER_POLL_INTERVAL_S", "1"},
          {"TETHER_FULL_LIST_EVERY", "1"}};
}

void change_values(Scene& scene, Planted& planted, const Everything& everything, const std::string& generation) {
  const auto name = [&generation](const std::string& what) { return what + ", " + generation; };
  scene.control_plane().change([&](peers::Desire& desire) {
    desire.put_secret("backend-key", planted.add(name("secret"), peers::random_token()));
    desire.put_secret("client-key", planted.add(name("secret of several lines"), random_pem()));
    const std::string token = planted.add(name("subscription token"), peers::random_token());
    CHECK(desire.update_subscription(everything.subscription, {{"subscriptionToken", token}}));
    CHECK(desire.put_hmac_secret(everything.artifacts.at("WebSubApi").artifact_id, "orders",
                                 planted.add(name("HMAC secret"), peers::random_token())));
    for (const auto& [kind, artifact] : everything.artifacts) {
      CHECK(desire.update_key(artifact.artifact_id, "mobile-app"));
      for (const auto& key : desire.api_keys(kind, {})) {
        planted.add(name("key hash of " + kind), key["apiKeyHashes"]["sha256"]);
      }
    }
  });
}

Everything deploy_everything(Scene& scene, Planted& planted) {
  Everything everything;
  const std::string credential = planted.add("credential in a document", peers::random_token());
  scene.control_plane().change([&everything, &credential](peers::Desire& desire) {
    for (const char* handle : {"backend-key", "client-key"}) desire.put_secret(handle, "replaced at once");
    for (const auto& kind : peers::kinds()) {
      auto sample = document_of(kind);
      if (sample.kind == "RestApi") sample.credential = credential;
      const auto deployed = desire.deploy(sample.kind, sample.handle, peers::sample_document(sample));
      REQUIRE(deployed);
      everything.artifacts[sample.kind] = *deployed;
      REQUIRE(desire.create_key(deployed->artifact_id, "mobile-app"));
    }
    const auto& api = everything.artifacts.at("RestApi");
    everything.subscription = *desire.create_subscription(api.artifact_id, desire.create_plan("gold"));
  });
  change_values(scene, planted, everything, "old");
  return everything;
}

}  // namespace tether::test
