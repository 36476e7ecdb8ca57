#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tether/log/log.h"
#include "tether/log/redactor.h"

namespace tether {

/// `text` within quotes for a JSON string, without them: quotes, backslashes and control characters (C1 too: terminals
/// obey them) are escaped, bytes that are not UTF-8 become U+FFFD.
std::string escape(std::string_view text);

/// At most `max_bytes` of `text`, cut between two characters and then marked with `…`.
std::string cut_text(std::string_view text, std::size_t max_bytes);

/// What follows the time in a line, without its end: `"level":"info","event":"link.connected","gateway_id":"…"` or
/// `info  link.connected gateway_id=…`. At most `max_bytes`: fields that do not fit are left out.
std::string format_line(LogFormat format, LogLevel level, std::string_view event, Logger::Fields fields,
                        const Redactor& redactor, std::size_t max_bytes);

}  // namespace tether
