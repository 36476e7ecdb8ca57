#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tether::peers {

/// What a made-up document should refer to and how large it should be.
struct SampleDocument {
  std::string kind = "RestApi";
  std::string handle;
  std::vector<std::string> secrets;    ///< Handles: placeholders at a place that fits the kind.
  std::vector<std::string> providers;  ///< LlmProxy: the provider and its additional ones. Empty: `openai-provider`.
  std::string credential;              ///< RestApi: stands in the document itself. Empty: none does.
  std::string backend = "https://backend.example.com/v2";
  std::size_t at_least_bytes = 0;  ///< Padded with a comment up to this size.
  bool v1alpha1 = false;           ///< The old format, as for a gateway that reported less than 1.2.0.
};

/// A document as the control plane writes them, quirks included (protocol section 5).
std::string sample_document(const SampleDocument& what);

/// The handles that a text's `{{ secret "…" }}` placeholders name, each once, in order.
std::vector<std::string> secrets_named_in(std::string_view document);

}  // namespace tether::peers
