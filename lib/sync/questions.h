#pragma once

#include "tether/sync/context.h"

/// What is asked because of what is stored: documents, values and existence that are missing. Work left is recomputed
/// from the store each time, so it needs no queue and survives a crash (RULE.md section 5).
namespace tether::sync {

/// How many artifacts one `exists` asks about.
inline constexpr std::size_t kMaxExistsAtOnce = 200;

/// Puts a request under way: numbers it, notes the store's counter, and adds the command.
void send_request(Context& context, Asked asked, std::string method, std::string path, std::string body);

/// Asks for documents, existence and secret values, as far as there are free places.
void ask_follow_ups(Context& context);

/// Whether every document and value that is wanted and not here has been asked for and did not come.
bool lacks_only_what_does_not_come(Records& records, const Memory& memory);

/// A batch was answered. Too large: the next ones ask for less, and a document that is too large by itself is refused
/// like one that the gateway refuses. Else: what it lacked is held back for a while, and a full listing is asked, once,
/// because the control
/// plane may no longer want it.
void end_batch(Context& context, const Asked& asked, const RequestOutcome& outcome);
/// `exists` was answered: about whom it said nothing is asked again after a pause.
void hold_unanswered(Context& context, const Asked& asked);
/// A value came, was refused (404: unknown or not referred to, 500: deprecated), or nothing was said about it.
void end_value(Context& context, const Asked& asked, const RequestOutcome& outcome);

}  // namespace tether::sync
