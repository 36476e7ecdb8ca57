#include "tether/admin/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

namespace tether {
namespace {

constexpr mode_t kMode = 0660;

tl::unexpected<Error> refuse(int error_number) {
  return fail(ErrorKind::Reject, std::generic_category().message(error_number));
}

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

int new_socket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/// How the sockets interface is made.
const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

/// Takes away what an earlier process has left.
Result<Done> make_room(const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0) return Done{};
  if (!S_ISSOCK(about.st_mode)) return fail(ErrorKind::Reject, "something else than a socket is there");
  const int fd = connect_to_unix_socket(path);
  if (fd >= 0) {
    ::close(fd);
    return refuse(EADDRINUSE);
  }
  if (errno == ECONNREFUSED && ::unlink(path.c_str()) == 0) return Done{};
  return refuse(errno);
}

}  // namespace

int connect_to_unix_socket(const std::string& path) {
  const auto address = address_of(path);
  const int fd = address ? new_socket() : -1;
  if (fd < 0 || ::connect(fd, generic(*address), sizeof *address) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

Result<int> listen_on_unix_socket(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return fail(ErrorKind::Reject, "no path that a Unix socket can have");
  if (auto room = make_room(path); !room) return tl::unexpected(room.error());
  const int fd = new_socket();
  if (fd < 0) return refuse(errno);
  // Nobody can connect before it listens.
  const bool listens = ::bind(fd, generic(*address), sizeof *address) == 0 && ::chmod(path.c_str(), kMode) == 0 &&
                       ::listen(fd, SOMAXCONN) == 0;
  if (listens) return fd;
  const int why = errno;
  ::close(fd);
  return refuse(why);
}

}  // namespace tether
