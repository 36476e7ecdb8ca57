#pragma once

#include <string>

namespace tether::daemon {

/// Writes `text` to standard output, at once. Where it cannot be written, as on a full disk, that is told on standard
/// error and the program ends with exit status 1: what was not shown must not pass for shown. What the reader of a pipe
/// no longer wants is no error.
void say(const std::string& text);

/// Writes `text` to standard error, as it is.
void write_to_error(const std::string& text);

/// The same with `tetherd: ` before it.
void complain(const std::string& text);

}  // namespace tether::daemon
