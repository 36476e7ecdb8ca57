#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scene.h"

/// The sub-commands, with nobody at a terminal unless it is said.
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
/// `tetherd ARGUMENTS`, told where the daemon of the scene listens, and of these variables.
std::unique_ptr<DaemonProcess> start_command(const Scene& scene, const std::vector<std::string>& arguments,
                                             const std::map<std::string, std::string>& environment = {});
/// The same at a terminal, as `script` of util-linux makes one: what it writes is in `out`.
std::unique_ptr<DaemonProcess> start_at_terminal(const Scene& scene, const std::string& command_line,
                                                 const std::map<std::string, std::string>& environment = {});
/// Waits for its end.
Ended end_of(DaemonProcess& command);
Ended run_command(const Scene& scene, const std::string& name, bool yes);
Ended run_command(const Scene& scene, const std::vector<std::string>& arguments,
                  const std::map<std::string, std::string>& environment = {});

/// Whether the part is in it. A failed check shows the text.
bool has(const std::string& text, const std::string& part);

}  // namespace tether::test
