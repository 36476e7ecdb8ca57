#include "tether/seal/sealer.h"

#include <catch2/catch.hpp>
#include <set>

using namespace tether;
using namespace tether::seal;

namespace {

const Secret kMaterial(std::string(32, 'k'));
const Secret kOther(std::string(32, 'o'));

std::string sealed(const Sealer& sealer, const std::string& place, const std::string& plain) {
  auto result = sealer.seal(place, plain);
  REQUIRE(result);
  return *result;
}

}  // namespace

TEST_CASE("what was sealed is opened with the same key, for the same place") {
  const Sealer sealer(kMaterial);
  for (const std::string& plain :
       {std::string(), std::string("a"), std::string("with\0zero", 9), std::string(100'000, 'x')}) {
    const auto value = sealed(sealer, "here", plain);
    std::string opened = "before";

    CHECK(Sealer(kMaterial).open("here", value, opened));
    CHECK(opened == plain);
    if (plain.size() > 1) CHECK(value.find(plain.substr(0, 8)) == std::string::npos);
  }
}

TEST_CASE("nothing else opens it: another key, another place, a changed byte, a lost end") {
  const Sealer sealer(kMaterial);
  const auto value = sealed(sealer, "here", "the value");
  std::string opened;

  CHECK_FALSE(Sealer(kOther).open("here", value, opened));
  CHECK_FALSE(sealer.open("there", value, opened));
  for (std::size_t i = 0; i < value.size(); ++i) {
    CAPTURE(i);
    std::string changed = value;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(sealer.open("here", changed, opened));
    CHECK_FALSE(sealer.open("here", value.substr(0, i), opened));
    CHECK(opened.empty());
  }
  CHECK_FALSE(sealer.open("here", "", opened));
}

TEST_CASE("equal values look different each time, so none shows that another is the same") {
  const Sealer sealer(kMaterial);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(sealed(sealer, "here", "value"));

  CHECK(seen.size() == 1000);
}

TEST_CASE("a key has a name that is its own and tells nothing of it") {
  const Sealer sealer(kMaterial);

  CHECK(sealer.key_id() > 0);
  CHECK(sealer.key_id() == Sealer(kMaterial).key_id());
  CHECK(sealer.key_id() != Sealer(kOther).key_id());
}
