#pragma once

#include <string>

#include "tether/base/result.h"

/// What both programs for people need around their stand-in.
namespace tether::peers {

/// Blocks SIGINT and SIGTERM in this thread and those that it starts. Call first.
void block_stop_signals();

/// Returns after SIGINT or SIGTERM.
void wait_for_stop_signal();

/// One sentence on standard error; the exit status for it.
int give_up(const Error& error);

/// One line on standard output, at once, from any thread.
void print_line(const std::string& line);

/// Writes a file so that a reader sees the old content or the new, never a half.
void replace_file(const std::string& path, const std::string& content);

}  // namespace tether::peers
