#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/utf8.h"

namespace tether::protocol {

/// What the daemon reads of an artifact's document; the rest passes through byte for byte.
struct DocumentFacts {
  std::string kind;
  std::string handle;                    ///< metadata.name
  std::vector<std::string> providers;    ///< Handles of LlmProviders that an LlmProxy needs, without repeats.
  std::vector<std::string> secrets;      ///< Handles in `{{ secret "…" }}` placeholders, without repeats.
  std::vector<std::string> credentials;  ///< What stands under `auth: {value: …}` itself, without a placeholder.
};

/// Deeper than this, or with more nodes, a document is not read.
inline constexpr int kMaxDocumentDepth = 64;
inline constexpr std::size_t kMaxDocumentNodes = 1'000'000;
/// Nor one in which this directive stands more often, wherever.
inline constexpr std::size_t kMaxTagDirectives = 64;

/// Reads the facts without building a tree (libyaml's events), so aliases are never expanded. Reject: not one YAML
/// document, not UTF-8, too deep or too large, or without `kind` or `metadata.name`; the message gives the line.
Result<DocumentFacts> read_document(std::string_view document);

using tether::is_utf8;

}  // namespace tether::protocol
