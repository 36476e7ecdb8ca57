#include "tether/terminal/doctor.h"

#include "tether/base/controls.h"
#include "tether/terminal/findings.h"
#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

constexpr const char* kSettings = "settings";
constexpr const char* kDaemon = "daemon";
constexpr const char* kStore = "store";
constexpr const char* kToken = "token";
constexpr const char* kProxy = "proxy";
constexpr const char* kDns = "DNS";
constexpr const char* kTcp = "TCP";
constexpr const char* kConnect = "CONNECT";
constexpr const char* kTls = "TLS";
constexpr const char* kRest = "REST";
constexpr const char* kGateway = "gateway";

/// One run of it.
class Doctor {
 public:
  Doctor(const DoctorEnds& ends, bool colours) : ends_(ends), colours_(colours) {}

  bool check_settings(const LoadedSettings& loaded, const std::vector<UnknownVariable>& unknown) {
    std::vector<std::string> wrong = loaded.mistakes;
    for (const auto& variable : unknown) wrong.push_back(variable.sentence());
    if (wrong.empty()) return report(kSettings, {true, "all of them can be used", ""});
    for (const auto& mistake : wrong)
      report(kSettings, {false, mistake, "Correct it: `tetherd check-config` reads them again."});
    return loaded.settings.has_value();
  }

  void check_here(const Settings& settings) {
    try_step(kDaemon, "asking the daemon", [this] { return finding_of_daemon(ends_.daemon()); });
    try_step(kStore, "reading the store in " + settings.state_dir, [this] { return finding_of_store(ends_.store()); });
  }

  void check_control_plane(const Settings& settings) {
    const ControlPlaneAddress& address = settings.control_plane.address;
    const bool has_token = report(
        kToken, finding_of_token(ends_.has_token(), settings.control_plane.token.describe(), ends_.why_no_token()));
    const bool is_named = report(kProxy, finding_of_way(settings.control_plane));
    bool there = is_named ? find_the_way(settings.control_plane) : skip_the_way();
    if (there && address.tls) {
      there = try_step(kTls, "shaking hands with " + address.authority(),
                       [this] { return finding_of_tls(ends_.shake_hands(), ends_.now()); });
    } else {
      skip(kTls, address.tls ? "nobody is there" : "control_plane.url asks for none");
    }
    if (!there || !has_token) {
      skip(kRest, there ? "there is no token" : "there is no way there");
      return;
    }
    try_step(kRest, "asking " + address.authority() + " for its deployments",
             [this, &address] { return finding_of_list(address, ends_.list()); });
  }

  void check_gateway(const Settings& settings) {
    try_step(kGateway, "asking the gateway behind " + settings.gateway.socket,
             [this, &settings] { return finding_of_gateway(settings.gateway.socket, ends_.gateway()); });
  }

  bool all_well() const { return failed_ == 0; }
  void conclude() const { ends_.say(failed_ == 0 ? "nothing is wrong\n" : count_of(failed_, "step") + " failed\n"); }

 private:
  bool skip_the_way() {
    for (const char* step : {kDns, kTcp, kConnect}) skip(step, "there is no proxy to be asked for the way");
    return false;
  }

  bool find_the_way(const ControlPlaneSettings& control_plane) {
    const Hop hop = first_hop(control_plane);
    bool there =
        try_step(kDns, "looking up " + hop.host, [this, &hop] { return finding_of_lookup(hop, ends_.look_up()); });
    there = there ? try_step(kTcp, "connecting to " + hop.authority,
                             [this, &hop] { return finding_of_connect(hop, ends_.connect()); })
                  : skip(kTcp, "the name has no address");
    if (!hop.is_proxy) return there;
    if (!there) return skip(kConnect, "there is no way to the proxy");
    return try_step(kConnect, "asking the proxy for a way to " + control_plane.address.authority(),
                    [this, &control_plane] { return finding_of_tunnel(control_plane, ends_.tunnel()); });
  }

  template <class Step>
  bool try_step(const char* name, const std::string& what, Step step) {
    ends_.begin(what);
    const Finding finding = step();
    ends_.end();
    return report(name, finding);
  }

  bool report(const char* name, const Finding& finding) {
    show(finding.good ? "[ok] " : "[!!] ", name, finding, finding.good ? Tone::Good : Tone::Bad);
    if (!finding.good) ++failed_;
    return finding.good;
  }

  bool skip(const char* name, const std::string& why) {
    show("[--] ", name, {true, "not tried: " + why, ""}, Tone::Plain);
    return false;
  }

  void show(const char* mark, std::string name, const Finding& finding, Tone tone) {
    constexpr std::size_t kNameWidth = 9;
    name.resize(kNameWidth, ' ');
    Lines lines = {{mark + name + without_controls(finding.what), tone}};
    if (!finding.advice.empty()) lines.push_back({"     > " + without_controls(finding.advice), Tone::Advice});
    ends_.say(render(lines, colours_));
  }

  const DoctorEnds& ends_;
  bool colours_;
  std::int64_t failed_ = 0;
};

}  // namespace

bool run_doctor(const DoctorEnds& ends, const LoadedSettings& loaded, const std::vector<UnknownVariable>& unknown,
                bool colours) {
  Doctor doctor(ends, colours);
  if (doctor.check_settings(loaded, unknown)) {
    doctor.check_here(*loaded.settings);
    doctor.check_control_plane(*loaded.settings);
    doctor.check_gateway(*loaded.settings);
  }
  doctor.conclude();
  return doctor.all_well();
}

}  // namespace tether::terminal
