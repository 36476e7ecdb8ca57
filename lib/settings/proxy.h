#pragma once

#include "tether/settings/reader.h"

namespace tether {

/// How the control plane is reached: by `control_plane.proxy`, else by what the environment says to all programs.
ProxySettings read_proxy(SettingReader& in, const ControlPlaneAddress& to);

}  // namespace tether
