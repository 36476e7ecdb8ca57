#pragma once

#include "tether/settings/reader.h"
#include "tether/tls/trust.h"

namespace tether {

/// The settings about TLS to the control plane. Looks at the files that they name.
tls::TrustOptions read_tls(SettingReader& in);

}  // namespace tether
