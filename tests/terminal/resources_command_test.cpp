#include "tether/terminal/resources_command.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "tether/terminal/resource_lines.h"

namespace tether::terminal {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;

namespace {

json api(const std::string& state = "in-service") {
  return {{"kind", "RestApi"},
          {"id", "id-1"},
          {"name", "petstore"},
          {"artifact_id", nullptr},
          {"state", state},
          {"wanted_since", "2026-08-22T11:02:03.417Z"},
          {"has_content", true},
          {"lost", false},
          {"revision", 42},
          {"answered", true},
          {"refused", nullptr},
          {"held_by", nullptr},
          {"doubted", false},
          {"asked_for", false},
          {"gone_since", nullptr},
          {"deployment_id", "d-2"},
          {"by_absence", false},
          {"offered_deployment_id", "d-2"},
          {"good_deployment_id", "d-2"},
          {"verdict", "success"},
          {"ack_waits", false},
          {"refers_to", json::array()},
          {"events", json::array()}};
}

json key(const std::string& state = "in-service") {
  json out = api(state);
  for (const char* of_artifacts :
       {"deployment_id", "by_absence", "offered_deployment_id", "good_deployment_id", "verdict", "ack_waits"}) {
    out.erase(of_artifacts);
  }
  out["kind"] = "ApiKey";
  out["artifact_id"] = "id-1";
  out["name"] = "mobile";
  out["id"] = "k-1";
  return out;
}

std::string page(const std::vector<json>& resources, const json& next = nullptr) {
  return json{{"gateway", {{"instance", "i"}, {"revision", 1}}}, {"resources", resources}, {"next", next}}.dump();
}

struct ResourcesPerson {
  std::vector<Result<std::string>> answers;
  std::vector<std::multimap<std::string, std::string>> asked;
  Result<std::string> events = std::string(R"({"next":0,"events":[]})");
  std::string out, err;

