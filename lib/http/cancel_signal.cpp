#include "tether/http/cancel_signal.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace tether::http {

CancelSignal::~CancelSignal() {
  if (fd_ >= 0) ::close(fd_);
}

bool CancelSignal::is_ready() {
  if (fd_ >= 0) return true;
  fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd_ < 0) return false;
  if (is_raised_) raise();  // by who saw no descriptor yet
  return true;
}

void CancelSignal::raise() noexcept {
  is_raised_ = true;
  // Full means raised already.
  [[maybe_unused]] const int ignored = ::eventfd_write(fd_, 1);
}

}  // namespace tether::http
