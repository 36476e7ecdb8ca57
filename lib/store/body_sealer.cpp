#include "tether/store/body_sealer.h"

#include "tether/protocol/sensitive.h"

namespace tether::store {
namespace {

/// The lengths keep ("a", "bc") apart from ("ab", "c").
std::string place_of(std::string_view owner_kind, std::string_view owner_id, std::string_view key) {
  std::string place;
  for (const auto part : {owner_kind, owner_id, key}) {
    place += std::to_string(part.size());
    place += ':';
    place += part;
  }
  return place;
}

}  // namespace

Result<BodySealer::Sealed> BodySealer::seal(std::string_view owner_kind, std::string_view owner_id,
                                            std::string_view key, std::string_view document) const {
  if (!protocol::may_hold_credentials(owner_kind)) return Sealed{0, std::string(document)};
  auto sealed = sealer_.seal(place_of(owner_kind, owner_id, key), document);
  if (!sealed) return tl::unexpected<Error>(sealed.error());
  return Sealed{sealer_.key_id(), std::move(*sealed)};
}

bool BodySealer::open(std::string_view owner_kind, std::string_view owner_id, std::string_view key, std::int64_t key_id,
                      std::string_view bytes, std::string& document) const {
  // Whether a row is encrypted is not for the row to say: else it could be replaced by a plain one.
  if (!protocol::may_hold_credentials(owner_kind)) {
    document = bytes;
    return key_id == 0;
  }
  return key_id == sealer_.key_id() && sealer_.open(place_of(owner_kind, owner_id, key), bytes, document);
}

}  // namespace tether::store
