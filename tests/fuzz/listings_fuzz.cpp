#include <string>
#include <vector>

#include "fuzz.h"
#include "tether/base/check.h"
#include "tether/protocol/rest.h"

using namespace tether;
using namespace tether::protocol;

namespace {

struct Scanned {
  std::vector<std::string> elements;
  bool fed = true;
  bool whole = false;
};

Scanned scan(std::string_view body, const std::string& member, std::size_t piece) {
  Scanned scanned;
  ArrayScanner scanner(member, [&scanned](std::string_view element) -> Result<Done> {
    scanned.elements.emplace_back(element);
    return Done{};
  });
  for (std::size_t at = 0; at < body.size() && scanned.fed; at += piece) {
    scanned.fed = scanner.feed(body.substr(at, piece)).has_value();
  }
  scanned.whole = scanner.finish().has_value();
  return scanned;
}

/// Every reader of a row gets every element: none may trust that it was asked for that kind.
void read_rows(const std::vector<std::string>& elements) {
  for (const std::string& element : elements) {
    (void)parse_deployment_row(element);
    (void)parse_secret_row(element);
    for (const auto parse : {parse_key_row, parse_plan_row, parse_subscription_row}) {
      const auto row = parse(element);
      if (!row) continue;
      const auto again = parse(row->data);
      check(again.has_value() && again->data == row->data, "a row reads back as itself");
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::as_text(data, size);
  for (const char* member : {"", "deployments", "list"}) {
    const Scanned whole = scan(body, member, /*piece=*/size + 1);
    const Scanned cut = scan(body, member, /*piece=*/1);
    check(whole.elements == cut.elements && whole.fed == cut.fed && whole.whole == cut.whole,
          "a body reads the same however it is cut");
    read_rows(whole.elements);
  }
  (void)parse_exists(body);
  (void)parse_secret_value(body);
  (void)parse_hmac_secrets(body);
  return 0;
}
