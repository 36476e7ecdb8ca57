#include "tether/link/expiry.h"

namespace tether::link {
namespace {

/// Enough for every server behind a name; past it one may be told twice.
constexpr std::size_t kMaxTold = 64;

std::string sentence(Certificate which, Instant ends, Instant now) {
  const bool server = which == Certificate::Server;
  const std::string whose =
      server ? "the control plane's certificate" : "our certificate (control_plane.client_cert_file)";
  const std::string date = format_rfc3339(ends);
  if (ends <= now) return whose + " has ended on " + date + ": have it renewed";
  const auto days = std::chrono::duration_cast<std::chrono::hours>(ends - now).count() / 24;
  return whose + " ends on " + date + ", in " + (days > 0 ? std::to_string(days) + " days" : "less than a day") +
         ": have it renewed, or no connection will be made from then on";
}

}  // namespace

void ExpiryWatch::on_seen(Certificate which, std::optional<Instant> ends) {
  ends_.at(static_cast<std::size_t>(which)) = ends;
}

std::vector<std::string> ExpiryWatch::due(Instant now) {
  std::vector<std::string> out;
  for (const Certificate which : {Certificate::Server, Certificate::Client}) {
    const auto ends = end_of(which);
    if (!ends || *ends - now > kExpiryWarning) continue;
    auto& told = told_.at(static_cast<std::size_t>(which));
    if (told.size() == kMaxTold) told.clear();
    if (told.insert(*ends).second) out.push_back(sentence(which, *ends, now));
  }
  return out;
}

}  // namespace tether::link
