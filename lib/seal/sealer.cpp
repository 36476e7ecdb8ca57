#include "tether/seal/sealer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <climits>

#include "tether/base/check.h"

namespace tether::seal {
namespace {

// A sealed value: format, nonce, what was encrypted, tag.
constexpr char kFormat = 1;
constexpr int kNonceBytes = 12;
constexpr int kTagBytes = 16;
constexpr std::size_t kHeadBytes = 1 + kNonceBytes;
constexpr std::size_t kKeyBytes = 32;

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

/// One of the values that are made from the material, told apart by `purpose`: HMAC-SHA256.
std::array<unsigned char, kKeyBytes> derive(const Secret& material, std::string_view purpose) {
  std::array<unsigned char, kKeyBytes> derived{};
  unsigned int size = 0;
  const auto& text = material.reveal();
  const bool done = HMAC(EVP_sha256(), text.data(), static_cast<int>(text.size()), bytes(purpose), purpose.size(),
                         derived.data(), &size) != nullptr;
  check(done && size == derived.size(), "SHA-256 is part of every OpenSSL");
  return derived;
}

/// OpenSSL counts in int; a value of a store is far smaller.
bool is_countable(std::string_view text) {
  return text.size() <= static_cast<std::size_t>(INT_MAX) - kHeadBytes - kTagBytes;
}

}  // namespace

struct Sealer::Cipher {
  // Looked up once: OpenSSL would look for it again at each use.
  std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)> aes{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr),
                                                              &EVP_CIPHER_free};
};

Sealer::Sealer(const Secret& material) : cipher_(std::make_unique<Cipher>()) {
  check(cipher_->aes != nullptr, "AES-256-GCM is part of every OpenSSL");
  auto key = derive(material, "tetherd: key of the store, AES-256-GCM");
  key_ = Secret(std::string(reinterpret_cast<const char*>(key.data()), key.size()));
  OPENSSL_cleanse(key.data(), key.size());
  const auto name = derive(material, "tetherd: name of the store's key");
  for (std::size_t i = 0; i < sizeof(key_id_); ++i)
    key_id_ = static_cast<std::int64_t>((static_cast<std::uint64_t>(key_id_) << 8U) | name[i]);
  key_id_ &= INT64_MAX;
  if (key_id_ == 0) key_id_ = 1;
}

Sealer::~Sealer() = default;

Result<std::string> Sealer::seal(std::string_view place, std::string_view plain) const {
  check(is_countable(plain) && is_countable(place), "a value is smaller than 2 GiB");
  std::string sealed(kHeadBytes + plain.size() + kTagBytes, '\0');
  sealed[0] = kFormat;
  unsigned char* const nonce = bytes(sealed) + 1;
  unsigned char* const out = bytes(sealed) + kHeadBytes;
  unsigned char* const tag = out + plain.size();
  if (RAND_bytes(nonce, kNonceBytes) != 1) return fail(ErrorKind::Retry, "encrypt: the system has no random bytes");
  const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  const bool done =
      EVP_EncryptInit_ex2(context.get(), cipher_->aes.get(), bytes(key_.reveal()), nonce, nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, bytes(sealed), 1) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, bytes(place), static_cast<int>(place.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), out, &size, bytes(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), tag, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1;
  if (!done) return fail(ErrorKind::Retry, "encrypt: there is no memory for it");
  return sealed;
}

bool Sealer::open(std::string_view place, std::string_view sealed, std::string& plain) const {
  plain.clear();
  if (sealed.size() < kHeadBytes + kTagBytes || sealed[0] != kFormat || !is_countable(sealed)) return false;
  plain.resize(sealed.size() - kHeadBytes - kTagBytes);
  const std::string_view hidden = sealed.substr(kHeadBytes, plain.size());
  std::string tag(sealed.substr(kHeadBytes + plain.size()));
  const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  const bool done =
      EVP_DecryptInit_ex2(context.get(), cipher_->aes.get(), bytes(key_.reveal()), bytes(sealed) + 1, nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, bytes(sealed), 1) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, bytes(place), static_cast<int>(place.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes(plain), &size, bytes(hidden), static_cast<int>(hidden.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), bytes(plain) + plain.size(), &size) == 1;
  if (!done) plain.clear();  // nothing of what does not hold together is shown
  return done;
}

}  // namespace tether::seal
