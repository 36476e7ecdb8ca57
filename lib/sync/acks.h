#pragma once

#include "tether/sync/context.h"

/// Verdicts and the outbox: RULE.md section 9.
namespace tether::sync {

/// Puts a `success` for what is wanted into the outbox.
void put_success(Context& context, const Artifact& artifact);

/// Settles everything that the gateway's last answer covers.
void settle(Context& context);

/// Whether the last answer was given by the gateway that is there, under the present epoch.
bool answer_is_current(Context& context);

/// Sends what the outbox holds and this link has not carried, with a ping behind it.
void send_acks(Context& context);

}  // namespace tether::sync
