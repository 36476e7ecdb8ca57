#include "tether/base/secret.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <type_traits>

using namespace tether;

namespace {
template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
}  // namespace

TEST_CASE("a secret made of a short string leaves none of it behind") {
  std::string text = "hunter2";
  const volatile char* at = text.data();

  const Secret secret(std::move(text));

  CHECK(secret.reveal() == "hunter2");
  for (std::size_t i = 0; i < 7; ++i) CHECK(at[i] == '\0');
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
