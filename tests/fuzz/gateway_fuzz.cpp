#include "fuzz.h"
#include "tether/base/check.h"
#include "tether/protocol/document.h"
#include "tether/protocol/gateway.h"
#include "tether/protocol/json.h"

using namespace tether;
using namespace tether::protocol;

namespace {

/// Any UTF-8 text goes into a line and comes out of it as it was.
void check_line(const std::string& text) {
  ResourceLine resource;
  resource.kind = "RestApi";
  resource.id = "a1";
  resource.artifact = true;
  resource.document = text;
  const std::string line = write_resource_line(resource, /*patch=*/true);
  check(line.find('\n') == line.size() - 1, "a line is one line");
  const auto object = json::parse_object(line, /*max_depth=*/2);
  check(object.has_value(), "a line is JSON");
  const auto* document = object->find("document");
  check(document != nullptr && document->decoded() == text, "a document comes out as it went in");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::as_text(data, size);
  const auto state = parse_gateway_state(body);
  check(!state || (state->revision >= 0 && state->resources >= 0), "counts are not negative");
  const auto answer = parse_push_answer(body);
  if (answer) {
    for (const RejectedLine& line : answer->rejected) {
      check(is_utf8(line.reason), "a reason is text");
    }
  }
  if (is_utf8(body)) check_line(std::string(body));
  return 0;
}
