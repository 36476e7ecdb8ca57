#pragma once

#include "tether/settings/reader.h"

namespace tether {

/// The settings about the admin endpoint. Looks at the token's file.
AdminSettings read_admin(SettingReader& in);

}  // namespace tether
