#include "tether/tls/identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "tether/tls/fingerprint.h"

namespace tether::tls {
namespace {

namespace fs = std::filesystem;
using Part = Flaw::Part;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;

constexpr unsigned kOfOthers = S_IRWXO;

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777U));
  return text.data();
}

/// The file open, or why it cannot be read, as the end of `cannot be read: …`.
struct Opened {
  Bio bio;
  struct stat about {};
  std::string why_not;
};

Opened open_file(const std::string& path, std::size_t max_bytes) {
  Opened out;
  if (::stat(path.c_str(), &out.about) != 0) {
    out.why_not = std::generic_category().message(errno);
  } else if (!S_ISREG(out.about.st_mode)) {
    out.why_not = "not a regular file";
  } else if (static_cast<std::size_t>(out.about.st_size) > max_bytes) {
    out.why_not = "longer than " + std::to_string(max_bytes) + " bytes";
  } else {
    out.bio.reset(BIO_new_file(path.c_str(), "rb"));
    if (!out.bio) out.why_not = std::generic_category().message(errno);
  }
  ERR_clear_error();
  return out;
}

/// As many certificates as there are. What is no certificate in between (a key, a parameter) is passed over; one that
/// is damaged ends it.
std::vector<CertPtr> read_certs(BIO* bio) {
  std::vector<CertPtr> out;
  while (CertPtr next{PEM_read_bio_X509_AUX(bio, nullptr, nullptr, nullptr)}) out.push_back(std::move(next));
  return out;
}

/// After read_certs: whether it ended with the file, and not in the midst of it.
bool is_at_end() {
  const unsigned long error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return at_end;
}

/// A key that asks for a passphrase gets none, and nobody is asked on a terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

std::variant<KeyPtr, Flaw> read_key(const std::string& path) {
  const auto opened = open_file(path, kMaxCertBytes);
  if (!opened.bio) {
    return Flaw{Part::ClientKey, "cannot be read: " + opened.why_not, "a file with the certificate's private key"};
  }
  if ((opened.about.st_mode & kOfOthers) != 0) {
    return Flaw{Part::ClientKey, "is open to every user of this machine (mode " + octal(opened.about.st_mode) + ")",
                "a file that its owner, or a group, can read alone (chmod o= does it)"};
  }
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(opened.bio.get(), nullptr, no_passphrase, &asked));
  ERR_clear_error();
  if (key) return key;
  return Flaw{Part::ClientKey, asked ? "is encrypted with a passphrase" : "holds no private key in PEM",
              "a file with the certificate's private key, not encrypted"};
}

std::vector<std::string> files_of(const std::string& folder, std::error_code& error) {
  std::vector<std::string> out;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) out.push_back(it->path().string());
  }
  std::ranges::sort(out);
  return out;
}

Flaw unreadable_ca(const std::string& why) {
  return {Part::Ca, "cannot be read: " + why, "a file with PEM certificates that can be read, or a folder of them"};
}

}  // namespace

std::variant<OwnCert, Flaw> read_own_cert(const std::string& cert_file, const std::string& key_file) {
  const std::string should = "a file with our certificate in PEM, and what it was signed by after it";
  const auto opened = open_file(cert_file, kMaxCertBytes);
  if (!opened.bio) return Flaw{Part::ClientCert, "cannot be read: " + opened.why_not, should};
  ERR_clear_error();
  auto certs = read_certs(opened.bio.get());
  const bool whole = is_at_end();
  if (certs.empty()) return Flaw{Part::ClientCert, "holds no certificate in PEM", should};
  if (!whole) return Flaw{Part::ClientCert, "holds a damaged certificate", should};

  auto key = read_key(key_file);
  if (auto* flaw = std::get_if<Flaw>(&key)) return std::move(*flaw);
  OwnCert own;
  own.key = std::move(std::get<KeyPtr>(key));
  own.leaf = std::move(certs.front());
  own.chain.assign(std::make_move_iterator(certs.begin() + 1), std::make_move_iterator(certs.end()));
  const bool fits = X509_check_private_key(own.leaf.get(), own.key.get()) == 1;
  ERR_clear_error();
  if (fits) return own;
  return Flaw{Part::ClientKey, "holds a key that does not fit the certificate in " + cert_file,
              "the private key that the first certificate there was made for"};
}

std::variant<std::vector<CertPtr>, Flaw> read_authorities(const std::string& path) {
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  const auto files = is_folder ? files_of(path, error) : std::vector<std::string>{path};
  if (is_folder && error) return unreadable_ca(error.message());
  std::vector<CertPtr> out;
  std::size_t left = kMaxCaBytes;
  for (const std::string& file : files) {
    const auto opened = open_file(file, left);
    if (!opened.bio) return unreadable_ca(is_folder ? file + ": " + opened.why_not : opened.why_not);
    left -= static_cast<std::size_t>(opened.about.st_size);
    ERR_clear_error();
    auto certs = read_certs(opened.bio.get());
    if (!is_at_end()) {
      return Flaw{Part::Ca, (is_folder ? "has in " + file : std::string("holds")) + " a damaged certificate",
                  "PEM certificates that can be read"};
    }
    std::ranges::move(certs, std::back_inserter(out));
  }
  if (!out.empty()) return out;
  return Flaw{Part::Ca, "holds no certificate", "a file with PEM certificates, or a folder of such files"};
}

std::string fingerprint_of(const std::string& path) {
  std::string out;
  if (path.empty()) return out;
  out += fingerprint_of_file(path) + ';';
  std::error_code error;
  if (fs::is_directory(path, error)) {
    for (const std::string& file : files_of(path, error)) out += fingerprint_of_file(file) + ';';
  }
  return out;
}

std::optional<Instant> expiry_of(const X509* certificate) {
  std::tm broken_down{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &broken_down) != 1) {
    return std::nullopt;
  }
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  return Instant{static_cast<std::int64_t>(::timegm(&broken_down)) * kNsPerSecond};
}

Pin pin_of(const X509* certificate) {
  Pin pin{};
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size > 0) SHA256(der, static_cast<std::size_t>(size), pin.data());
  OPENSSL_free(der);
  return pin;
}

}  // namespace tether::tls
