#include "tether/protocol/kinds.h"

#include <catch2/catch.hpp>

using namespace tether::protocol;

TEST_CASE("a kind is found by its name and by the prefix of its events") {
  for (const ArtifactKind& kind : kArtifactKinds) {
    CHECK(find_kind(kind.name) == &kind);
    CHECK(find_kind_by_prefix(kind.event_prefix) == &kind);
    CHECK(resource_type_of(kind.name) == kind.resource_type);
  }
  CHECK(find_kind("restapi") == nullptr);
  CHECK(find_kind_by_prefix("") == nullptr);
}

TEST_CASE("a kind that nobody knows is acknowledged by its name in lower case") {
  CHECK(resource_type_of("GraphApi") == "graphapi");
}

TEST_CASE("every kind that is known has a place in the order before those that are not") {
  CHECK(known_kinds().size() == kArtifactKinds.size() + kOtherKinds.size());
  for (const auto kind : known_kinds()) {
    CAPTURE(kind);
    CHECK(rank_of(kind) < rank_of("GraphApi"));
  }
}

TEST_CASE("what is named is applied before what names it") {
  CHECK(rank_of(kSecret) < rank_of("LlmProvider"));
  CHECK(rank_of("LlmProvider") < rank_of("LlmProxy"));
  CHECK(rank_of(kSecret) < rank_of("RestApi"));
  CHECK(rank_of(kSubscriptionPlan) < rank_of(kSubscription));
  CHECK(rank_of("WebSubApi") < rank_of(kHmacSecret));
  for (const ArtifactKind& kind : kArtifactKinds) {
    CHECK(rank_of(kind.name) < rank_of(kApiKey));
    CHECK(rank_of(kind.name) < rank_of(kSubscription));
  }
  CHECK(rank_of(kApiKey) < rank_of(kApplication));
  CHECK(rank_of(kApplication) < rank_of(kSubscription));
  CHECK(rank_of("GraphApi") > rank_of(kSubscription));
}
