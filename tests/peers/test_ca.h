#pragma once

#include <string>
#include <vector>

#include "tether/base/result.h"

namespace tether::peers {

struct PemPair {
  std::string certificate;
  std::string key;
};

/// Of a certificate, unless a test says otherwise: long enough that nobody warns of its end.
inline constexpr int kTestCertificateHours = 60 * 24;

/// A throw-away authority: an own key, valid for longer than what it issues. Two of them trust nothing of each other.
class TestCa {
 public:
  /// Drawn fresh. Aborts if OpenSSL cannot.
  TestCa();

  const std::string& certificate() const { return ca_.certificate; }  ///< PEM: what a client must trust.
  /// A certificate for a server or a client of these names (`localhost`) and numeric addresses, valid from an hour ago
  /// for `hours`; negative hours: expired already.
  PemPair issue(const std::vector<std::string>& names = {"localhost", "127.0.0.1", "::1"},
                int hours = kTestCertificateHours) const;

 private:
  PemPair ca_;
};

/// Files of a fresh authority and one server certificate in `folder`.
struct TestCaFiles {
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};
TestCaFiles write_test_ca(const std::string& folder, int hours = kTestCertificateHours);

}  // namespace tether::peers
