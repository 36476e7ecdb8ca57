#include "admin_access.h"

namespace tether::daemon {

AdminEndpoint endpoint_of(const AdminSettings& settings) {
  return {settings.host, settings.port, settings.unix_path};
}

AdminClient client_of(const AdminSettings& settings) {
  return AdminClient(endpoint_of(settings), settings.token.read());
}

}  // namespace tether::daemon
