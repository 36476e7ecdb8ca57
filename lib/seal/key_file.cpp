#include "tether/seal/key_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "tether/seal/sealer.h"

namespace tether::seal {
namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr mode_t kOthers = 0077;

tl::unexpected<Error> cannot(const std::string& what, int error) {
  return fail(ErrorKind::Retry, what + ": " + std::generic_category().message(error));
}

/// An open file, closed with the object.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string random_digits() {
  std::array<unsigned char, kMinMaterialBytes> random{};
  std::string digits;
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return digits;
  constexpr std::string_view kDigits = "0123456789abcdef";
  digits.reserve(2 * random.size() + 1);
  for (const unsigned char byte : random) digits += {kDigits[byte >> 4U], kDigits[byte & 0xFU]};
  OPENSSL_cleanse(random.data(), random.size());
  digits += '\n';
  return digits;
}

/// Under another name first: a crash leaves a whole file or none.
Result<Done> make(const KeyFile& file) {
  const std::string doing = "make " + file.path;
  const Secret digits(random_digits());
  if (digits.empty()) return fail(ErrorKind::Retry, doing + ": the system has no random bytes");
  const std::string unfinished = file.path + ".new";
  ::unlink(unfinished.c_str());
  {
    const Descriptor made(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
    if (made.number() < 0) return cannot(doing, errno);
    // Made under whatever umask there is.
    const bool written = ::fchmod(made.number(), kOwnerOnly) == 0 && write_all(made.number(), digits.reveal()) &&
                         (!file.durable || ::fsync(made.number()) == 0);
    if (!written) {
      const int error = errno;
      ::unlink(unfinished.c_str());
      return cannot(doing, error);
    }
  }
  if (::rename(unfinished.c_str(), file.path.c_str()) != 0) return cannot(doing, errno);
  if (!file.durable) return Done{};
  const auto parent = std::filesystem::path(file.path).parent_path();
  const Descriptor folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0 || ::fsync(folder.number()) != 0) return cannot(doing, errno);
  return Done{};
}

/// nullopt: it is not there. Reject: what is there is no key.
Result<std::optional<LoadedKey>> read(const KeyFile& file) {
  const Descriptor opened(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (opened.number() < 0) {
    if (errno == ENOENT) return std::optional<LoadedKey>();
    return cannot("read " + file.path, errno);
  }
  struct stat status {};
  if (::fstat(opened.number(), &status) != 0) return cannot("read " + file.path, errno);
  std::string text(kMaxMaterialBytes + 1, '\0');
  std::size_t size = 0;
  while (S_ISREG(status.st_mode) && size < text.size()) {
    const auto got = ::read(opened.number(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read " + file.path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  LoadedKey loaded;
  loaded.material = Secret(text.substr(0, size));
  OPENSSL_cleanse(text.data(), text.size());
  if (size < kMinMaterialBytes || size > kMaxMaterialBytes) {
    return fail(ErrorKind::Reject, file.path + " holds no key: it should be a file of " +
                                       std::to_string(kMinMaterialBytes) + " to " + std::to_string(kMaxMaterialBytes) +
                                       " random bytes");
  }
  if ((status.st_mode & kOthers) != 0) {
    if (file.is_ours && ::fchmod(opened.number(), kOwnerOnly) == 0) {
      loaded.notes.push_back("the key " + file.path + " could be read by others; now it cannot");
    } else {
      loaded.notes.push_back("the key " + file.path + " can be read by others: its mode should be 0600");
    }
  }
  return std::optional<LoadedKey>(std::move(loaded));
}

}  // namespace

Result<LoadedKey> load_key(const KeyFile& file) {
  std::vector<std::string> notes;
  auto loaded = read(file);
  if (!loaded && loaded.error().kind == ErrorKind::Reject && file.is_ours) {
    // Nobody else will mend it.
    const std::string aside = file.path + ".damaged";
    if (::rename(file.path.c_str(), aside.c_str()) != 0) return cannot("set aside " + file.path, errno);
    notes.push_back(loaded.error().message + "; it is kept as " + aside + " and a new one was made");
    loaded = std::optional<LoadedKey>();
  }
  if (loaded && !*loaded) {
    if (!file.may_make) return fail(ErrorKind::Retry, file.path + " is not there");
    if (auto made = make(file); !made) return tl::unexpected<Error>(made.error());
    loaded = read(file);
    if (loaded && !*loaded) return fail(ErrorKind::Retry, file.path + " was taken away");
  }
  if (!loaded) return fail(ErrorKind::Retry, loaded.error().message);
  notes.insert(notes.end(), (**loaded).notes.begin(), (**loaded).notes.end());
  (**loaded).notes = std::move(notes);
  return std::move(**loaded);
}

}  // namespace tether::seal
