#pragma once

#include <memory>
#include <optional>
#include <string>

#include "scene.h"

/// The sub-commands by which an operator tells a running daemon something, with nobody at a terminal.
namespace tether::test {

inline constexpr int kDone = 0;
inline constexpr int kNotDone = 1;
inline constexpr int kNotAsked = 2;

struct Ended {
  std::optional<int> status;  ///< nullopt: it did not end.
  std::string out;
  std::string err;
};

/// `tetherd NAME`, and `--yes`.
std::unique_ptr<DaemonProcess> start_command(const Scene& scene, const std::string& name, bool yes);
/// Waits for its end.
Ended end_of(DaemonProcess& command);
Ended run_command(const Scene& scene, const std::string& name, bool yes);

/// Whether the part is in it. A failed check shows the text.
bool has(const std::string& text, const std::string& part);

}  // namespace tether::test
