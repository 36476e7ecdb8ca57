#include "tether/tls/trust.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "tether/tls/authorities.h"
#include "tether/tls/identity.h"

namespace tether::tls {
namespace {

/// `http/1.1`, and nothing else: a server that may choose `h2` would, and a WebSocket cannot upgrade from there.
constexpr std::array<unsigned char, 9> kAlpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

constexpr std::string_view kPinPrefix = "sha256//";
/// 32 bytes in base64, and the decoder's room for them with padding.
constexpr std::size_t kPinChars = 44;
constexpr std::size_t kPinRoom = 33;

/// As OpenSSL calls it when a context goes; `pins` is null where that has none.
void free_pins(void* /*context*/, void* pins, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*number*/,
               void* /*pointer*/) {
  delete static_cast<std::vector<Pin>*>(pins);
}

/// Where a context keeps its pins: a vector of its own, since sessions can outlive the options.
int pins_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_pins);
  return kIndex;
}

/// After all else about a certificate was found to be right: whether its key is one of ours.
int check_pin(int accepted, X509_STORE_CTX* verification) {
  if (accepted != 1 || X509_STORE_CTX_get_error_depth(verification) != 0) return accepted;
  const auto* session =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* pins = static_cast<const std::vector<Pin>*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), pins_index()));
  const Pin pin = pin_of(X509_STORE_CTX_get_current_cert(verification));
  if (std::ranges::find(*pins, pin) != pins->end()) return 1;
  X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

std::optional<Pin> parse_pin(std::string_view text) {
  if (!text.starts_with(kPinPrefix)) return std::nullopt;
  text.remove_prefix(kPinPrefix.size());
  if (text.size() != kPinChars || !text.ends_with('=') || text[kPinChars - 2] == '=') return std::nullopt;
  std::array<unsigned char, kPinRoom> bytes{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): OpenSSL's bytes are unsigned.
  const auto* chars = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DecodeBlock(bytes.data(), chars, kPinChars) != static_cast<int>(kPinRoom)) return std::nullopt;
  Pin pin{};
  std::copy_n(bytes.begin(), pin.size(), pin.begin());
  return pin;
}

std::string sentence(const TrustOptions& options, const Flaw& flaw) {
  std::string what;
  switch (flaw.part) {
    case Flaw::Part::Ca:
      what = "control_plane.ca_file (" + options.ca_path;
      break;
    case Flaw::Part::ClientCert:
      what = "control_plane.client_cert_file (" + options.client_cert_file;
      break;
    case Flaw::Part::ClientKey:
      what = "control_plane.client_key_file (" + options.client_key_file;
      break;
  }
  return what + ") " + flaw.wrong + "; should be " + flaw.should;
}

}  // namespace

struct Trust::Identity {
  OwnCert own;
};

std::optional<Flaw> find_flaw(const TrustOptions& options) {
  if (!options.ca_path.empty()) {
    auto authorities = read_authorities(options.ca_path);
    if (auto* flaw = std::get_if<Flaw>(&authorities)) return std::move(*flaw);
  }
  if (!options.client_cert_file.empty()) {
    auto own = read_own_cert(options.client_cert_file, options.client_key_file);
    if (auto* flaw = std::get_if<Flaw>(&own)) return std::move(*flaw);
  }
  return std::nullopt;
}

std::optional<std::vector<Pin>> parse_pins(std::string_view text) {
  std::vector<Pin> pins;
  while (true) {
    const std::size_t end = text.find(';');
    const auto pin = parse_pin(text.substr(0, end));
    if (!pin || pins.size() == kMaxPins) return std::nullopt;
    pins.push_back(*pin);
    if (end == std::string_view::npos) return pins;
    text.remove_prefix(end + 1);
  }
}

std::string print_pins(const std::vector<Pin>& pins) {
  std::string out;
  for (const Pin& pin : pins) {
    std::array<unsigned char, kPinChars + 1> chars{};
    EVP_EncodeBlock(chars.data(), pin.data(), static_cast<int>(pin.size()));
    out.append(out.empty() ? "" : ";").append(kPinPrefix).append(chars.begin(), chars.end() - 1);
  }
  return out;
}

Trust::Trust(TrustOptions options) : options_(std::move(options)) {}
Trust::~Trust() = default;

