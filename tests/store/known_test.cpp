#include <catch2/catch.hpp>
#include <random>
#include <stdexcept>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

/// All that a transaction may know without reading it, of one side.
struct Facts {
  sync::OpenWork open;
  sync::Marks marks;
  std::int64_t revision = 0;
  std::int64_t change = 0;
  std::string epoch;
  std::string staged;
  std::vector<sync::WantedDocument> documents;
  std::vector<std::string> values;
  std::vector<std::string> questions;
  std::vector<std::string> settling;
  std::vector<sync::Key> refused;
  std::optional<sync::Hold> hold;
  std::vector<std::optional<sync::Artifact>> artifacts;
  std::vector<std::optional<sync::Resource>> resources;
  std::vector<bool> bodies;
  std::int64_t absent = 0;
  bool lost = false;
  friend bool operator==(const Facts&, const Facts&) = default;
};

Facts facts(sync::Records& records, sync::Side side, std::int64_t answered) {
  Facts facts;
  facts.staged = records.staged_gateway_id();
  if (side == sync::Side::Staged && facts.staged.empty()) return facts;
  records.work_on(side);
  facts.open = records.open_work();
  facts.marks = records.marks();
  facts.revision = records.revision();
  facts.change = records.last_change();
  facts.epoch = records.epoch();
  facts.documents = records.without_document(10);
  facts.values = records.without_value(10);
  facts.questions = records.with_question(10);
  records.visit_may_settle(answered, [&facts](const sync::Artifact& row) { facts.settling.push_back(row.id); });
  facts.refused = visited([&records](const auto& visit) { records.visit_refused(visit); });
  facts.hold = records.hold("deployments");
  facts.absent = records.absent_elsewhere("ApiKey", "none");
  facts.lost = records.has_lost();
  for (const std::string id : {"x0", "x1", "x2"}) {
    facts.artifacts.push_back(records.artifact(id));
    for (const std::string kind : {"Secret", "ApiKey"}) facts.resources.push_back(records.resource(kind, id));
    for (const std::string key : {"#1", "#2", "#3"}) facts.bodies.push_back(records.has_body({"Secret", id}, key));
  }
  records.work_on(sync::Side::Served);
  return facts;
}

/// Few rows, each mark on few of them, so that there often is none and often the last one goes.
class Writer {
 public:
  explicit Writer(std::uint32_t seed) : random_(seed) {}

  void write(sync::Records& records) {
    if (!records.staged_gateway_id().empty() && one_in(3)) records.work_on(sync::Side::Staged);
    for (int i = 0; i < 3; ++i) write_one(records);
    records.work_on(sync::Side::Served);
    // What is in service is not staged beside itself.
    const std::string other = one_in(2) ? "" : "other-" + std::to_string(below(2));
    if (one_in(20) && (other.empty() || other != records.marks().gateway_id)) records.stage(other, from_ms(1));
    if (one_in(20) && !records.staged_gateway_id().empty()) records.switch_to_staged(next_epoch());
    if (one_in(30)) records.begin_epoch(next_epoch());
    if (one_in(30)) records.drop_others();
  }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  std::int64_t below(std::uint32_t n) { return static_cast<std::int64_t>(random_() % n); }

 private:
  std::string next_epoch() { return "epoch-" + std::to_string(++epochs_); }

  void write_one(sync::Records& records) {
    const std::string id = "x" + std::to_string(below(3));
    switch (below(10)) {
      case 0:
      case 1:
        return records.put(artifact_with(id, records));
      case 2:
      case 3:
        return records.put(resource_with(id, records));
      case 4:
        records.erase({"RestApi", id});
        return records.erase({"Secret", id});
      case 5: {
        records.put_pending({"api.deployed", {"RestApi", id}, from_ms(1), from_ms(1), one_in(3) ? below(5) : 0});
        if (one_in(2)) records.clear_doubts(below(6));
        return;
      }
      case 6: {
        sync::Hold hold;
        hold.scope = one_in(2) ? "deployments" : one_in(2) ? "keys/RestApi" : "secrets";
        hold.would_go = below(9);
        hold.release = one_in(3) ? sync::Release::Released : sync::Release::None;
        return one_in(2) ? records.put_hold(hold) : records.drop_hold(hold.scope);
      }
      case 7:
        return put_back(id, records);
      case 8:
        return records.put_body({"Secret", id, "#" + std::to_string(1 + below(3)), "", "{}", {}});
      default: {
        auto marks = records.marks();
        marks.links = below(9);
        return records.put_marks(marks);
      }
    }
  }

  /// As it is, or with another offer.
  void put_back(const std::string& id, sync::Records& records) {
    if (auto row = records.artifact(id)) {
      if (one_in(2)) mark(row->offering, row->deployment_id, records);
      come_closer(*row);
      records.put(*row);
    }
    if (auto row = records.resource("Secret", id)) {
      if (one_in(2)) mark(row->offering, "#" + std::to_string(1 + below(3)), records);
      if (one_in(4)) row->offering.good = row->offering.offered;
      records.put(*row);
    }
  }

