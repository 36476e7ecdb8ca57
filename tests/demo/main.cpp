// tether-demo [--stay]: shows a real tetherd between a control plane and a gateway, and checks what it shows.
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "screen.h"
#include "stage.h"
#include "story.h"

using namespace tether::demo;

namespace {

void show_around(const Stage& stage, Screen& screen) {
  screen.chapter("It stays. Look at it from another terminal:");
  screen.text("curl -s http://" + stage.admin() + "/status");
  screen.text("curl -s http://" + stage.admin() + "/metrics");
  screen.text("curl -s http://" + stage.control() + "/state            what the control plane wants and knows");
  screen.text("curl -s http://" + stage.gateway_control() + "/state            what the gateway has");
  screen.text("curl -s http://" + stage.control() + R"(/deploy -d '{"kind":"RestApi","handle":"mine-v1.0"}')");
  screen.text("ls " + stage.folder() + "      state folder, socket, certificates");
  screen.text("More calls are in tests/peers/README.md. Ctrl-C stops everything and removes the folder.");
}

}  // namespace

int main(int argc, char** argv) {
  const bool stay = argc == 2 && std::strcmp(argv[1], "--stay") == 0;
  if (argc > 1 && !stay) {
    std::fprintf(stderr, "tether-demo knows only --stay\n");
    return 2;
  }
  watch_for_stop();
  Screen screen;
  screen.title("tetherd: a gateway's configuration outlives its control plane");
  Stage stage(std::filesystem::read_symlink("/proc/self/exe").parent_path());
  Story story(stage, screen);

  const bool played = story.play();
  if (played && !stay) story.say_goodbye();
  const bool all_held = screen.summary();
  if (played && stay) {
    show_around(stage, screen);
    while (!wait_until([] { return false; }, std::chrono::hours(1)) && !is_stopped()) {
    }
  }
  return all_held ? 0 : 1;
}
