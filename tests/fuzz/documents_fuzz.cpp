#include "fuzz.h"
#include "tether/base/check.h"
#include "tether/protocol/document.h"

using namespace tether;
using namespace tether::protocol;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto facts = read_document(fuzz::as_text(data, size));
  if (!facts) return 0;
  check(!facts->kind.empty() && !facts->handle.empty(), "a document that is read has kind and handle");
  for (const auto& secret : facts->secrets) {
    check(!secret.empty() && secret.find_first_of("\"\\") == std::string::npos, "a secret's handle ends at its quote");
  }
  return 0;
}
