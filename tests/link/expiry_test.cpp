#include "tether/link/expiry.h"

#include <catch2/catch.hpp>

using namespace tether;
using namespace tether::link;
using Catch::Matchers::Contains;

namespace {

constexpr Instant kEnd = from_ms(1'800'000'000'000);

}  // namespace

TEST_CASE("a certificate is warned about once, from 14 days before its end on") {
  ExpiryWatch watch;
  watch.on_seen(Certificate::Server, kEnd);

  CHECK(watch.due(kEnd - 14 * 24h - 1ms).empty());
  const auto told = watch.due(kEnd - 14 * 24h);
  REQUIRE(told.size() == 1);
  CHECK_THAT(told[0],
             Contains("the control plane's certificate") && Contains("2027-01-15T08:00:00Z") && Contains("in 14 days"));

  watch.on_seen(Certificate::Server, kEnd);
  CHECK(watch.due(kEnd - 24h).empty());
  CHECK(watch.due(kEnd + 24h).empty());
}

TEST_CASE("our own certificate is warned about by its setting, and beside the server's") {
  ExpiryWatch watch;
  watch.on_seen(Certificate::Server, kEnd);
  watch.on_seen(Certificate::Client, kEnd);

  const auto told = watch.due(kEnd - 1h);

  REQUIRE(told.size() == 2);
  CHECK_THAT(told[1], Contains("control_plane.client_cert_file") && Contains("less than a day"));
}

TEST_CASE("a certificate that has ended says so") {
  ExpiryWatch watch;
  watch.on_seen(Certificate::Client, kEnd);

  const auto told = watch.due(kEnd);

  REQUIRE(told.size() == 1);
  CHECK_THAT(told[0], Contains("has ended"));
}

TEST_CASE("a renewed certificate is warned about anew, and servers that take turns are told once each") {
  ExpiryWatch watch;
  const Instant other = kEnd + 1h;
  watch.on_seen(Certificate::Server, kEnd);
  CHECK(watch.due(kEnd - 24h).size() == 1);
  watch.on_seen(Certificate::Server, other);
  CHECK(watch.due(kEnd - 24h).size() == 1);
  watch.on_seen(Certificate::Server, kEnd);
  CHECK(watch.due(kEnd - 24h).empty());

  watch.on_seen(Certificate::Server, std::nullopt);
  CHECK(watch.due(kEnd).empty());
}
