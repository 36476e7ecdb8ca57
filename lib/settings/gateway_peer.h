#pragma once

#include "tether/settings/reader.h"

namespace tether {

/// Reads who may be behind the gateway's socket: a user, a group. Looks them up in the system's databases.
void read_peer(SettingReader& in, GatewaySettings& out);

}  // namespace tether
