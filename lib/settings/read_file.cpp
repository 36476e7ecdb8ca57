#include "tether/settings/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace tether {

namespace {

class Descriptor {
 public:
  explicit Descriptor(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> last_error() {
  return fail(ErrorKind::Reject, std::generic_category().message(errno));
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const Descriptor file(path);
  if (file.get() < 0) return last_error();
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return last_error();
  // A pipe or a device could hold up the caller for ever.
  if (!S_ISREG(about.st_mode)) return fail(ErrorKind::Reject, "not a regular file");

  // Enough at once: a buffer that grows leaves a copy of a secret behind.
  constexpr std::size_t kPiece = 4096;
  std::string content;
  content.reserve(std::min(static_cast<std::size_t>(about.st_size), max_bytes) + 2 * kPiece);
  while (content.size() <= max_bytes) {
    const std::size_t have = content.size();
    content.resize(std::min(have + kPiece, max_bytes + 1));
    const auto got = ::read(file.get(), content.data() + have, content.size() - have);
    if (got < 0 && errno != EINTR) return last_error();
    content.resize(have + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got == 0) return content;
  }
  return fail(ErrorKind::Reject, "longer than " + std::to_string(max_bytes) + " bytes");
}

}  // namespace tether
