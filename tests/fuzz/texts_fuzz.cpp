#include <algorithm>
#include <string>

#include "fuzz.h"
#include "temp_file.h"
#include "tether/base/check.h"
#include "tether/base/time.h"
#include "tether/protocol/rest.h"
#include "tether/settings/address.h"
#include "tether/settings/token.h"

using namespace tether;

/// The short texts from outside that are not JSON, YAML or an archive: times, waits, addresses and tokens.
namespace {

void read_times(std::string_view text) {
  constexpr Instant kEnd{9'214'646'400'000'000'000};  // 2262-01-01
  for (const auto parse : {parse_rfc3339, parse_http_date}) {
    const auto at = parse(text);
    if (!at) continue;
    check(*at >= Instant{} && *at < kEnd, "a time is within its years");
    const auto again = parse_rfc3339(format_rfc3339(*at));
    check(again && *again == *at, "a time is read as it was written");
    const auto ms = parse_rfc3339(format_rfc3339_ms(*at));
    check(ms && ms->ms() == at->ms(), "a time is read as it was written, to the millisecond");
    check(protocol::since_query(*at).find_first_of("&=# ") == std::string::npos, "a time fits into a query");
  }
  for (const Instant now : {Instant{}, from_ms(1'780'000'000'000)}) {
    const auto wait = parse_retry_after(text, now);
    check(!wait || (*wait >= Duration::zero() && *wait <= kMaxRetryAfter), "a wait is within its limits");
  }
}

void read_addresses(std::string_view text) {
  if (const auto address = parse_control_plane_url(text)) {
    const auto again = parse_control_plane_url(address->url());
    check(again && *again == *address, "an address is read as it was written");
    check(address->ws_path == address->rest_base + std::string(kConnectSuffix), "REST is beside the WebSocket");
    check(address->port != 0 && !address->host.empty(), "an address names host and port");
  }
  if (const auto listen = parse_listen_address(text)) {
    check(!listen->host.empty() && listen->host.find_first_of("[]/ ") == std::string::npos, "a host is a bare one");
  }
}

void read_token(std::string_view text) {
  static const fuzz::TempFile file;
  file.hold(text);
  const TokenSource source = TokenSource::file(file.path());
  const auto token = source.read();
  check(!token || is_usable_token(token->reveal()), "a token fits into a header");
  const std::string why = source.why_none();
  check(why.empty() == token.has_value(), "there is a token or a reason why not");
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  check(std::ranges::none_of(why, is_control), "the reason is one line");
}

void write_segment(std::string_view text) {
  const std::string segment = protocol::encode_segment(text);
  check(segment.find_first_of("/?#&= \r\n") == std::string::npos, "a segment stays in its place");
  check(text != "." && text != ".." ? true : segment != text, "a segment leads nowhere");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  read_times(text);
  read_addresses(text);
  read_token(text);
  write_segment(text);
  return 0;
}
