#include "tether/terminal/status_command.h"

#include "tether/terminal/status_screen.h"

namespace tether::terminal {
namespace {

std::string no_answer(const Error& error) {
  return "the daemon does not answer: " + error.message +
         ". See whether it runs, and whether admin.listen (TETHER_ADMIN_LISTEN) is the same here as for it";
}

/// Once. `is_first`: nothing was shown before.
bool look(const StatusEnds& ends, const StatusWishes& wishes, bool is_first) {
  const auto body = ends.status();
  const auto shown = status_screen(body, ends.now());
  const auto screen = wishes.watch && !wishes.json ? ends.screen() : std::nullopt;
  if (!shown && !screen) {
    ends.complain(no_answer(shown.error()) + "\n");
    return false;
  }
  if (wishes.json) {
    ends.say(*body);
    return shown->all_well;
  }
  const Lines lines = shown ? shown->lines : Lines{{no_answer(shown.error()), Tone::Bad}};
  if (screen) {
    ends.say(redraw(lines, *screen, wishes.colours));
  } else {
    ends.say((is_first ? "" : "\n") + render(lines, wishes.colours));
  }
  return shown && shown->all_well;
}

}  // namespace

bool run_status(const StatusEnds& ends, const StatusWishes& wishes) {
  bool all_well = look(ends, wishes, /*is_first=*/true);
  while (wishes.watch && ends.pause()) all_well = look(ends, wishes, /*is_first=*/false);
  return all_well;
}

}  // namespace tether::terminal
