#include "tether/terminal/resources_command.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tether/admin/admin_client.h"
#include "tether/admin/command_json.h"
#include "tether/protocol/kinds.h"
#include "tether/terminal/resource_lines.h"
#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

using Asked = std::multimap<std::string, std::string>;

/// A page of it; said if there is none.
std::optional<Json> ask(const ResourcesEnds& ends, const Asked& asked) {
  const auto body = ends.ask(asked);
  if (!body) {
    ends.complain(no_answer(body.error()) + "\n");
    return std::nullopt;
  }
  Json page = Json::parse(*body, nullptr, /*allow_exceptions=*/false);
  const bool is_page = page.is_object() && page.contains("resources") && page["resources"].is_array();
  if (is_page) return page;
  ends.complain("what answers there is no tetherd of this version\n");
  return std::nullopt;
}

std::string json_line(const Json& resource) {
  return resource.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

std::string in_list(const Json& resource, const ResourcesWishes& wishes) {
  return wishes.json ? json_line(resource) : render({list_line(resource)}, wishes.colours);
}

/// Of a kind that is not known and has nothing to show: whether it was mistyped, nobody can tell.
std::string no_such_kind(const std::string& kind) {
  std::string known;
  for (const auto name : protocol::known_kinds()) known += (known.empty() ? "" : ", ") + std::string(name);
  return "nothing to list is of the kind " + kind + "; the kinds that are known are " + known + "\n";
}

bool show_list(const ResourcesEnds& ends, const ResourcesWishes& wishes) {
  Asked asked;
  if (!wishes.kind.empty()) asked.emplace("kind", wishes.kind);
  if (!wishes.state.empty()) asked.emplace("state", wishes.state);
  std::int64_t count = 0;
  while (true) {
    const auto page = ask(ends, asked);
    if (!page) return false;
    std::string lines;
    for (const Json& resource : (*page)["resources"]) lines += in_list(resource, wishes);
    count += static_cast<std::int64_t>((*page)["resources"].size());
    if (!lines.empty()) ends.say(lines);
    // As it is, with whatever is in it: it is a place.
    const Json next = page->value("next", Json());
    if (!next.is_string()) break;
    asked.erase("after");
    asked.emplace("after", next.get<std::string>());
  }
  if (!wishes.json) ends.say(count_of(count, "resource") + "\n");
  const auto known = protocol::known_kinds();
  const bool may_be_mistyped = !wishes.kind.empty() && std::ranges::find(known, wishes.kind) == known.end();
  if (count > 0 || !may_be_mistyped) return true;
  ends.complain(no_such_kind(wishes.kind));
  return false;
}

bool show_one(const ResourcesEnds& ends, const ResourcesWishes& wishes) {
  Asked asked = {{"name", wishes.name}};
  if (!wishes.kind.empty()) asked.emplace("kind", wishes.kind);
  const auto page = ask(ends, asked);
  if (!page) return false;
  const Json& resources = (*page)["resources"];
  if (resources.empty()) {
    ends.complain("nothing is stored under that id or name" +
                  (wishes.kind.empty() ? std::string() : " of kind " + wishes.kind) +
                  ": `tetherd resources` lists what is\n");
    return false;
  }
  if (resources.size() == 1 && !wishes.json) {
    Lines lines = detail_lines(resources.front());
    const auto events = ends.events();
    const Json news = events ? Json::parse(*events, nullptr, /*allow_exceptions=*/false) : Json();
    if (news.is_object() && news.contains("events") && news["events"].is_array()) {
      for (Line& line : history_lines(resources.front(), news["events"])) lines.push_back(std::move(line));
    }
    ends.say(render(lines, wishes.colours));
    return true;
  }
  for (const Json& resource : resources) ends.say(in_list(resource, wishes));
  if (!wishes.json) ends.say("several go by that name: name one by its id, or by --kind\n");
  return true;
}

}  // namespace

bool run_resources(const ResourcesEnds& ends, const ResourcesWishes& wishes) {
  return wishes.name.empty() ? show_list(ends, wishes) : show_one(ends, wishes);
}

}  // namespace tether::terminal
