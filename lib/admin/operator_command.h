#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "tether/base/result.h"

/// What the sub-commands have in common by which an operator tells a running daemon to do what it does not do by
/// itself: each shows what it is about, asks, hands the consent over, and watches what comes of it.
namespace tether {

/// The header that says that a request is a command: a page in a browser cannot send it to another origin without
/// asking first, which nobody answers. Its value is the command's name, and the path is that after a slash.
inline constexpr const char* kCommandHeader = "X-Tetherd-Command";
/// Of any consent's body.
inline constexpr std::size_t kMaxConsentBytes = std::size_t{256} * 1024;

/// What a command does, besides deciding.
struct CommandEnds {
  std::function<Result<std::string>()> status;  ///< The body of `/status`.
  /// Hands over a consent; Reject with the daemon's words if it does not take it.
  std::function<Result<Done>(const std::string& body)> agree;
  std::function<std::optional<bool>()> ask;  ///< Asks the operator; nullopt: nobody is there to be asked.
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> complain;
  std::function<void()> pause;  ///< For a second, until the daemon is looked at again.
};
enum class CommandEnd {
  Done,      ///< There is nothing (any more) to agree to.
  NotDone,   ///< The daemon is away or has no link, the operator said no, or it has not come to it.
  NotAsked,  ///< Nobody is there to be asked, and no `--yes` was given.
};
/// How often the daemon is looked at, a second apart, until what was agreed to has been done.
inline constexpr int kCommandLooks = 120;

/// Asks, unless `yes`, and hands `body` over. Nothing: it was taken. Otherwise how the command ends, which was said;
/// `not_done` is the word for what the daemon did not do.
std::optional<CommandEnd> hand_over(const CommandEnds& ends, bool yes, const std::string& body, const char* not_done);

}  // namespace tether
