#include "tether/terminal/database_command.h"

#include <array>
#include <cstdio>

#include "tether/base/controls.h"
#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

std::string contents(const store::CheckReport& report) {
  const std::string encrypted = count_of(report.encrypted, "encrypted content");
  if (report.encrypted == 0) return "nothing in it is encrypted";
  if (!report.no_key.empty()) return encrypted + " not looked at, for the key is not at hand: " + report.no_key;
  if (report.unreadable == 0) return encrypted + ", all of which the key opens";
  return encrypted + ", " + std::to_string(report.unreadable) +
         " of which the key does not open: these are fetched again when the daemon starts";
}

}  // namespace

std::string size_in_words(std::int64_t bytes) {
  constexpr std::int64_t kKilo = 1000;
  if (bytes < kKilo) return count_of(bytes, "byte");
  const bool is_large = bytes >= kKilo * kKilo;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), is_large ? "%.1f MB" : "%.0f kB",
                static_cast<double>(bytes) / (is_large ? 1e6 : 1e3));
  return text.data();
}

bool run_database_check(const DatabaseEnds& ends) {
  const auto report = ends.check();
  if (!report) {
    ends.complain("cannot check: " + without_controls(report.error().message) + "\n");
    return false;
  }
  if (!report->damage.empty()) {
    std::string text = report->file + " is damaged:\n";
    for (const std::string& found : report->damage) text += "  " + without_controls(found) + "\n";
    text +=
        "The daemon sets it aside at its next start and asks the control plane for everything again; the gateway keeps "
        "what it has meanwhile. Or stop the daemon and put a backup in its place.\n";
    ends.complain(text);
    return false;
  }
  ends.say(report->file + " is sound: " + size_in_words(report->bytes) + ", " +
           count_of(report->resources, "resource") + "; " + without_controls(contents(*report)) + "\n");
  const bool key_was_tried = report->encrypted == 0 || report->no_key.empty();
  return key_was_tried && report->unreadable == 0;
}

bool run_database_backup(const DatabaseEnds& ends, const std::string& file) {
  const auto report = ends.back_up(file);
  if (!report) {
    ends.complain("no backup: " + without_controls(report.error().message) + "\n");
    return false;
  }
  const std::string key = report->key_file.empty()
                              ? "the key that the daemon was given (store.key_file, or the systemd "
                                "credential store-key; it is not at hand here)"
                              : report->key_file;
  ends.say(file + ": " + size_in_words(report->bytes) + "\n" +
           "The key that its secrets are encrypted with is not in it. Keep " + key +
           ", too, and apart from it: without the key all of that is fetched again.\n"
           "To put it back: stop the daemon, remove tetherd.db, tetherd.db-wal and tetherd.db-shm in its state folder, "
           "copy this there as tetherd.db, and give that the owner of the daemon's own files: chown "
           "--reference=tetherd.lock tetherd.db\n");
  return true;
}

}  // namespace tether::terminal
