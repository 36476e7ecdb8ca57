#include "tether/http/problem.h"

namespace tether::http {

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::Dns:
      return "dns";
    case Fault::Refused:
      return "refused";
    case Fault::Timeout:
      return "timeout";
    case Fault::Tls:
      return "tls";
    case Fault::Reset:
      return "reset";
    case Fault::Closed:
      return "closed";
    case Fault::Http:
      return "http";
    case Fault::Peer:
      return "peer";
    case Fault::Folder:
      return "folder";
    case Fault::Receiver:
      return "receiver";
    case Fault::Cancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace tether::http
