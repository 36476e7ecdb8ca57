#include "tether/terminal/progress.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>

namespace tether::terminal {
namespace {

/// A terminal that waits for what is to come.
class Terminal {
 public:
  void write(const std::string& text) {
    const std::lock_guard lock(mutex_);
    text_ += text;
    changed_.notify_all();
  }
  bool comes_to_show(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [this, &part] { return text_.find(part) != std::string::npos; });
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

}  // namespace

TEST_CASE("what takes over a second is shown, with for how long, and gone when it is over") {
  Terminal terminal;
  Progress progress([&terminal](const std::string& text) { terminal.write(text); });

  progress.begin("looking up cp.example.com");
  CHECK(terminal.comes_to_show("\r\x1b[Klooking up cp.example.com … 1 s"));
  progress.end();
  CHECK(terminal.text().ends_with("\r\x1b[K"));
}

TEST_CASE("what is over at once is not shown, nor anything where there is no terminal") {
  Terminal terminal;
  {
    Progress progress([&terminal](const std::string& text) { terminal.write(text); });
    for (int i = 0; i < 1000; ++i) progress.begin("something");
    progress.end();
  }
  CHECK(terminal.text().empty());

  Progress nowhere(nullptr);
  nowhere.begin("something");
  nowhere.end();
}

TEST_CASE("a progress line says for how long it has been going on") {
  CHECK(progress_line("copying", 75s) == "\r\x1b[Kcopying … 1 min 15 s");
}

}  // namespace tether::terminal
