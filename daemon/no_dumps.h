#pragma once

namespace tether::daemon {

/// From now on no core dump of this process is written, and no other process of its user may look into its memory: it
/// holds tokens and secret values. Call it first.
void forbid_core_dumps();

}  // namespace tether::daemon
