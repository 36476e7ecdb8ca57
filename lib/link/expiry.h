#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tether/base/time.h"

namespace tether::link {

/// Whose certificate: the one that the control plane shows, and our own that it may ask for.
enum class Certificate { Server, Client };
inline constexpr std::size_t kCertificates = 2;

/// How long before its end a certificate is warned about.
inline constexpr std::chrono::hours kExpiryWarning{14 * 24};

/// Tells of each certificate once that its end is near. It counts by the wall clock, as certificates do, and is asked
/// now and then: at each connection and each hour.
class ExpiryWatch {
 public:
  /// The certificate in use now ends then; nullopt: there is none.
  void on_seen(Certificate which, std::optional<Instant> ends);
  std::optional<Instant> end_of(Certificate which) const { return ends_.at(static_cast<std::size_t>(which)); }

  /// A sentence for each certificate that ends within kExpiryWarning, or has ended, and was not told before.
  std::vector<std::string> due(Instant now);

 private:
  std::array<std::optional<Instant>, kCertificates> ends_;
  /// Several servers behind one name may take turns with theirs.
  std::array<std::set<Instant>, kCertificates> told_;
};

}  // namespace tether::link
