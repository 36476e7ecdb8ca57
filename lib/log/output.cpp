#include "tether/log/output.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace tether {

namespace {

bool is_socket(int fd) {
  struct stat about {};
  return ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

}  // namespace

Output::Output(int fd) : fd_(fd), is_socket_(is_socket(fd)) {}

bool Output::has_room() const {
  pollfd poll_for{fd_, POLLOUT, 0};
  return ::poll(&poll_for, 1, 0) == 1 && (poll_for.revents & POLLOUT) != 0;
}

std::size_t Output::write_some(std::string_view text) const {
  // A pipe that has room at all takes PIPE_BUF bytes; the journal's socket may not, and is told not to wait.
  ssize_t written = -1;
  do {
    if (!is_socket_ && !has_room()) return 0;
    written = is_socket_ ? ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                         : ::write(fd_, text.data(), text.size());
  } while (written < 0 && errno == EINTR);
  return written > 0 ? static_cast<std::size_t>(written) : 0;
}

bool Output::write(std::string_view line) {
  rest_.erase(0, rest_.empty() ? 0 : write_some(rest_));
  if (!rest_.empty()) return false;
  const std::size_t written = write_some(line);
  if (written == 0) return false;
  rest_ = line.substr(written);
  return true;
}

}  // namespace tether