  bool run(const ResourcesWishes& wishes) {
    ResourcesEnds ends;
    ends.ask = [this](const auto& with) {
      asked.push_back(with);
      return answers.at(asked.size() - 1);
    };
    ends.events = [this] { return events; };
    ends.say = [this](const std::string& text) { out += text; };
    ends.complain = [this](const std::string& text) { err += text; };
    return run_resources(ends, wishes);
  }
};

std::string details(const json& resource) {
  return render(detail_lines(resource), /*colours=*/false);
}

}  // namespace

TEST_CASE("a list is asked page by page, and counted") {
  ResourcesPerson person;
  json held = api("held");
  held["held_by"] = "deployments";
  person.answers = {page({api()}, "a/id-1"), page({}, "r//"), page({held})};

  CHECK(person.run({.kind = "RestApi", .state = "held"}));
  CHECK(person.out ==
        "in-service  RestApi          petstore (id-1)\n"
        "held        RestApi          petstore (id-1): the listing deployments lacks it, and the deletion brake keeps "
        "it\n"
        "2 resources\n");
  using Asked = std::multimap<std::string, std::string>;
  CHECK(person.asked == std::vector<Asked>{{{"kind", "RestApi"}, {"state", "held"}},
                                           {{"kind", "RestApi"}, {"state", "held"}, {"after", "a/id-1"}},
                                           {{"kind", "RestApi"}, {"state", "held"}, {"after", "r//"}}});
}

TEST_CASE("of a kind that nobody knows what is stored is listed, and where nothing is, the known ones are named") {
  ResourcesPerson person;
  json other = api();
  other["kind"] = "GraphApi";
  person.answers = {page({other}), page({}), page({})};

  CHECK(person.run({.kind = "GraphApi"}));
  CHECK_THAT(person.out, Contains("GraphApi"));
  CHECK(person.run({.kind = "Mcp"}));
  CHECK(person.err.empty());
  CHECK_FALSE(person.run({.kind = "RestAPIs"}));
  CHECK(person.err ==
        "nothing to list is of the kind RestAPIs; the kinds that are known are RestApi, LlmProvider, LlmProxy, Mcp, "
        "WebSubApi, WebBrokerApi, ApiKey, Application, HmacSecret, Secret, Subscription, SubscriptionPlan\n");
}

TEST_CASE("a program is given one object a line, and no count") {
  ResourcesPerson person;
  person.answers = {page({api(), key()})};

  CHECK(person.run({.json = true}));
  CHECK(person.out == api().dump() + "\n" + key().dump() + "\n");
}

TEST_CASE("one is shown with all that is known of it") {
  ResourcesPerson person;
  person.answers = {page({api()})};

  CHECK(person.run({.name = "petstore"}));
  CHECK(person.asked.front() == std::multimap<std::string, std::string>{{"name", "petstore"}});
  CHECK(person.out ==
        "RestApi petstore (id-1)\n"
        "  state         in-service: the gateway has answered a push that has it\n"
        "  deployment    d-2\n"
        "  as of         2026-08-22T11:02:03.417Z, by the control plane's clock\n"
        "  document      is here\n"
        "  offered       deployment d-2, at revision 42, which the gateway has answered\n"
        "  last accepted deployment d-2\n"
        "  ack           success, nothing waits to be sent\n"
        "  history       no event about it has come since the daemon's start\n");
}

TEST_CASE("what keeps one from service is said with what it waits for") {
  json waits = api("waiting");
  waits["refers_to"] = {{{"kind", "LlmProvider"}, {"name", "openai"}, {"offered", false}},
                        {{"kind", "Secret"}, {"name", "key"}, {"offered", true}}};
  waits["events"] = {{{"type", "llmproxy.deployed"}, {"at", "2026-08-22T11:02:03.417Z"}, {"in_doubt", false}},
                     {{"type", "llmproxy.deleted"}, {"at", "2026-08-22T11:02:04.000Z"}, {"in_doubt", true}}};
  waits["revision"] = 0;
  waits["doubted"] = waits["asked_for"] = waits["ack_waits"] = true;
  const std::string text = details(waits);
  CHECK_THAT(text, Contains("  state         waiting: what it refers to is not in service\n") &&
                       Contains("  refers to     LlmProvider openai, which is not here\n") &&
                       Contains("  refers to     Secret key, which is offered\n") &&
                       Contains("  offered       never\n"));
  CHECK_THAT(text, Contains("  event         llmproxy.deployed of 2026-08-22T11:02:03.417Z, whose effect is not in "
                            "service yet\n") &&
                       Contains("  event         llmproxy.deleted of 2026-08-22T11:02:04.000Z, which a listing has yet "
                                "to confirm\n") &&
                       Contains("  listing       one lacked it or was older: it is asked again\n") &&
                       Contains("  question      the control plane is asked whether it exists\n") &&
                       Contains("  ack           success, not known to have been read"));
}

TEST_CASE("each state has its reason in words") {
  CHECK(why(api("pending")) == "it is offered, and the gateway has not answered yet");
  json refused = api("quarantined");
  refused["refused"] = {{"reason", "no such\x1bpolicy"}, {"since", "S"}, {"next_try", "N"}};
  CHECK(why(refused) == "the gateway refused it: no such?policy");
  CHECK_THAT(details(refused), Contains("  refused       since S: no such?policy; tried again at N at the latest\n"));
  json absent = api("undeployed");
  CHECK(why(absent) == "the control plane does not want it in service");
  absent["by_absence"] = true;
  CHECK(why(absent) == "no listing has it any more, though it still exists");
  absent["offered_deployment_id"] = nullptr;
  absent["answered"] = false;
  CHECK_THAT(details(absent), Contains("its removal, at revision 42, which the gateway has not answered yet\n"));
  CHECK(why(key("kept")) == "it belongs to something that is not in service, and comes back with it");
  CHECK(why(key("waiting")) == "what it belongs to is not in service");
  json without = key("waiting");
  without["has_content"] = false;
  CHECK(why(without) == "its value has not come yet");
  without["lost"] = true;
  CHECK_THAT(why(without), StartsWith("what was stored of it cannot be read any more"));
  json document = api("waiting");
  document["has_content"] = false;
  CHECK(why(document) == "its document has not come yet");
  json gone = api("removed");
  gone["gone_since"] = "G";
  CHECK(why(gone) == "it is gone");
  CHECK_THAT(details(gone), Contains("  gone since    G\n"));
  CHECK_THAT(details(key()), Contains("  belongs to    id-1\n") && Contains("  content       is here\n") &&
                                 Contains("  offered       it, at revision 42"));
}

TEST_CASE("several of one name are listed, none is an error") {
  ResourcesPerson person;
  person.answers = {page({api(), key()}), page({}), page({})};

  CHECK(person.run({.name = "petstore"}));
  CHECK_THAT(person.out, Contains("several go by that name: name one by its id, or by --kind\n"));
  CHECK_FALSE(person.run({.name = "nope"}));
  CHECK_FALSE(person.run({.name = "nope", .kind = "Mcp"}));
  CHECK(person.err ==
        "nothing is stored under that id or name: `tetherd resources` lists what is\n"
        "nothing is stored under that id or name of kind Mcp: `tetherd resources` lists what is\n");
}

TEST_CASE("one that is shown has its history, and no other's: the last events about it with what became of each") {
  json events = json::array();
  for (int i = 0; i < 12; ++i) {
    events.push_back({{"at", "t" + std::to_string(i)},
                      {"type", "api.deployed"},
                      {"kind", "RestApi"},
                      {"id", "id-1"},
                      {"correlation_id", "c-" + std::to_string(i)},
                      {"stage", "acknowledged"}});
  }
  events[5]["id"] = "id-2";
  events[6]["kind"] = "Mcp";
  events[11]["stage"] = "refused";
  events[11]["correlation_id"] = "";
  ResourcesPerson person;
  person.answers = {page({api()}), page({api()}), page({api()})};
  person.events = json{{"next", 12}, {"events", events}}.dump();

  CHECK(person.run({.name = "petstore"}));
  CHECK_THAT(person.out, Contains("  history       t0 api.deployed, in effect, and acknowledged [c-0]\n") &&
                             Contains("  history       t11 api.deployed, the gateway has refused it\n") &&
                             !Contains(" t5 ") && !Contains(" t6 "));
  events.push_back(events[0]);
  person.out.clear();
  person.events = json{{"next", 13}, {"events", events}}.dump();
  CHECK(person.run({.name = "petstore"}));
  CHECK(std::count(person.out.begin(), person.out.end(), '\n') -
            static_cast<std::ptrdiff_t>(detail_lines(api()).size()) ==
        static_cast<std::ptrdiff_t>(kShownHistory));

  // What cannot be told is left out, and what is known of the resource is shown all the same.
  person.out.clear();
  person.events = fail(ErrorKind::Reject, "stopping");
  CHECK(person.run({.name = "petstore"}));
  CHECK(person.out == details(api()));
}

TEST_CASE("a daemon that does not answer, cannot, or is none, is said so") {
  ResourcesPerson person;
  person.answers = {fail(ErrorKind::Retry, "refused"), fail(ErrorKind::Reject, "the store is damaged"),
                    std::string("[]")};

  for (int i = 0; i < 3; ++i) CHECK_FALSE(person.run({}));
  CHECK(person.err ==
        "the daemon does not answer: refused\n"
        "the daemon does not say: the store is damaged\n"
        "what answers there is no tetherd of this version\n");
  CHECK(person.out.empty());
}

}  // namespace tether::terminal
