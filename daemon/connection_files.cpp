// The files that a connection depends on, token and certificates, while they change.
#include <utility>

#include "connection.h"
#include "wall_clock.h"

namespace tether::daemon {

/// Hours pass between two looks, a certificate's last days do not.
void Connection::look_at_expiry() {
  constexpr Duration kEvery = 1h;
  expiry_timer_.arm(Clock::now() + kEvery);
  if (socket_) {
    if (const auto ends = socket_->server_expiry()) expiry_.on_seen(link::Certificate::Server, ends);
  }
  expiry_.on_seen(link::Certificate::Client, trust_.client_expiry());
  for (const std::string& warning : expiry_.due(wall_now())) {
    log_.warn("tls.certificate_ends", {{"message", warning}});
  }
  board_.update([this](Status& status) {
    status.control_plane.server_certificate_ends = expiry_.end_of(link::Certificate::Server).value_or(Instant{});
    status.control_plane.client_certificate_ends = expiry_.end_of(link::Certificate::Client).value_or(Instant{});
  });
}

/// A file that cannot be used is told at the dial.
void Connection::watch_certificate() {
  static_cast<void>(trust_.context());
  look_at_expiry();
  const tls::TrustOptions& options = trust_.options();
  for (const std::string& path : {options.ca_path, options.client_cert_file, options.client_key_file}) {
    if (path.empty()) continue;
    certificate_watches_.push_back(std::make_unique<net::FileWatch>(loop_, path, [this] { on_certificate_changed(); }));
  }
}

/// A link that is up stays as it is, and one that was refused for what was there before need not wait.
void Connection::on_certificate_changed() {
  const auto context = trust_.context();
  look_at_expiry();
  const std::string wrong = context ? trust_.complaint() : context.error().message;
  if (!wrong.empty()) {
    log_.warn("tls.files_not_taken", {{"reason", wrong}});
    return;
  }
  log_.info("tls.files_changed", {{"used", "from the next connection on"}});
  if (!link_) return;
  link_->on_retry_asked(Clock::now());
  pump();
}

/// A file that is there and cannot be used must not look as if nothing had been configured.
void Connection::say_why_no_token() {
  why_no_token_ = token_ ? "" : settings_.control_plane.token.why_none();
  if (!why_no_token_.empty()) log_.warn("link.no_token", {{"reason", why_no_token_}});
}

void Connection::reload_token(bool insist) {
  if (!link_) return;
  auto token = settings_.control_plane.token.read();
  if (token == token_) {
    const bool is_news = !token && settings_.control_plane.token.why_none() != why_no_token_;
    if (!insist && !is_news) return;
    say_why_no_token();
    if (insist) link_->on_retry_asked(Clock::now());
    return pump();
  }
  log_.info("link.token_changed", {{"present", token.has_value()}});
  token_ = std::move(token);
  if (token_) redactor_.add_lasting_secret(*token_);
  say_why_no_token();
  link_->on_token_changed(token_.has_value(), Clock::now());
  pump();
}

}  // namespace tether::daemon