  /// What changes while it comes into service, each with or without the rest.
  void come_closer(sync::Artifact& row) {
    if (one_in(3)) row.fetched = one_in(2) ? row.deployment_id : "";
    if (one_in(3)) row.waiting = one_in(2);
    if (one_in(3)) row.verdict = one_in(2) ? sync::Verdict::Success : sync::Verdict::None;
    if (one_in(3)) row.may_settle = one_in(2);
    if (one_in(3)) row.offering.good = row.offering.offered;
  }

  void mark(sync::Offering& offering, const std::string& body, sync::Records& records) {
    if (one_in(2)) offering.revision = records.next_revision();
    if (one_in(2)) offering.offered = {body, 0};
    offering.lost = one_in(4);
    if (one_in(3)) offering.refused = sync::Refusal{{one_in(2) ? body : "", from_ms(5).ms()}, "no", from_ms(1)};
  }

  sync::Artifact artifact_with(const std::string& id, sync::Records& records) {
    auto row = artifact(id);
    row.at = from_ms(5);
    row.changed = records.next_change();
    if (one_in(3)) row.wanted = sync::Wanted::Undeployed;
    if (!one_in(3)) row.fetched = row.deployment_id;
    row.may_settle = one_in(3);
    row.waiting = one_in(4);
    if (one_in(4)) row.absent = sync::Proposal{1, 2, 3};
    if (one_in(4)) row.went_back = sync::Proposal{1, 2, 3};
    if (one_in(4)) row.question = sync::Question::Absence;
    mark(row.offering, row.deployment_id, records);
    return row;
  }

  sync::Resource resource_with(const std::string& id, sync::Records& records) {
    const bool is_secret = one_in(2);
    auto row = resource(is_secret ? "Secret" : "ApiKey", id, is_secret ? "" : "x0");
    if (!one_in(3)) row.body = "#1";
    row.hash = one_in(3) ? "new" : "";
    row.gone = one_in(4);
    row.waiting = one_in(4);
    if (one_in(4)) row.absent = sync::Proposal{1, 2, 3};
    mark(row.offering, "#1", records);
    return row;
  }

  std::mt19937 random_;
  int epochs_ = 0;
};

/// What the connection that writes shows, and one look at the file that knows nothing.
void compare(TestStore& store, std::int64_t answered) {
  for (const auto side : {sync::Side::Served, sync::Side::Staged}) {
    const auto known = store.read<Facts>([&](sync::Records& records) { return facts(records, side, answered); });
    Facts stored;
    REQUIRE(store->read([&](sync::Records& records) { stored = facts(records, side, answered); }));
    CHECK(known.open == stored.open);
    REQUIRE(known == stored);
  }
}

}  // namespace

TEST_CASE("what is known without a read is what is stored") {
  const auto seed = GENERATE(range(1U, 13U));
  CAPTURE(seed);
  TestStore store;
  Writer writer(seed);

  for (int i = 0; i < 60; ++i) {
    store.write([&writer](sync::Records& records) { writer.write(records); });
    compare(store, writer.below(40));
  }
}

TEST_CASE("what was written and taken back is not known") {
  const auto seed = GENERATE(range(1U, 5U));
  CAPTURE(seed);
  TestStore store;
  Writer writer(seed);

  for (int i = 0; i < 20; ++i) {
    store.write([&writer](sync::Records& records) { writer.write(records); });
    CHECK_THROWS(store->transact([&writer](sync::Records& records) {
      writer.write(records);
      records.next_change();
      records.next_revision();
      throw std::runtime_error("half way");
    }));
    compare(store, writer.below(40));
  }
}

TEST_CASE("what somebody else wrote is seen") {
  TestStore store;
  store.write([](sync::Records& records) { offer(records, artifact("a"), "petstore"); });
  const auto open = [&store] {
    return store.read<sync::OpenWork>([](sync::Records& records) { return records.open_work(); });
  };
  REQUIRE(open() == sync::OpenWork{});

  const auto raw = store.raw();
  raw->execute("UPDATE artifacts SET waiting = ?", 1);
  raw->execute("UPDATE identities SET links = ?, revision = 40", 7);

  CHECK(open().waiting);
  store.write([](sync::Records& records) {
    CHECK(records.marks().links == 7);
    CHECK(records.revision() == 40);
  });
}

TEST_CASE("what a hold noted goes with it, also when nothing was held before") {
  TestStore store;
  const auto note = [&store] {
    return store.read<std::int64_t>([](sync::Records& records) {
      records.begin_listing("deployments");
      return records.note_held("deployments", "", "", "");
    });
  };
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "petstore");
    records.drop_hold("deployments");
  });
  REQUIRE(note() == 1);
  REQUIRE(note() == 0);

  store.write([](sync::Records& records) { records.drop_hold("deployments"); });

  CHECK(note() == 1);
}
