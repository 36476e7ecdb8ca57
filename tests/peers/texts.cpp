#include "tether/peers/texts.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <ctime>
#include <iomanip>
#include <locale>
#include <sstream>
#include <vector>

#include "tether/base/check.h"

namespace tether::peers {
namespace {

using Bytes = std::vector<unsigned char>;

Bytes random_bytes(std::size_t count) {
  Bytes bytes(count);
  check(RAND_bytes(bytes.data(), static_cast<int>(count)) == 1, "random bytes are to be had");
  return bytes;
}

std::string hex(const Bytes& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::string uuid_of(Bytes bytes, unsigned version) {
  bytes.resize(16);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | (version << 4U));
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
  std::string text = hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, "-");
  return text;
}

std::string base64(const Bytes& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  Bytes out(text.size());
  const int size = EVP_EncodeBlock(out.data(), bytes.data(), static_cast<int>(bytes.size()));
  return {out.begin(), out.begin() + size};
}

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

std::tm utc(Instant at) {
  const auto seconds = static_cast<std::time_t>(at.ns / 1'000'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

std::string formatted(const char* format, const std::tm& parts) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << std::put_time(&parts, format);
  return text.str();
}

/// `.417` without trailing zeros beyond `padded_to` digits, or nothing.
std::string fraction(std::int64_t ns, int decimals, int padded_to) {
  std::string digits = std::to_string(1'000'000'000 + ns).substr(1, static_cast<std::size_t>(decimals));
  while (!digits.empty() && digits.back() == '0') digits.pop_back();
  if (digits.size() < static_cast<std::size_t>(padded_to)) digits.resize(static_cast<std::size_t>(padded_to), '0');
  return digits.empty() ? "" : "." + digits;
}

std::string utc_text(Instant at, int decimals, int padded_to = 0) {
  return formatted("%Y-%m-%dT%H:%M:%S", utc(at)) + fraction(at.ns % 1'000'000'000, decimals, padded_to) + "Z";
}

}  // namespace

Instant wall_clock_now() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count()};
}

std::string performed_at_text(Instant at, int decimals, int padded_to) {
  return utc_text(at, decimals, padded_to);
}

std::string local_seconds_text(Instant at) {
  const auto seconds = static_cast<std::time_t>(at.ns / 1'000'000'000);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::string text = formatted("%Y-%m-%dT%H:%M:%S%z", parts);
  if (text.ends_with("+0000")) return text.substr(0, text.size() - 5) + "Z";
  return text.insert(text.size() - 2, ":");
}

std::string microseconds_text(Instant at) {
  return utc_text(at, /*decimals=*/6);
}

std::string http_date_text(Instant at) {
  return formatted("%a, %d %b %Y %H:%M:%S GMT", utc(at));
}

std::optional<std::string> stored_time_text(std::string_view rfc3339) {
  if (!parse_rfc3339(rfc3339)) return std::nullopt;
  std::string text(rfc3339);
  text[10] = ' ';
  if (text.back() == 'Z' || text.back() == 'z') text.replace(text.size() - 1, 1, "+00:00");
  const std::size_t offset = text.size() - 6;
  std::string head = text.substr(0, offset);
  if (head.find('.') != std::string::npos) {
    while (head.back() == '0') head.pop_back();
    if (head.back() == '.') head.pop_back();
  }
  return head + text.substr(offset);
}

std::string random_uuid() {
  return uuid_of(random_bytes(16), /*version=*/4);
}

std::string timed_uuid(Instant at) {
  Bytes bytes = random_bytes(16);
  const auto ms = static_cast<std::uint64_t>(at.ms());
  for (unsigned i = 0; i < 6; ++i) bytes[i] = static_cast<unsigned char>(ms >> (8U * (5U - i)));
  return uuid_of(std::move(bytes), /*version=*/7);
}

std::string derived_uuid(std::string_view from) {
  Bytes digest(SHA256_DIGEST_LENGTH);
  const Bytes data = bytes_of(from);
  SHA256(data.data(), data.size(), digest.data());
  return uuid_of(std::move(digest), /*version=*/5);
}

std::string random_token() {
  std::string text = base64(random_bytes(32));
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text.substr(0, 43);
}

std::string sha256_hex(std::string_view data) {
  Bytes digest(SHA256_DIGEST_LENGTH);
  const Bytes bytes = bytes_of(data);
  SHA256(bytes.data(), bytes.size(), digest.data());
  return hex(digest);
}

std::string hmac_sha256_hex(std::string_view key, std::string_view data) {
  Bytes digest(SHA256_DIGEST_LENGTH);
  const Bytes bytes = bytes_of(data);
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(), digest.data(), &size);
  return hex(digest);
}

std::string sha1_base64(std::string_view data) {
  Bytes digest(SHA_DIGEST_LENGTH);
  const Bytes bytes = bytes_of(data);
  SHA1(bytes.data(), bytes.size(), digest.data());
  return base64(digest);
}

std::string url_decoded(std::string_view text) {
  const auto nibble = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && nibble(text[i + 1]) >= 0 && nibble(text[i + 2]) >= 0;
    if (escaped) {
      decoded += static_cast<char>(nibble(text[i + 1]) * 16 + nibble(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace tether::peers
