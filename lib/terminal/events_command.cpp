#include "tether/terminal/events_command.h"

#include <algorithm>
#include <optional>

#include "tether/admin/admin_client.h"
#include "tether/admin/command_json.h"
#include "tether/terminal/event_words.h"
#include "tether/terminal/screen.h"
#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

struct News {
  std::uint64_t next = 0;
  Json events;  ///< An array.
};

std::optional<News> ask(const EventsEnds& ends, std::uint64_t after) {
  const auto body = ends.ask(after);
  if (!body) {
    ends.complain(no_answer(body.error()) + "\n");
    return std::nullopt;
  }
  Json json = Json::parse(*body, nullptr, /*allow_exceptions=*/false);
  const bool is_news = json.is_object() && json.contains("next") && json["next"].is_number_unsigned() &&
                       json.contains("events") && json["events"].is_array();
  if (is_news) return News{json["next"].get<std::uint64_t>(), std::move(json["events"])};
  ends.complain("what answers there is no tetherd of this version\n");
  return std::nullopt;
}

Line line_of(const Json& event) {
  constexpr std::size_t kTypeWidth = 24;
  const std::string stage = shown_text(event, "stage");
  const bool is_bad = stage == "dropped" || stage == "refused" || stage == "failed";
  const std::string id = shown_text(event, "id");
  const std::string correlation = shown_text(event, "correlation_id");
  return {shown_text(event, "at") + "  " + padded(shown_text(event, "type"), kTypeWidth) + " " +
              (id.empty() ? "" : shown_text(event, "kind") + " " + id + ", ") + stage_in_words(event) +
              (correlation.empty() ? "" : "  [" + correlation + "]"),
          is_bad ? Tone::Bad : Tone::Plain};
}

void show(const EventsEnds& ends, const EventsWishes& wishes, const Json& events, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < events.size(); ++i) {
    out += wishes.json ? events[i].dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n"
                       : render({line_of(events[i])}, wishes.colours);
  }
  if (!out.empty()) ends.say(out);
}

}  // namespace

bool run_events(const EventsEnds& ends, const EventsWishes& wishes) {
  auto news = ask(ends, 0);
  if (!news) return false;
  if (news->events.empty() && !wishes.json && !wishes.follow) ends.say("no event has come since the daemon's start\n");
  show(ends, wishes, news->events, news->events.size() - std::min(news->events.size(), wishes.count));
  while (wishes.follow && ends.pause()) {
    const std::uint64_t after = news->next;
    news = ask(ends, after);
    if (!news) return false;
    // A count that has gone back is that of another daemon: what it has is all new.
    if (news->next < after) news = ask(ends, 0);
    if (!news) return false;
    show(ends, wishes, news->events, 0);
  }
  return true;
}

}  // namespace tether::terminal