Result<Done> Trust::load_identity() {
  complaint_.clear();
  if (options_.client_cert_file.empty()) return Done{};
  auto own = read_own_cert(options_.client_cert_file, options_.client_key_file);
  if (auto* flaw = std::get_if<Flaw>(&own)) {
    complaint_ = sentence(options_, *flaw);
    if (identity_ != nullptr) return Done{};
    return fail(ErrorKind::Retry, complaint_);
  }
  identity_ = std::make_unique<Identity>(Identity{std::move(std::get<OwnCert>(own))});
  return Done{};
}

Result<std::shared_ptr<ssl_ctx_st>> Trust::context() {
  const std::lock_guard lock(mutex_);
  const std::string fingerprint = fingerprint_of(options_.ca_path) + '|' + fingerprint_of(options_.client_cert_file) +
                                  '|' + fingerprint_of(options_.client_key_file);
  if (context_ && fingerprint == fingerprint_) return context_;

  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return fail(ErrorKind::Retry, "TLS: " + error_text(ERR_get_error()));
  SSL_CTX* const handle = context.get();
  SSL_CTX_set_min_proto_version(handle, options_.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_alpn_protos(handle, kAlpn.data(), kAlpn.size());
  SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, options_.pins.empty() ? nullptr : check_pin);
  if (!options_.pins.empty()) SSL_CTX_set_ex_data(handle, pins_index(), new std::vector<Pin>(options_.pins));
  // Idle connections give their buffers back, and a session is never resumed by a later dial.
  SSL_CTX_set_mode(handle,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);

  if (options_.ca_path.empty() || options_.with_system) trust_system_authorities(handle);
  if (!options_.ca_path.empty()) {
    auto authorities = read_authorities(options_.ca_path);
    if (const auto* flaw = std::get_if<Flaw>(&authorities)) {
      return fail(ErrorKind::Retry, sentence(options_, *flaw));
    }
    for (const auto& authority : std::get<std::vector<CertPtr>>(authorities)) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(handle), authority.get());
    }
  }
  if (auto loaded = load_identity(); !loaded) return tl::unexpected(loaded.error());
  if (identity_ != nullptr) {
    bool taken = SSL_CTX_use_certificate(handle, identity_->own.leaf.get()) == 1 &&
                 SSL_CTX_use_PrivateKey(handle, identity_->own.key.get()) == 1;
    for (const auto& issuer : identity_->own.chain) taken = taken && SSL_CTX_add1_chain_cert(handle, issuer.get()) == 1;
    // For example a key that is too short for anybody's security.
    if (!taken) {
      return fail(ErrorKind::Retry, "control_plane.client_cert_file (" + options_.client_cert_file +
                                        ") cannot be used: " + error_text(ERR_get_error()));
    }
  }
  ERR_clear_error();
  context_ = std::move(context);
  fingerprint_ = fingerprint;
  return context_;
}

std::string Trust::complaint() const {
  const std::lock_guard lock(mutex_);
  return complaint_;
}

std::optional<Instant> Trust::client_expiry() const {
  const std::lock_guard lock(mutex_);
  return identity_ != nullptr ? expiry_of(identity_->own.leaf.get()) : std::nullopt;
}

bool expect_host(ssl_st* session, const std::string& host) {
  if (host.empty()) return false;  // which OpenSSL takes for any
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
                          ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str()) == 1;
  SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (SSL_set1_host(session, host.c_str()) != 1) return false;
  // What the macro SSL_set_tlsext_host_name does; the name is copied.
  std::string name = host;
  return SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

std::optional<Instant> peer_expiry(const ssl_st* session) {
  return expiry_of(SSL_get0_peer_certificate(session));
}

std::string why_not_verified(const ssl_st* session) {
  const long verdict = SSL_get_verify_result(session);
  if (verdict == X509_V_OK) return {};
  if (verdict == X509_V_ERR_APPLICATION_VERIFICATION) {
    return "its public key is none of control_plane.server_key_pins";
  }
  return X509_verify_cert_error_string(verdict);
}

std::string error_text(unsigned long code) {
  if (code == 0) return {};
  const char* reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : "error " + std::to_string(code);
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return text;
  switch (ERR_GET_REASON(code)) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return text + ": the server wants a client certificate (control_plane.client_cert_file)";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return text + ": the server refuses our certificate (control_plane.client_cert_file)";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return text + ": the server has no TLS version that we take (control_plane.tls_min_version)";
    default:
      return text;
  }
}

}  // namespace tether::tls
