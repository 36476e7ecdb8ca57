#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tether/base/result.h"
#include "tether/base/secret.h"

namespace tether::seal {

/// What a key is made from has at least so many bytes …
inline constexpr std::size_t kMinMaterialBytes = 32;
/// … and at most so many.
inline constexpr std::size_t kMaxMaterialBytes = 4096;

/// Encrypts values that are to rest on a disk, and tells whether they are what was encrypted: AES-256-GCM under one
/// key, a random nonce of 96 bits for each value, a tag of 128 bits. With one key up to 2^32 values may be sealed. Any
/// thread.
class Sealer {
 public:
  /// `material`: what the key is derived from, kMinMaterialBytes that nobody can guess.
  explicit Sealer(const Secret& material);
  ~Sealer();
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  /// Names the key and tells nothing about it. Above 0; the same for the same material.
  std::int64_t key_id() const { return key_id_; }

  /// `place`: what the value is of. It is not stored, and the value can be opened with the same one only.
  /// Retry: the system has no random bytes.
  Result<std::string> seal(std::string_view place, std::string_view plain) const;
  /// Writes what was sealed to `plain`. False: it was sealed with another key, for another place, or was changed since.
  bool open(std::string_view place, std::string_view sealed, std::string& plain) const;

 private:
  struct Cipher;
  std::unique_ptr<Cipher> cipher_;
  Secret key_;
  std::int64_t key_id_ = 0;
};

}  // namespace tether::seal
