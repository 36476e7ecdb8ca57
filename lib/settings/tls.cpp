#include "tether/settings/tls.h"

namespace tether {
namespace {

const setting::Name& name_of(tls::Flaw::Part part) {
  switch (part) {
    case tls::Flaw::Part::ClientCert:
      return setting::kClientCertFile;
    case tls::Flaw::Part::ClientKey:
      return setting::kClientKeyFile;
    case tls::Flaw::Part::Ca:
      break;
  }
  return setting::kCaFile;
}

/// Certificate and key are one setting in two parts.
bool is_pair(SettingReader& in) {
  const auto certificate = in.given(setting::kClientCertFile);
  const auto key = in.given(setting::kClientKeyFile);
  if (certificate && !key) {
    in.mistake(certificate->name, "is set without control_plane.client_key_file, should be set with it or not at all");
  } else if (key && !certificate) {
    in.mistake(key->name, "is set without control_plane.client_cert_file, should be set with it or not at all");
  }
  return certificate && key;
}

void read_pins(SettingReader& in, tls::TrustOptions& out) {
  const auto given = in.given(setting::kServerKeyPins);
  if (!given) return;
  auto pins = tls::parse_pins(given->text);
  if (pins) {
    out.pins = std::move(*pins);
  } else {
    in.wrong(*given, "sha256//BASE64 of the server's public key, with ; between several (at most " +
                         std::to_string(tls::kMaxPins) + ")");
  }
}

}  // namespace

tls::TrustOptions read_tls(SettingReader& in) {
  tls::TrustOptions out;
  if (const auto path = in.text(setting::kCaFile, kMaxPathBytes)) out.ca_path = *path;
  if (const auto with_system = in.boolean(setting::kCaWithSystem)) out.with_system = *with_system;
  if (const auto version = in.word(setting::kTlsMinVersion, {"1.2", "1.3"})) out.tls13 = *version == 1;
  if (is_pair(in)) {
    const auto certificate = in.text(setting::kClientCertFile, kMaxPathBytes);
    const auto key = in.text(setting::kClientKeyFile, kMaxPathBytes);
    if (certificate && key) {
      out.client_cert_file = *certificate;
      out.client_key_file = *key;
    }
  }
  read_pins(in, out);
  if (const auto flaw = tls::find_flaw(out)) {
    const auto given = in.given(name_of(flaw->part));
    in.mistake(given->name,
               "holds " + in_quotes(given->text) + ", which " + flaw->wrong + "; should be " + flaw->should);
  }
  return out;
}

}  // namespace tether
