#pragma once

#include "tether/admin/admin_client.h"
#include "tether/admin/endpoint.h"
#include "tether/settings/settings.h"

/// How the daemon's endpoint and the sub-commands that ask it come together: by the same settings.
namespace tether::daemon {

AdminEndpoint endpoint_of(const AdminSettings& settings);
/// Brings the token, if its file can be read by whoever runs this.
AdminClient client_of(const AdminSettings& settings);

}  // namespace tether::daemon
