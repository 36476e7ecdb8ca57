#pragma once

#include <string>

#include "tether/sync/context.h"

/// Another identity than the one in service: RULE.md section 11.
namespace tether::sync {

/// A link names its identity: the one in service, or another, which is staged.
void identify(Context& context, const std::string& gateway_id);

/// The control plane of the link's identity may be found at another address than before.
void note_address(Context& context, Marks& marks);

/// An operator wants it served as it was shown. Nothing happens if it is not the present link's, or not staged.
void accept_staged(Context& context, const ShownIdentity& shown);

/// A full listing of the staged identity ended; every row of it could be read.
void note_staged_listing(Context& context, const Asked& asked);

/// The staged identity is served from now on if nothing is lacking. Brings its standing up to date. To be called on the
/// served side, and leaves it so.
void consider_switch(Context& context);

}  // namespace tether::sync
