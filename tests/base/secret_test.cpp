#include "tether/base/secret.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <new>
#include <sstream>
#include <string_view>
#include <type_traits>

using namespace tether;

namespace {
template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

bool has_in(const std::array<unsigned char, sizeof(Secret)>& place, std::string_view text) {
  return std::search(place.begin(), place.end(), text.begin(), text.end()) != place.end();
}
}  // namespace

TEST_CASE("a secret made of a short string leaves none of it behind") {
  std::string text = "hunter2";
  const volatile char* at = text.data();

  const Secret secret(std::move(text));

  CHECK(secret.reveal() == "hunter2");
  for (std::size_t i = 0; i < 7; ++i) CHECK(at[i] == '\0');
}

TEST_CASE("a secret that goes, is moved or gets another value has been overwritten") {
  // Short, so that the value stands in the object itself and what is left of it can be looked at.
  const auto left_after = [](const auto& what) {
    alignas(Secret) std::array<unsigned char, sizeof(Secret)> place{};
    Secret* const secret = new (place.data()) Secret("hunter2");
    REQUIRE(has_in(place, "hunter2"));
    what(*secret);
    return has_in(place, "hunter2");
  };
  CHECK_FALSE(left_after([](Secret& secret) { secret.~Secret(); }));
  CHECK_FALSE(left_after([](Secret& secret) {
    const Secret other(std::move(secret));
    CHECK(other.reveal() == "hunter2");
  }));
  CHECK_FALSE(left_after([](Secret& secret) { secret = Secret("x"); }));
  CHECK_FALSE(left_after([](Secret& secret) {
    const Secret other("y");
    secret = other;
  }));
}

TEST_CASE("a secret cannot be printed or converted to a string by accident") {
  STATIC_REQUIRE_FALSE(Printable<Secret>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<std::string, Secret>);
}

TEST_CASE("a moved secret leaves nothing behind") {
  Secret first("s3cret");
  const Secret second(std::move(first));

  CHECK(second.reveal() == "s3cret");
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): what is left is the point
}
