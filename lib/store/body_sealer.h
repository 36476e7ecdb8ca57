#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tether/base/result.h"
#include "tether/seal/sealer.h"

namespace tether::store {

/// How the content of bodies rests in the database: encrypted where it may hold a credential, bound to its owner and
/// key, so that no row can stand in for another. Any thread.
class BodySealer {
 public:
  explicit BodySealer(const Secret& material) : sealer_(material) {}

  std::int64_t key_id() const { return sealer_.key_id(); }

  struct Sealed {
    std::int64_t key_id = 0;  ///< What is put into the column `key_id`: 0 for what is not encrypted.
    std::string bytes;
  };
  Result<Sealed> seal(std::string_view owner_kind, std::string_view owner_id, std::string_view key,
                      std::string_view document) const;

  /// Writes the content to `document`. False: it was changed, or is another row's.
  bool open(std::string_view owner_kind, std::string_view owner_id, std::string_view key, std::int64_t key_id,
            std::string_view bytes, std::string& document) const;

 private:
  seal::Sealer sealer_;
};

/// The `key_id` of a body that was found to be damaged. No key has it.
inline constexpr std::int64_t kDamagedBody = -1;

}  // namespace tether::store
