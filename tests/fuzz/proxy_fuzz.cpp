#include "fuzz.h"
#include "tether/base/check.h"
#include "tether/proxy/connect.h"

using namespace tether;

/// A proxy's URL, a list of exceptions, and what a proxy answers: whole and byte by byte it has to mean the same.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  const auto parsed = proxy::parse_proxy_url(text);
  static_cast<void>(proxy::is_excepted(text, "cp.example.com", 443));
  static_cast<void>(proxy::is_excepted(text, "10.1.2.3", 443));

  const proxy::Proxy asked = parsed ? *parsed : proxy::Proxy{"proxy", 3128};
  static_cast<void>(proxy::connect_request(asked, "cp.example.com:443"));
  proxy::ConnectAnswer bytes(asked);
  bool open = false;
  bool refused = false;
  for (std::size_t i = 0; i < text.size() && !open && !refused; ++i) {
    const auto fed = bytes.feed(text.substr(i, 1));
    refused = !fed;
    open = fed && *fed;
  }
  const auto whole = proxy::ConnectAnswer(asked).feed(text);
  // What comes with the head is refused, what would come after it is not read here.
  check(!whole || *whole == open, "an answer means the same in one piece");
  check(!refused || !whole, "what is refused in pieces is refused whole");
  return 0;
}
