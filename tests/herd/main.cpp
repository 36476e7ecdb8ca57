#include <array>
#include <chrono>
#include <cstdio>

#include "fleet.h"

namespace tether::herd {
namespace {

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

void show(const char* away, const Outage& outage) {
  const Return back = play(outage);
  std::printf("| %s | %s | %s | %zu | %.1f | %.1f | %.1f | %zu | %zu | %zu | %zu |\n",
              outage.dials_per_minute ? "one for all" : "one each", away,
              outage.is_unanswered ? "unanswered" : "refused", back.peak_dials, seconds(back.half), seconds(back.most),
              seconds(back.all), back.dials, back.refused, back.most_dials_of_one, back.peak_knocks);
  std::fflush(stdout);
}

}  // namespace
}  // namespace tether::herd

/// What a fleet does when its control plane is back: the table of the README.
int main() {
  using namespace tether;
  using namespace tether::herd;
  std::puts("10,000 links, cut off at once; times are from the control plane's return on.\n");
  std::puts(
      "| address | away | meanwhile | peak dials/s | 50 % back s | 95 % | 100 % | dials | 429 | most of one | peak "
      "knocks/s |");
  std::puts("|---|---|---|---|---|---|---|---|---|---|---|");
  struct Away {
    const char* name;
    Duration time;
  };
  const std::array<Away, 3> aways = {{{"10 s", 10s}, {"5 min", 5min}, {"1 h", 1h}}};
  for (const bool one_for_all : {false, true}) {
    for (const Away& away : aways) {
      for (const bool unanswered : {false, true}) {
        Outage outage;
        outage.away = away.time;
        outage.is_unanswered = unanswered;
        if (one_for_all) outage.dials_per_minute = 1000;
        show(away.name, outage);
      }
    }
  }
}
