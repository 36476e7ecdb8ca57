#include "tether/delivery/footing.h"

#include <catch2/catch.hpp>

namespace tether::test {

using namespace delivery;

namespace {

/// Epochs are e1, e2 and so on.
struct Feet {
  int drawn = 0;
  TimePoint now{std::chrono::hours(1)};
  Footing footing{[this] { return "e" + std::to_string(++drawn); }};

  static Left left(const std::string& epoch, std::int64_t revision) { return {sync::Marks(), epoch, revision}; }
  /// A transaction that succeeds, in a store at this revision.
  Footing::Stored store(std::int64_t revision, const std::optional<std::string>& gateway_epoch = std::nullopt,
                        const sync::Standing& standing = {}) {
    return footing.on_stored(left(footing.epoch_to_begin(revision), revision), standing, gateway_epoch);
  }
  void fail(const std::optional<Left>& readable = std::nullopt) {
    footing.on_not_stored(now, [&] { return readable; });
  }
};

}  // namespace

TEST_CASE("a failed transaction is tried again after one second, doubling to thirty, and at once when one succeeded") {
  Feet feet;
  feet.store(5);
  for (const Duration wait : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    feet.fail();
    CHECK_FALSE(feet.footing.is_storing());
    CHECK(feet.footing.retry_at() - feet.now == wait);
    CHECK_FALSE(feet.footing.told()->storable);
  }
  CHECK(feet.store(6).recovered);
  CHECK(feet.footing.is_storing());
  CHECK(feet.footing.told()->storable);
  CHECK(feet.footing.retry_at() <= feet.now);

  CHECK_FALSE(feet.store(7).recovered);
  feet.fail();
  CHECK(feet.footing.retry_at() - feet.now == 1s);
}

TEST_CASE("after a failed transaction the next one is due by its time, also with nothing left to store [R9]") {
  Feet feet;
  feet.store(5);
  CHECK_FALSE(feet.footing.is_due(/*has_inputs=*/false, feet.now));
  CHECK(feet.footing.is_due(/*has_inputs=*/true, feet.now));

  feet.fail();
  for (const bool has_inputs : {false, true}) {
    CHECK_FALSE(feet.footing.is_due(has_inputs, feet.now));
    CHECK(feet.footing.is_due(has_inputs, feet.now + 1s));
  }

  feet.store(6);
  CHECK_FALSE(feet.footing.is_due(/*has_inputs=*/false, feet.now));
}

TEST_CASE("nothing is told of a store that could neither be written nor read") {
  Feet feet;
  CHECK_FALSE(feet.footing.told());
  feet.fail();
  CHECK_FALSE(feet.footing.told());

  Left readable = Feet::left("an earlier one", 17);
  readable.marks.floor = 3;
  readable.offered = 7;
  readable.marks.answered = {"i1", "an earlier one", 16};
  feet.fail(readable);
  const auto told = feet.footing.told();
  REQUIRE(told);
  CHECK(told->epoch == "e1");  // of this start, which is used before it is stored
  CHECK(told->revision == 17);
  CHECK(told->floor == 3);
  CHECK(told->offered == 7);
  CHECK(told->answered.revision == 16);
  CHECK_FALSE(told->storable);
  CHECK_FALSE(feet.footing.has_begun());
}

TEST_CASE("how much is offered is told as of the transaction that made a store complete") {
  Feet feet;
  sync::Standing standing;
  for (const std::int64_t offered : {40, 57, 43}) {
    standing.complete = offered == 43;
    Left left = Feet::left(feet.footing.epoch_to_begin(5), 5);
    left.offered = offered;
    feet.footing.on_stored(left, standing, std::nullopt);
    CHECK(feet.footing.told()->offered == offered);
  }
  feet.fail(Feet::left("e1", 5));
  CHECK(feet.footing.told()->offered == 43);
}

TEST_CASE("what was stored is told while nothing can be stored, whatever is read") {
  Feet feet;
  feet.store(17);
  feet.fail(Feet::left("other", 3));
  CHECK(feet.footing.told()->revision == 17);
  CHECK(feet.footing.told()->epoch == "e1");
}

TEST_CASE("the epoch that was used before it was stored is not begun in a store that is behind what was read") {
  Feet feet;
  feet.fail(Feet::left("an earlier one", 17));
  SECTION("the same store") {
    CHECK(feet.footing.epoch_to_begin(17) == "e1");
    CHECK(feet.footing.epoch_to_begin(18) == "e1");
  }
  SECTION("another one") {
    CHECK(feet.footing.epoch_to_begin(16) == "e2");
  }
}

TEST_CASE("with another epoch in the store another identity is served, and the last one's is looked up") {
  Feet feet;
  feet.store(17);
  const auto stored = feet.footing.on_stored(Feet::left("of the switch", 18), {}, std::nullopt);
  CHECK(stored.switched);
  CHECK(stored.look_up == std::vector<std::string>{"e1"});
  CHECK(feet.footing.told()->epoch == "of the switch");
  CHECK_FALSE(feet.footing.on_stored(Feet::left("of the switch", 19), {}, std::nullopt).switched);
}

TEST_CASE("the gateway's epoch is looked up again when the store can be asked again") {
  Feet feet;
  feet.store(17);
  CHECK(feet.store(18, "other").look_up.empty());
  feet.fail();
  CHECK(feet.store(19, "other").look_up == std::vector<std::string>{"other"});
  feet.fail();
  CHECK(feet.store(20, "e1").look_up.empty());
  feet.fail();
  CHECK(feet.store(21, "").look_up.empty());
}

TEST_CASE("what is lost is missing in a push until it is known not to come") {
  Feet feet;
  Left left = Feet::left("e1", 17);
  left.has_lost = true;
  feet.footing.on_stored(left, {}, std::nullopt);
  CHECK(feet.footing.told()->lost);

  sync::Standing standing;
  standing.lost_stays = true;
  standing.complete = true;
  standing.contains_known = true;
  feet.footing.on_stored(left, standing, std::nullopt);
  CHECK_FALSE(feet.footing.told()->lost);
  CHECK(feet.footing.told()->complete);
  CHECK(feet.footing.told()->contains_known);
}

TEST_CASE("last revisions of earlier epochs are kept up to a limit, and forgotten with the store") {
  Feet feet;
  feet.store(17);
  feet.footing.note_last_revision("a", 5);
  feet.footing.note_last_revision("b", std::nullopt);
  CHECK(feet.footing.last_revision_of("a") == 5);
  CHECK_FALSE(feet.footing.last_revision_of("b"));

  SECTION("a store was set aside") {
    feet.footing.start_anew();
    CHECK_FALSE(feet.footing.told());
    CHECK_FALSE(feet.footing.has_begun());
    CHECK(feet.footing.epoch_to_begin(1) == "e2");
  }
  SECTION("there are too many") {
    for (std::size_t i = 0; i < kMaxEpochsKept; ++i) feet.footing.note_last_revision(std::to_string(i), 1);
    CHECK(feet.footing.last_revision_of(std::to_string(kMaxEpochsKept - 1)) == 1);
  }
  CHECK_FALSE(feet.footing.last_revision_of("a"));
}

}  // namespace tether::test
