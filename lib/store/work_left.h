#pragma once

#include <string>

/// What is wanted and not here, as the part of a query from FROM on; ?1 is the identity. Each goes by an index that is
/// empty while everything is here.
namespace tether::store {

/// Artifacts, as `a`: no document, and it was not refused either.
inline const std::string kWithoutDocument =
    "FROM artifacts a INDEXED BY artifacts_without_document WHERE a.identity = ?1 AND a.wanted = 0 AND a.fetched <> "
    "a.deployment_id AND NOT EXISTS ("
    "SELECT 1 FROM offers o WHERE o.identity = a.identity AND o.kind = a.kind AND o.id = a.id AND "
    "o.refused_body = a.deployment_id AND o.refused_at_ms = a.at_ns / 1000000) ";

/// Secrets, as `r`.
inline const std::string kWithoutValue =
    "FROM resources r INDEXED BY resources_without_value WHERE r.identity = ?1 AND r.kind = 'Secret' AND r.gone = 0 "
    "AND "
    "(r.body = '' OR r.fetched_hash <> r.hash) ";

}  // namespace tether::store
