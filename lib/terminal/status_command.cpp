#include "tether/terminal/status_command.h"

#include "tether/admin/admin_client.h"
#include "tether/terminal/status_screen.h"

namespace tether::terminal {
namespace {

std::string why_none(const Error& error) {
  if (error.kind == ErrorKind::Reject) return no_answer(error);
  return no_answer(error) +
         ". See whether it runs, and whether admin.listen (TETHER_ADMIN_LISTEN) is the same here as for it";
}

/// Once. `is_first`: nothing was shown before.
bool look(const StatusEnds& ends, const StatusWishes& wishes, bool is_first) {
  const auto body = ends.status();
  const auto shown = status_screen(body, ends.now());
  const auto screen = wishes.watch && !wishes.json ? ends.screen() : std::nullopt;
  if (!shown && !screen) {
    ends.complain(why_none(shown.error()) + "\n");
    return false;
  }
  if (wishes.json) {
    ends.say(*body);
    return shown->all_well;
  }
  const Lines lines = shown ? shown->lines : Lines{{why_none(shown.error()), Tone::Bad}};
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
