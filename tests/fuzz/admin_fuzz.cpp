#include <cctype>
#include <memory>
#include <string>

#include "fuzz.h"
#include "tether/admin/admin_server.h"
#include "tether/base/check.h"

using namespace tether;

namespace {

constexpr std::string_view kPlanted = "planted-3f1c9a77";

/// The endpoint of a daemon that has much to tell, a secret among it.
class Endpoint {
 public:
  Endpoint() {
    status_.control_plane.last_error = "refused " + std::string(kPlanted);
    status_.gateway.socket = "/run/gateway/config.sock";
    status_.store.resources["RestApi"] = 3;
    status_.event_timestamps["api.deployed"] = from_ms(1'780'000'000'000);
    status_.control_plane.state = ControlPlaneStatus::State::Connected;
    status_.held.push_back({"RestApi", "a1", "pets", "gone from the listing", {}});
    status_.holds.push_back({"deployments", HoldNote::State::Held, {}, 1, 1, {}, 42});
    status_.control_plane.gateway_id = "g-1";
    status_.gateway.held_push = HeldPush{"i", "e", 17, 10, 2};
    AdminSources sources;
    sources.status = [this] { return status_; };
    sources.is_alive = [] { return true; };
    sources.redact = [](std::string_view text) {
      std::string out(text);
      for (auto at = out.find(kPlanted); at != std::string::npos; at = out.find(kPlanted)) {
        out.replace(at, kPlanted.size(), "***");
      }
      return out;
    };
    sources.release = [](const AgreedRelease& agreed) {
      const auto& holds = agreed.holds;
      check(holds == std::vector<AgreedHold>(holds.size(), {"deployments", 42}), "a consent names what is held");
      check(!agreed.push || *agreed.push == HeldPush{"i", "e", 17, 10, 2}, "a consent names the push that is held");
    };
    sources.accept = [](const AgreedIdentity& agreed) {
      check(agreed == AgreedIdentity{"g-2", "an operator", 7, 4, 5, 3}, "a consent names what is staged");
    };
    auto started = AdminServer::start({"127.0.0.1", 0}, std::move(sources), metrics_);
    check(started.has_value(), "the endpoint starts");
    server_ = std::move(*started);
  }

  std::string answer(std::string_view request) {
    // The one command is refused on the link of another identity, the other one without it.
    ControlPlaneStatus& control_plane = status_.control_plane;
    control_plane.staged.reset();
    control_plane.other_gateway_id.reset();
    if (request.find(kAcceptCommand) != std::string_view::npos) {
      control_plane.staged = StagedStatus{"g-2", {}, 7, 4, 5, "an operator", /*needs_operator=*/true};
      control_plane.other_gateway_id = "g-2";
    }
    return server_->answer_to(request);
  }

 private:
  Status status_;
  Metrics metrics_{"1.2.3", {{"api.deployed"}, {"RestApi"}, {"deployments"}}};
  std::unique_ptr<AdminServer> server_;
};

/// The status line's code, or 0 if there is none.
int code_of(std::string_view answer) {
  constexpr std::string_view kBegin = "HTTP/1.1 ";
  if (!answer.starts_with(kBegin) || answer.size() < kBegin.size() + 3) return 0;
  int code = 0;
  for (const char c : answer.substr(kBegin.size(), 3)) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return 0;
    code = code * 10 + (c - '0');
  }
  return code;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Endpoint endpoint;
  const auto request = fuzz::as_text(data, size);
  const std::string answer = endpoint.answer(request);
  if (answer.empty()) return 0;
  const int code = code_of(answer);
  // 100 comes before the answer to who asks whether to go on.
  check(code == 100 || (code >= 200 && code <= 599), "an answer begins with its code");
  check(answer.find("\r\n\r\n") != std::string::npos, "an answer's head ends");
  if (request.find(kPlanted) == std::string_view::npos) {
    check(answer.find(kPlanted) == std::string::npos, "no answer tells a secret");
  }
  return 0;
}
