#include "tether/net/lookup.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <vector>

#include "client.h"
#include "tether/net/loop_impl.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;

namespace {

constexpr const char* kTooMany = "too many name lookups are under way";

/// A name server that says nothing until it is told to.
class MuteServer {
 public:
  Lookup::Resolve resolve() {
    return [this, heard = heard_](const std::string& /*host*/, std::uint16_t /*port*/) {
      ++asked_;
      heard.wait();
      return Lookup::Found{{}, "no such name"};
    };
  }
  void speak() { spoken_.set_value(); }
  std::size_t asked() const { return asked_; }

 private:
  std::promise<void> spoken_;
  std::shared_future<void> heard_ = spoken_.get_future().share();
  std::atomic<std::size_t> asked_ = 0;
};

}  // namespace

TEST_CASE("so many lookups may be under way at once, one more is refused, and any number once they have ended") {
  Loop loop;
  MuteServer server;
  std::vector<std::string> errors;
  std::vector<std::unique_ptr<Lookup>> lookups;
  const auto look_up = [&] {
    lookups.push_back(std::make_unique<Lookup>(
        loop.impl().io, "cp.example", 443,
        [&errors](const Lookup::Endpoints& /*endpoints*/, const std::string& error) { errors.push_back(error); },
        server.resolve()));
  };

  for (std::size_t i = 0; i < kMaxLookups; ++i) look_up();
  REQUIRE(run_until(loop, [&] { return server.asked() == kMaxLookups; }));
  CHECK(errors.empty());

  look_up();
  REQUIRE(run_until(loop, [&] { return errors.size() == 1; }));
  CHECK(errors.front() == kTooMany);
  CHECK(server.asked() == kMaxLookups);

  // One that nobody waits for any more has its thread all the same.
  lookups.erase(lookups.begin());
  look_up();
  REQUIRE(run_until(loop, [&] { return errors.size() == 2; }));
  CHECK(errors.back() == kTooMany);

  server.speak();
  REQUIRE(run_until(loop, [&] { return errors.size() == 2 + kMaxLookups - 1; }));
  errors.clear();
  // The thread of the one that nobody waits for may still be about to end.
  for (std::size_t i = 0; i < kMaxLookups - 1; ++i) look_up();
  REQUIRE(run_until(loop, [&] { return errors.size() == kMaxLookups - 1; }));
  CHECK(errors == std::vector<std::string>(kMaxLookups - 1, "no such name"));
}
