#include "tether/http/cancel_signal.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "tether/base/check.h"

namespace tether::http {

CancelSignal::CancelSignal() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  check(fd_ >= 0, "an event descriptor can be had at start");
}

CancelSignal::~CancelSignal() {
  ::close(fd_);
}

void CancelSignal::raise() noexcept {
  // Full means raised already.
  [[maybe_unused]] const int ignored = ::eventfd_write(fd_, 1);
}

}  // namespace tether::http
